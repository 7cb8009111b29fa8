import { assert } from "../base/assert.ts";
import { type Cursor, malformed, NUMBER_MAX, tooDeep } from "./cursor.ts";

const TWO_32 = 2 ** 32;
const TWO_56 = 1n << 56n;
const TWO_63 = 1n << 63n;
/** Copies up to this many bytes are done by a loop, longer ones by the platform (measured). */
const SHORT_COPY_BYTES = 24;

const utf8 = new TextEncoder();

/** Bytes that `writeVarint(n)` writes: 1 to 10 (always 10 for a negative n). */
export function varintSize(n: number): number {
  if (n < 0x80) return n < 0 ? 10 : 1;
  if (n < 0x4000) return 2;
  if (n < 0x20_0000) return 3;
  if (n < 0x1000_0000) return 4;
  if (n < 2 ** 35) return 5;
  if (n < 2 ** 42) return 6;
  return n < 2 ** 49 ? 7 : 8;
}

/**
 * Writes an integer of -2^53 to 2^53 as a varint (64-bit two's complement when negative) and
 * returns the end. @throws AssertionError for other numbers.
 */
export function writeVarint(n: number, into: Uint8Array, at: number): number {
  if (n >= 0) {
    if (n < 0x80) {
      into[at] = n;
      return at + 1;
    }
    if (n < 0x4000) {
      into[at] = n | 0x80;
      into[at + 1] = n >> 7;
      return at + 2;
    }
    if (n < TWO_32) return writeUint32(n, into, at);
  }
  assert(n >= -NUMBER_MAX && n <= NUMBER_MAX, "number out of the exact range");
  const high = Math.floor(n / TWO_32);
  return writePair(n - high * TWO_32, high, into, at);
}

function writeUint32(n: number, into: Uint8Array, start: number): number {
  let at = start;
  let rest = n >>> 0;
  while (rest >= 0x80) {
    into[at++] = rest | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

/** Writes the varint of high × 2^32 + low; both are taken modulo 2^32. */
export function writePair(low: number, high: number, into: Uint8Array, start: number): number {
  let at = start;
  let lo = low >>> 0;
  let hi = high >>> 0;
  while (hi !== 0) {
    into[at++] = lo | 0x80;
    lo = ((lo >>> 7) | (hi << 25)) >>> 0;
    hi >>>= 7;
  }
  return writeUint32(lo, into, at);
}

/** Bytes that `writeVarint64(v)` writes. -2^63 <= v < 2^64. */
export function varint64Size(v: bigint): number {
  const n = Number(v);
  if (n < 0) return 10;
  // Below 2^53 the number is exact; above, rounding could reach the next size.
  if (n < NUMBER_MAX) return varintSize(n);
  if (v < TWO_56) return 8;
  return v < TWO_63 ? 9 : 10;
}

/** Writes an integer of 64 bits as a varint and returns the end. -2^63 <= v < 2^64. */
export function writeVarint64(v: bigint, into: Uint8Array, at: number): number {
  const n = Number(v);
  if (n >= 0 && n < NUMBER_MAX) return writeVarint(n, into, at);
  const low = Number(BigInt.asUintN(32, v));
  // The rounding of n is at most 2^10, a 2^22nd part of what one step of the high half is.
  return writePair(low, Math.round((n - low) / TWO_32), into, at);
}

/** Writes a tag, field number × 8 + wire type, and returns the end. */
export function writeTag(field: number, wireType: number, into: Uint8Array, at: number): number {
  return writeVarint(field * 8 + wireType, into, at);
}

/**
 * Copies the next `length` bytes of the cursor to `into` at `at`, moves the cursor past them and
 * returns the end in `into`. The two do not overlap. @throws ProtoError when they are not there.
 */
export function copyBytes(from: Cursor, length: number, into: Uint8Array, at: number): number {
  if (length > from.end - from.pos) malformed();
  const { bytes, pos } = from;
  from.pos = pos + length;
  if (length <= SHORT_COPY_BYTES) {
    for (let i = 0; i < length; i++) into[at + i] = bytes[pos + i] as number;
  } else {
    into.set(bytes.subarray(pos, pos + length), at);
  }
  return at + length;
}

/** Bytes of a length prefix of `length` and what follows it. */
export function delimitedSize(length: number): number {
  return varintSize(length) + length;
}

/** Writes `bytes` with their length before them and returns the end. */
export function writeBytes(bytes: Uint8Array, into: Uint8Array, start: number): number {
  const length = bytes.length;
  const at = writeVarint(length, into, start);
  if (length <= SHORT_COPY_BYTES) {
    for (let i = 0; i < length; i++) into[at + i] = bytes[i] as number;
  } else {
    into.set(bytes, at);
  }
  return at + length;
}

/** Bytes of `text` in UTF-8; a lone surrogate counts as the U+FFFD that is written for it. */
export function textSize(text: string): number {
  const length = text.length;
  let size = length;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      size += 1;
      continue;
    }
    size += 2;
    if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < length) {
      const next = text.charCodeAt(i + 1);
      // A pair is four bytes for two units: the second adds nothing of its own.
      if (next >= 0xdc00 && next < 0xe000) i++;
    }
  }
  return size;
}

/** Writes `text` as UTF-8 with its length before it and returns the end. */
export function writeText(text: string, into: Uint8Array, start: number): number {
  const size = textSize(text);
  const at = writeVarint(size, into, start);
  if (size === text.length && size <= SHORT_COPY_BYTES) {
    for (let i = 0; i < size; i++) into[at + i] = text.charCodeAt(i);
  } else {
    utf8.encodeInto(text, into.subarray(at, at + size));
  }
  return at + size;
}

/**
 * Checks at the end of an encoder that the bytes were written: writes behind the end of an array
 * are silently dropped by the language.
 */
export function finish(into: Uint8Array, at: number): number {
  assert(at <= into.length, "encoded message does not fit");
  return at;
}

/**
 * Levels of recursive fields an encoder accepts. Smaller than what decoders accept, as encoders
 * recurse on the machine stack; a txn nested deeper is answered with an error by the service.
 */
export const ENCODE_DEPTH_MAX = 1_000;

/**
 * Sizes of nested messages in the order in which they will be written, so that a recursive message
 * is measured once and not once per level.
 */
export class SizeTape {
  readonly sizes: number[] = [];
  depth = 0;
  #next = 0;

  /** Takes the place of a size that `set` fills in later. */
  reserve(): number {
    return this.sizes.push(0) - 1;
  }

  /** Records a size and returns the bytes it takes with its length prefix. */
  set(slot: number, size: number): number {
    this.sizes[slot] = size;
    return delimitedSize(size);
  }

  /** The next size in writing order. */
  take(): number {
    return this.sizes[this.#next++] as number;
  }

  /** Goes one recursive field deeper. @throws ProtoError beyond ENCODE_DEPTH_MAX. */
  down(): void {
    if (++this.depth > ENCODE_DEPTH_MAX) tooDeep();
  }

  up(): void {
    this.depth -= 1;
  }
}
