/** Numbers as the Go tools read them, with the texts of Go's errors. */
import { goQuote } from "./go-text.ts";

const INT64_MAX = (1n << 63n) - 1n;
const UINT64_MAX = (1n << 64n) - 1n;

/** A value, or the text Go would print. */
export type Parsed<T> = { readonly value: T } | { readonly error: string };

function digitsToBigInt(digits: string, base: number): bigint | null {
  const prefix = { 2: "0b", 8: "0o", 10: "", 16: "0x" }[base];
  if (prefix === undefined) return null;
  const allowed = { 2: /^[01]+$/, 8: /^[0-7]+$/, 10: /^[0-9]+$/, 16: /^[0-9a-fA-F]+$/ }[base];
  return allowed?.test(digits) ? BigInt(prefix + digits) : null;
}

/** With base 0 the prefix tells the base and digits may be grouped by underscores. */
function splitBase(text: string, base: number): { digits: string; base: number } {
  if (base !== 0) return { digits: text, base };
  const grouped = /^0?[xobXOB]?_?[0-9a-fA-F]+(_[0-9a-fA-F]+)*$/.test(text);
  const plain = grouped ? text.replaceAll("_", "") : text;
  const lower = plain.slice(0, 2).toLowerCase();
  if (lower === "0x") return { digits: plain.slice(2), base: 16 };
  if (lower === "0o") return { digits: plain.slice(2), base: 8 };
  if (lower === "0b") return { digits: plain.slice(2), base: 2 };
  if (plain.length > 1 && plain[0] === "0") return { digits: plain.slice(1), base: 8 };
  return { digits: plain, base: 10 };
}

/** strconv.ParseInt with 64 bits. `quote` is how the text is shown in an error. */
export function parseInt64(text: string, base: number, quoted: string): Parsed<bigint> {
  const negative = text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  const split = splitBase(body, base);
  const size = digitsToBigInt(split.digits, split.base);
  if (size === null) return { error: `strconv.ParseInt: parsing ${quoted}: invalid syntax` };
  const value = negative ? -size : size;
  if (value > INT64_MAX || value < -INT64_MAX - 1n) {
    return { error: `strconv.ParseInt: parsing ${quoted}: value out of range` };
  }
  return { value };
}

/** strconv.ParseUint with 64 bits. */
export function parseUint64(text: string, base: number, quoted: string): Parsed<bigint> {
  const value = digitsToBigInt(text, base);
  if (value === null) return { error: `strconv.ParseUint: parsing ${quoted}: invalid syntax` };
  if (value > UINT64_MAX) {
    return { error: `strconv.ParseUint: parsing ${quoted}: value out of range` };
  }
  return { value };
}

/** strconv.ParseBool. */
export function parseBool(text: string, quoted: string): Parsed<boolean> {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return { value: true };
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return { value: false };
  return { error: `strconv.ParseBool: parsing ${quoted}: invalid syntax` };
}

/** Durations are nanoseconds in 64 bits; so is each whole number in one, before its unit. */
const DURATION_NUMBER_MAX = 2 ** 63;
const DURATION_MS_MAX = 2 ** 63 / 1e6;

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\xc2\xb5s": 1e-3,
  "\xce\xbcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** time.ParseDuration; the value is in milliseconds. */
export function parseDurationMs(text: string, quoted: string): Parsed<number> {
  const invalid = { error: `time: invalid duration ${quoted}` };
  const negative = text.startsWith("-");
  let rest = negative || text.startsWith("+") ? text.slice(1) : text;
  if (rest === "0") return { value: 0 };
  if (rest === "") return invalid;
  let totalMs = 0;
  while (rest !== "") {
    const number = /^([0-9]+\.?[0-9]*|\.[0-9]+)/.exec(rest)?.[0];
    if (number === undefined || Number.parseInt(number, 10) > DURATION_NUMBER_MAX) return invalid;
    rest = rest.slice(number.length);
    const unit = /^[^0-9.]*/.exec(rest)?.[0] ?? "";
    rest = rest.slice(unit.length);
    if (unit === "") return { error: `time: missing unit in duration ${quoted}` };
    const scale = UNIT_MS[unit];
    if (scale === undefined) {
      return { error: `time: unknown unit ${goQuote(unit)} in duration ${quoted}` };
    }
    totalMs += Number(number) * scale;
    if (totalMs > DURATION_MS_MAX) return invalid;
  }
  return { value: negative ? -totalMs : totalMs };
}
