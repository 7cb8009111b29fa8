import { type Cursor, GROUP_DEPTH_MAX, malformed, NUMBER_MAX, ProtoError } from "./cursor.ts";

/** The value of every absent bytes field; never written to, as it has no byte. */
export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

const TWO_32 = 2 ** 32;
/** First high half whose number is out of the exact range. */
const HIGH_LIMIT = 2 ** 21;
/** Texts up to this many bytes are decoded here, longer ones by the platform (measured). */
const SHORT_TEXT_BYTES = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a varint of up to ten bytes into `c.low` and `c.high`.
 * @throws ProtoError when it is cut off or does not fit 64 bits.
 */
export function readPair(c: Cursor): void {
  const { bytes, end } = c;
  let pos = c.pos;
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (pos >= end) malformed();
    const b = bytes[pos++] as number;
    low |= (b & 0x7f) << shift;
    if (b < 0x80) {
      c.pos = pos;
      c.low = low;
      c.high = 0;
      return;
    }
  }
  if (pos >= end) malformed();
  const middle = bytes[pos++] as number;
  c.pos = pos;
  c.low = low | (middle << 28);
  c.high = (middle & 0x7f) >> 4;
  if (middle >= 0x80) readHigh(c);
}

/** Bytes six to ten of a varint. */
function readHigh(c: Cursor): void {
  const { bytes, end } = c;
  let pos = c.pos;
  let high = c.high;
  for (let shift = 3; shift < 32; shift += 7) {
    if (pos >= end) malformed();
    const b = bytes[pos++] as number;
    // The tenth byte has room for one bit.
    if (shift === 31 && b > 1) malformed();
    high |= (b & 0x7f) << shift;
    if (b < 0x80) break;
  }
  c.pos = pos;
  c.high = high;
}

/** Reads a uint64, saturating at 2^53. @throws ProtoError when malformed. */
export function readUint(c: Cursor): number {
  const { bytes, pos } = c;
  if (pos + 1 < c.end) {
    const first = bytes[pos] as number;
    if (first < 0x80) {
      c.pos = pos + 1;
      return first;
    }
    const second = bytes[pos + 1] as number;
    if (second < 0x80) {
      c.pos = pos + 2;
      return (first & 0x7f) | (second << 7);
    }
  }
  readPair(c);
  const high = c.high >>> 0;
  return high >= HIGH_LIMIT ? NUMBER_MAX : high * TWO_32 + (c.low >>> 0);
}

/** Reads an int64, saturating at ±2^53. @throws ProtoError when malformed. */
export function readInt(c: Cursor): number {
  const pos = c.pos;
  if (pos < c.end) {
    const b = c.bytes[pos] as number;
    if (b < 0x80) {
      c.pos = pos + 1;
      return b;
    }
  }
  readPair(c);
  const high = c.high;
  if (high >= HIGH_LIMIT) return NUMBER_MAX;
  if (high < -HIGH_LIMIT) return -NUMBER_MAX;
  return high * TWO_32 + (c.low >>> 0);
}

/** Reads a uint64 exactly. @throws ProtoError when malformed. */
export function readUint64(c: Cursor): bigint {
  readPair(c);
  const high = c.high >>> 0;
  if (high === 0 && c.low === 0) return 0n;
  if (high < HIGH_LIMIT) return BigInt(high * TWO_32 + (c.low >>> 0));
  return (BigInt(high) << 32n) | BigInt(c.low >>> 0);
}

/** Reads an int64 exactly. @throws ProtoError when malformed. */
export function readInt64(c: Cursor): bigint {
  readPair(c);
  const high = c.high;
  if (high === 0 && c.low === 0) return 0n;
  if (high < HIGH_LIMIT && high >= -HIGH_LIMIT) return BigInt(high * TWO_32 + (c.low >>> 0));
  return (BigInt(high) << 32n) | BigInt(c.low >>> 0);
}

/** Reads an int32 or an enum (64 bits cut to 32, as everywhere). @throws ProtoError. */
export function readInt32(c: Cursor): number {
  readPair(c);
  return c.low;
}

