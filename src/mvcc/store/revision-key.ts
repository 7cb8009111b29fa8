import type { ByteSpan } from "../../base/span.ts";
import type { ChangeCursor } from "../../storage/backend/backend.ts";

/** main 8 bytes big-endian, `_`, sub 8 bytes big-endian, and `t` for a tombstone. */
const REVISION_KEY_BYTES = 17;
const SEPARATOR = 0x5f;
const TOMBSTONE_MARK = 0x74;
const TWO_32 = 4294967296;

/** A revision as etcd writes it, in keys of the `key` bucket and in the compaction marks. */
export function encodeRevision(main: number, sub: number, isTombstone: boolean): Uint8Array {
  const bytes = new Uint8Array(REVISION_KEY_BYTES + (isTombstone ? 1 : 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(main / TWO_32));
  view.setUint32(4, main % TWO_32);
  bytes[8] = SEPARATOR;
  view.setUint32(13, sub);
  if (isTombstone) bytes[REVISION_KEY_BYTES] = TOMBSTONE_MARK;
  return bytes;
}

/** The main of a revision in etcd's form; −1 when the bytes are none, or it is ≥ 2^53. */
export function decodeMain(from: ByteSpan): number {
  const { bytes, start, end } = from;
  const length = end - start;
  const isMarked = length === REVISION_KEY_BYTES + 1 && bytes[end - 1] === TOMBSTONE_MARK;
  if (length !== REVISION_KEY_BYTES && !isMarked) return -1;
  if (bytes[start + 8] !== SEPARATOR) return -1;
  let main = 0;
  for (let i = start; i < start + 8; i++) main = main * 256 + bytes[i];
  return main <= Number.MAX_SAFE_INTEGER ? main : -1;
}

/** The bucket's name, with which each hash begins. */
export const KEY_BUCKET_NAME = Uint8Array.from("key", (letter) => letter.charCodeAt(0));

/** Bytes of a value that take as long as the rest of a change: to be read and hashed. */
const UNIT_BYTES = 512;

/**
 * How much work the change is that the cursor is on, in changes: a value of a megabyte is a
 * millisecond, as two thousand small ones are.
 */
export function workOf({ value }: Pick<ChangeCursor, "value">): number {
  return 1 + Math.floor((value.end - value.start) / UNIT_BYTES);
}
