import type { ByteSpan } from "../../base/span.ts";
import { Cursor, readLength, readPair, readTag } from "../../proto/wire.ts";

const TAG_KEY = 0x0a;
const TAG_VALUE = 0x2a;
const TAG_LEASE = 0x30;

/**
 * The value inside an encoded mvccpb.KeyValue of ours (canonical: ascending fields, no unknown
 * ones); an empty span when it has none.
 */
export function valueOf(encoded: ByteSpan): ByteSpan {
  const cursor = new Cursor(encoded.bytes, encoded.start, encoded.end);
  while (cursor.pos < cursor.end) {
    const tag = readTag(cursor);
    if (tag === TAG_KEY || tag === TAG_VALUE) {
      const length = readLength(cursor);
      if (tag === TAG_VALUE) {
        return { bytes: encoded.bytes, start: cursor.pos, end: cursor.pos + length };
      }
      cursor.pos += length;
    } else {
      readPair(cursor);
    }
  }
  return { bytes: encoded.bytes, start: encoded.end, end: encoded.end };
}

/** Where the fields before the value end, and where the lease field (or nothing) begins. */
export function withoutValue(encoded: ByteSpan): {
  readonly headEnd: number;
  readonly tail: number;
} {
  const cursor = new Cursor(encoded.bytes, encoded.start, encoded.end);
  let headEnd = encoded.start;
  while (cursor.pos < cursor.end) {
    const at = cursor.pos;
    const tag = readTag(cursor);
    if (tag === TAG_LEASE) return { headEnd, tail: at };
    if (tag === TAG_KEY || tag === TAG_VALUE) {
      const length = readLength(cursor);
      cursor.pos += length;
    } else readPair(cursor);
    if (tag !== TAG_VALUE) headEnd = cursor.pos;
  }
  return { headEnd, tail: encoded.end };
}

/** The lease inside an encoded KeyValue, 0n when it has none. */
export function leaseOf(encoded: ByteSpan): bigint {
  const { tail } = withoutValue(encoded);
  if (tail === encoded.end) return 0n;
  const cursor = new Cursor(encoded.bytes, tail + 1, encoded.end);
  readPair(cursor);
  return BigInt.asIntN(64, (BigInt(cursor.high) << 32n) | BigInt(cursor.low >>> 0));
}