/** Reads a uint32 (64 bits cut to 32). @throws ProtoError when malformed. */
export function readUint32(c: Cursor): number {
  readPair(c);
  return c.low >>> 0;
}

/** Reads a bool: any non-zero varint is true. @throws ProtoError when malformed. */
export function readBool(c: Cursor): boolean {
  const pos = c.pos;
  if (pos < c.end) {
    const b = c.bytes[pos] as number;
    if (b < 0x80) {
      c.pos = pos + 1;
      return b !== 0;
    }
  }
  readPair(c);
  return c.low !== 0 || c.high !== 0;
}

/**
 * Reads a tag: field number × 8 + wire type, an exact number below 2^32.
 * @throws ProtoError for a field number of 0 or above 2^29 - 1.
 */
export function readTag(c: Cursor): number {
  const pos = c.pos;
  if (pos < c.end) {
    const b = c.bytes[pos] as number;
    if (b < 0x80) {
      if (b < 8) malformed();
      c.pos = pos + 1;
      return b;
    }
  }
  readPair(c);
  if (c.high !== 0) malformed();
  const tag = c.low >>> 0;
  if (tag < 8) malformed();
  return tag;
}

/**
 * Reads a length prefix; that many bytes follow within the cursor's end.
 * @throws ProtoError when they do not.
 */
export function readLength(c: Cursor): number {
  const length = readUint(c);
  if (length > c.end - c.pos) malformed();
  return length;
}

/**
 * Reads a bytes field as a view of the input: it lives and changes with the input's memory, so
 * what outlives the request must be copied. @throws ProtoError when cut off.
 */
export function readBytes(c: Cursor): Uint8Array {
  const length = readLength(c);
  if (length === 0) return EMPTY_BYTES;
  const pos = c.pos;
  c.pos = pos + length;
  return new Uint8Array(c.bytes.buffer, c.bytes.byteOffset + pos, length);
}

/** Reads a string. @throws ProtoError when cut off or not UTF-8 (Go refuses it as well). */
export function readString(c: Cursor): string {
  const length = readLength(c);
  const { bytes, pos } = c;
  const end = pos + length;
  c.pos = end;
  if (length <= SHORT_TEXT_BYTES) {
    let text = "";
    for (let i = pos; i < end; i++) {
      const b = bytes[i] as number;
      if (b >= 0x80) return decodeText(bytes, pos, end);
      text += String.fromCharCode(b);
    }
    return text;
  }
  return decodeText(bytes, pos, end);
}

function decodeText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtoError("proto: string field contains invalid UTF-8");
  }
}

/**
 * Skips the value after `tag`: an unknown field, or a known one of another wire type.
 * @throws ProtoError when it is malformed, an end of a group, or of no known wire type.
 */
export function skipField(c: Cursor, tag: number): void {
  switch (tag & 7) {
    case 0:
      readPair(c);
      return;
    case 1:
      return skipBytes(c, 8);
    case 2:
      return skipBytes(c, readUint(c));
    case 3:
      return skipGroup(c, tag >>> 3);
    case 5:
      return skipBytes(c, 4);
    default:
      malformed();
  }
}

function skipBytes(c: Cursor, length: number): void {
  if (length > c.end - c.pos) malformed();
  c.pos += length;
}

/** Skips to behind the end of group `field`, with an own stack instead of recursion. */
function skipGroup(c: Cursor, field: number): void {
  const open = [field];
  while (open.length > 0) {
    // Inside of groups Go lets field numbers up to 2^31 - 1 pass: high halves of up to 2 bits.
    readPair(c);
    if ((c.high & ~3) !== 0) malformed();
    const number = c.high * 2 ** 29 + (c.low >>> 3);
    if (number === 0) malformed();
    const wireType = c.low & 7;
    if (wireType === 4) {
      if (open.pop() !== number) malformed();
    } else if (wireType === 3) {
      if (open.push(number) > GROUP_DEPTH_MAX) {
        throw new ProtoError("proto: exceeded maximum recursion depth");
      }
    } else {
      skipField(c, wireType);
    }
  }
}
