import { quoteHeader } from "./quote.ts";

/** Longest timeout kept, ms: 2^53 - 1 would lose fractions; nobody waits 100,000 years. */
const timeoutMaxMs = 3e15;

/** Digits that the protocol allows. */
const digitsMax = 8;

function unitMs(unit: number): number {
  switch (unit) {
    case 0x48: // H
      return 3_600_000;
    case 0x4d: // M
      return 60_000;
    case 0x53: // S
      return 1000;
    case 0x6d: // m
      return 1;
    case 0x75: // u
      return 1e-3;
    case 0x6e: // n
      return 1e-6;
    default:
      return 0;
  }
}

/** Milliseconds (fractional) of a `grpc-timeout` value, or -1 when it is malformed. */
export function parseGrpcTimeout(value: string): number {
  const digits = value.length - 1;
  if (digits < 1 || digits > digitsMax) return -1;
  const unit = unitMs(value.charCodeAt(digits));
  if (unit === 0) return -1;
  let count = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    count = count * 10 + digit;
  }
  return Math.min(count * unit, timeoutMaxMs);
}

/** Why a value is malformed, in grpc-go's words (the part after `malformed grpc-timeout: `). */
export function describeBadTimeout(value: string): string {
  if (value.length < 2) return `transport: timeout string is too short: ${quoteHeader(value)}`;
  if (value.length > digitsMax + 1) {
    return `transport: timeout string is too long: ${quoteHeader(value)}`;
  }
  if (unitMs(value.charCodeAt(value.length - 1)) === 0) {
    return `transport: timeout unit is not recognized: ${quoteHeader(value)}`;
  }
  return `strconv.ParseUint: parsing ${quoteHeader(value.slice(0, -1))}: invalid syntax`;
}

/** The `grpc-timeout` value of a duration, rounded up; 0 for what has passed. */
export function encodeGrpcTimeout(timeoutMs: number): string {
  if (!(timeoutMs > 0)) return "0n";
  const steps: readonly [string, number][] = [
    ["u", 1e-3],
    ["m", 1],
    ["S", 1000],
    ["M", 60_000],
    ["H", 3_600_000],
  ];
  for (const [unit, size] of steps) {
    const count = Math.ceil(timeoutMs / size);
    if (count < 10 ** digitsMax) return `${count}${unit}`;
  }
  return "99999999H";
}
