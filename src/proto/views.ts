import { type Cursor, readBool, readInt, readInt32, readLength, readPair } from "./wire.ts";
import { readTag, skipField, varintSize } from "./wire.ts";

/**
 * Where the parts of a PutRequest lie in the bytes it was read from, for the hot path of puts:
 * nothing is allocated, so one view can serve all requests. Valid as long as those bytes are.
 *
 * `canonical`: the bytes are exactly what our encoder (and etcd's) would write for the request, so
 * they may be copied into a log entry as they are.
 */
export class PutView {
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** The lease id as two halves, both int32; both 0 for none. */
  leaseLow = 0;
  leaseHigh = 0;
  prevKv = false;
  ignoreValue = false;
  ignoreLease = false;
  canonical = true;
}

/** Reads the cursor to its end as a PutRequest. @throws ProtoError as decodePutRequest. */
export function viewPut(c: Cursor, view: PutView): void {
  clearPut(view, c.pos);
  let last = 0;
  while (c.pos < c.end) {
    const start = c.pos;
    const tag = readTag(c);
    // A tag of more than one byte is either unknown or not the shortest.
    const plain = (c.bytes[start] as number) < 0x80 && tag > last;
    if (!readPutField(c, tag, view) || !plain) view.canonical = false;
    last = tag;
  }
}

function clearPut(view: PutView, at: number): void {
  view.keyStart = view.keyEnd = view.valueStart = view.valueEnd = at;
  view.leaseLow = view.leaseHigh = 0;
  view.prevKv = view.ignoreValue = view.ignoreLease = false;
  view.canonical = true;
}

/** Reads one field; true when its value is one that an encoder writes, in the shortest form. */
function readPutField(c: Cursor, tag: number, view: PutView): boolean {
  const start = c.pos;
  switch (tag) {
    case 10: {
      const length = readLength(c);
      view.keyStart = c.pos;
      view.keyEnd = c.pos += length;
      return length !== 0 && view.keyStart - start === varintSize(length);
    }
    case 18: {
      const length = readLength(c);
      view.valueStart = c.pos;
      view.valueEnd = c.pos += length;
      return length !== 0 && view.valueStart - start === varintSize(length);
    }
    case 24:
      readPair(c);
      view.leaseLow = c.low;
      view.leaseHigh = c.high;
      // The last byte of a shortest varint is zero only for zero, which is left out.
      return c.bytes[c.pos - 1] !== 0;
    case 32:
      view.prevKv = readBool(c);
      return isOne(c, start);
    case 40:
      view.ignoreValue = readBool(c);
      return isOne(c, start);
    case 48:
      view.ignoreLease = readBool(c);
      return isOne(c, start);
    default:
      skipField(c, tag);
      return false;
  }
}

function isOne(c: Cursor, start: number): boolean {
  return c.pos === start + 1 && c.bytes[start] === 1;
}

/** The same for a RangeRequest: a point read of one key needs nothing else. */
export class RangeView {
  keyStart = 0;
  keyEnd = 0;
  rangeEndStart = 0;
  rangeEndEnd = 0;
  limit = 0;
  revision = 0;
  sortOrder = 0;
  sortTarget = 0;
  serializable = false;
  keysOnly = false;
  countOnly = false;
  minModRevision = 0;
  maxModRevision = 0;
  minCreateRevision = 0;
  maxCreateRevision = 0;
}

/** Reads the cursor to its end as a RangeRequest. @throws ProtoError as decodeRangeRequest. */
export function viewRange(c: Cursor, view: RangeView): void {
  view.keyStart = view.keyEnd = view.rangeEndStart = view.rangeEndEnd = c.pos;
  view.limit = view.revision = view.sortOrder = view.sortTarget = 0;
  view.serializable = view.keysOnly = view.countOnly = false;
  view.minModRevision = view.maxModRevision = 0;
  view.minCreateRevision = view.maxCreateRevision = 0;
  while (c.pos < c.end) {
    const tag = readTag(c);
    switch (tag) {
      case 10: {
        const length = readLength(c);
        view.keyStart = c.pos;
        view.keyEnd = c.pos += length;
        break;
      }
      case 18: {
        const length = readLength(c);
        view.rangeEndStart = c.pos;
        view.rangeEndEnd = c.pos += length;
        break;
      }
      default:
        readRangeOption(c, tag, view);
    }
  }
}

function readRangeOption(c: Cursor, tag: number, view: RangeView): void {
  switch (tag) {
    case 24:
      view.limit = readInt(c);
      break;
    case 32:
      view.revision = readInt(c);
      break;
    case 40:
      view.sortOrder = readInt32(c);
      break;
    case 48:
      view.sortTarget = readInt32(c);
      break;
    case 56:
      view.serializable = readBool(c);
      break;
    case 64:
      view.keysOnly = readBool(c);
      break;
    case 72:
      view.countOnly = readBool(c);
      break;
    case 80:
      view.minModRevision = readInt(c);
      break;
    case 88:
      view.maxModRevision = readInt(c);
      break;
    case 96:
      view.minCreateRevision = readInt(c);
      break;
    case 104:
      view.maxCreateRevision = readInt(c);
      break;
    default:
      skipField(c, tag);
  }
}
