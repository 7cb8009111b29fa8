const TWO_32 = 4294967296;
const COUNTER_BITS_RANGE = 256;
const CLOCK_RANGE = 2 ** 40;

/**
 * The low 48 bits before the first request id of this process: 40 bits of wall clock in
 * milliseconds, 8 bits of counter (formats-disk.md 6.3), so that ids differ across restarts.
 */
export function firstRequestId(wallMs: number): number {
  return (Math.floor(wallMs) % CLOCK_RANGE) * COUNTER_BITS_RANGE;
}

/** Upper 32 bits of the full id: the low 16 bits of the member id, then bits 32 to 47. */
export function requestIdHigh(memberId: bigint, low48: number): number {
  const member = Number(memberId & 0xffffn);
  return ((member << 16) | Math.floor(low48 / TWO_32)) >>> 0;
}

/** Lower 32 bits of the full id. */
export function requestIdLow(low48: number): number {
  return low48 % TWO_32;
}
