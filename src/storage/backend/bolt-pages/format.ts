import type { ByteSpan } from "../../../base/span.ts";

/** bbolt's file format, formats-disk.md 2. All numbers are little-endian. */

/** id 8, flags 2, count 2, overflow 4. */
export const PAGE_HEADER_BYTES = 16;
/** Leaf: flags 4, pos 4, ksize 4, vsize 4. Branch: pos 4, ksize 4, child 8. */
export const ELEMENT_BYTES = 16;
/** Root page 8, sequence 8; behind it, when the root page is 0, an inline leaf. */
export const BUCKET_HEADER_BYTES = 16;
/** Keys have at least one byte and at most so many. */
export const KEY_BYTES_MAX = 32_768;
/** The first pages of a file are its two meta pages. */
export const META_PAGES = 2;

/** What a page is: exactly one of these. */
export const PageFlag = { branch: 0x01, leaf: 0x02, meta: 0x04, freeList: 0x10 } as const;

/** Flags of a leaf element: a pair, or a bucket whose header is the value. */
export const ElementFlag = { pair: 0, bucket: 1 } as const;

/** Means "there is none" where a page number is expected: 2^64 - 1. */
export const NO_PAGE = -1;

/** 2^64 - 1 does not fit a double; every other number above 2^53 is damage and reads as NaN. */
export function readU64(bytes: Uint8Array, at: number): number {
  const low = readU32(bytes, at);
  const high = readU32(bytes, at + 4);
  if (high === 0xffff_ffff && low === 0xffff_ffff) return NO_PAGE;
  return high > 0x1f_ffff ? Number.NaN : high * 2 ** 32 + low;
}

/** A number of four bytes. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** A number of two bytes. */
export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** `value` is an unsigned integer of 32 bits. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** `value` is a safe integer that is not negative, or NO_PAGE. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  const isNone = value === NO_PAGE;
  writeU32(bytes, at, isNone ? 0xffff_ffff : value >>> 0);
  writeU32(bytes, at + 4, isNone ? 0xffff_ffff : Math.floor(value / 2 ** 32));
}

/** Number of the page that the header at `start` claims to be. */
export function pageId(bytes: Uint8Array, start: number): number {
  return readU64(bytes, start);
}

/** One of PageFlag. */
export function pageFlags(bytes: Uint8Array, start: number): number {
  return readU16(bytes, start + 8);
}

/** Elements in the page. */
export function pageCount(bytes: Uint8Array, start: number): number {
  return readU16(bytes, start + 10);
}

/** Further pages that belong to this one, right behind it. */
export function pageOverflow(bytes: Uint8Array, start: number): number {
  return readU32(bytes, start + 12);
}

/** Where element `place` of the page at `start` begins. */
export function elementAt(start: number, place: number): number {
  return start + PAGE_HEADER_BYTES + place * ELEMENT_BYTES;
}

/** Where the key of a leaf element begins. */
export function leafKeyStart(bytes: Uint8Array, element: number): number {
  return element + readU32(bytes, element + 4);
}

/** Length of the key of a leaf element. */
export function leafKeyBytes(bytes: Uint8Array, element: number): number {
  return readU32(bytes, element + 8);
}

/** Length of its value, which follows the key. */
export function leafValueBytes(bytes: Uint8Array, element: number): number {
  return readU32(bytes, element + 12);
}

/** Where the key of a branch element begins. */
export function branchKeyStart(bytes: Uint8Array, element: number): number {
  return element + readU32(bytes, element);
}

/** Length of the key of a branch element. */
export function branchKeyBytes(bytes: Uint8Array, element: number): number {
  return readU32(bytes, element + 4);
}

/** Number of the page that a branch element leads to. */
export function branchChild(bytes: Uint8Array, element: number): number {
  return readU64(bytes, element + 8);
}

/**
 * Unsigned bytewise order of the `length` bytes at `at`, and `key`: negative, 0 or positive; a
 * proper prefix comes first.
 */
export function compareAt(bytes: Uint8Array, at: number, length: number, key: ByteSpan): number {
  const keyLength = key.end - key.start;
  const shared = length < keyLength ? length : keyLength;
  const other = key.bytes;
  const from = key.start;
  for (let i = 0; i < shared; i++) {
    const difference = bytes[at + i]! - other[from + i]!;
    if (difference !== 0) return difference;
  }
  return length - keyLength;
}
