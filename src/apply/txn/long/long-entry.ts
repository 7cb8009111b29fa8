import {
  createInternalRaftRequest,
  type InternalRaftRequest,
  mergeInternalRaftRequest,
} from "../../../proto/gen/etcdserverpb.ts";
import { Cursor, readLength, readTag, skipField } from "../../../proto/wire.ts";
import { isLongTxn, SHORT_TXN_BYTES } from "./long-txn.ts";

/** InternalRaftRequest.txn, field 6. */
const TAG_TXN = 0x32;

/** An entry of the log whose transaction is to be dealt with in steps. */
export interface LongTxnEntry {
  /** All of it but the transaction. */
  readonly rest: InternalRaftRequest;
  /** Where the transaction lies. */
  readonly start: number;
  readonly end: number;
}

/** Reads an entry that has a long transaction; null for all others. @throws ProtoError. */
export function readLongTxnEntry(data: Uint8Array): LongTxnEntry | null {
  if (data.length <= SHORT_TXN_BYTES) return null;
  const c = new Cursor(data, 0, data.length);
  let fieldStart = 0;
  let start = 0;
  let end = 0;
  while (c.pos < c.end) {
    const at = c.pos;
    const tag = readTag(c);
    if (tag !== TAG_TXN) {
      skipField(c, tag);
      continue;
    }
    // In several pieces nobody writes it.
    if (end > 0) return null;
    const length = readLength(c);
    fieldStart = at;
    start = c.pos;
    c.pos = end = start + length;
  }
  if (!isLongTxn(data, start, end)) return null;
  const rest = createInternalRaftRequest();
  mergeInternalRaftRequest(rest, new Cursor(data, 0, fieldStart));
  mergeInternalRaftRequest(rest, new Cursor(data, end, data.length));
  return rest.request === undefined ? { rest, start, end } : null;
}
