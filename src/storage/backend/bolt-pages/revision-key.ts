import type { ByteSpan } from "../../../base/span.ts";
import type { ChangeId } from "../backend.ts";

/** Name of the bucket whose keys are revisions. */
export const KEY_BUCKET = "key";
/** main 8 bytes big-endian, `_`, sub 8 bytes big-endian; a tombstone has a `t` behind it. */
export const REVISION_BYTES = 17;
/** Where the low half of main is, and that of sub. */
const MAIN_LOW_AT = 4;
const SUB_LOW_AT = 13;
const SEPARATOR = 0x5f;
const TOMBSTONE_MARK = 0x74;

/** Fills the first REVISION_BYTES of `target`. */
export function writeRevisionKey(target: Uint8Array, main: number, sub: number): void {
  writeU64BigEndian(target, 0, main);
  target[8] = SEPARATOR;
  writeU64BigEndian(target, 9, sub);
}

/** What a key of the bucket says; null when it is no revision below 2^53. */
export function readRevisionKey({ bytes, start, end }: ByteSpan): ChangeId | null {
  const isTombstone = end - start === REVISION_BYTES + 1;
  if (!isTombstone && end - start !== REVISION_BYTES) return null;
  if (isTombstone && bytes[end - 1] !== TOMBSTONE_MARK) return null;
  if (bytes[start + 8] !== SEPARATOR) return null;
  const main = readU64BigEndian(bytes, start);
  const sub = readU64BigEndian(bytes, start + 9);
  return Number.isSafeInteger(main) && Number.isSafeInteger(sub)
    ? { main, sub, isTombstone }
    : null;
}

/**
 * Whether `bytes[start, end)` is a revision with main below 2^53 and sub below 2^32, which `mainAt`
 * and `subAt` then read exactly.
 */
export function isRevisionKey(bytes: Uint8Array, start: number, end: number): boolean {
  const isMarked = end - start === REVISION_BYTES + 1 && bytes[end - 1] === TOMBSTONE_MARK;
  if (!isMarked && end - start !== REVISION_BYTES) return false;
  if (bytes[start] !== 0 || bytes[start + 1]! >= 0x20) return false;
  if (bytes[start + 8] !== SEPARATOR) return false;
  const subHigh = start + 9;
  return (bytes[subHigh]! | bytes[subHigh + 1]! | bytes[subHigh + 2]! | bytes[subHigh + 3]!) === 0;
}

/** Main of the revision key at `at`, marked or not; below 2^53 it is exact. */
export function mainAt(bytes: Uint8Array, at: number): number {
  return readU32BigEndian(bytes, at) * 2 ** 32 + readU32BigEndian(bytes, at + MAIN_LOW_AT);
}

/** Sub of the revision key at `at`, which must be below 2^32. */
export function subAt(bytes: Uint8Array, at: number): number {
  return readU32BigEndian(bytes, at + SUB_LOW_AT);
}

function readU32BigEndian(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

function writeU64BigEndian(target: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    target[at + i] = high >>> (24 - 8 * i);
    target[at + 4 + i] = value >>> (24 - 8 * i);
  }
}

/** Above 2^53 the result is not exact, which the caller sees as not a safe integer. */
function readU64BigEndian(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 8; i++) value = value * 256 + bytes[at + i]!;
  return value;
}
