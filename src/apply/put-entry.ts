import { Cursor, readLength, readPair, readTag } from "../proto/wire.ts";
import { createPutRequest, mergePutRequest, type PutRequest } from "../proto/gen/etcdserverpb.ts";

const TAG_PUT = 0x22;
const TAG_HEADER = 0x322;
const TAG_HEADER_ID = 0x08;
const TWO_32 = 4294967296;
const ID_HIGH_MASK = 0xffff;

/** A log entry that holds a put, as `readPutEntry` found it; refilled by each call. */
export interface PutEntry {
  request: PutRequest;
  /** Low 48 bits of the request id. */
  requestId: number;
}

/** A reusable PutEntry. */
export function newPutEntry(): PutEntry {
  return { request: createPutRequest(), requestId: 0 };
}

/**
 * Reads entries of the form that this server writes for a put: the request, then the header with
 * only an id. Anything else is left to the general decoder. Puts are most of a log, and this spares
 * the wrapper's objects and the exact 64-bit id.
 */
export class PutEntryReader {
  readonly #cursor = new Cursor(new Uint8Array(0), 0, 0);

  /** False: not of that form, `out` is undefined. Views in `out` live as long as `data`. */
  read(data: Uint8Array, out: PutEntry): boolean {
    if (data.length === 0 || data[0] !== TAG_PUT) return false;
    const cursor = this.#cursor;
    cursor.reset(data, 0, data.length);
    readTag(cursor);
    const length = readLength(cursor);
    const end = cursor.end;
    cursor.end = cursor.pos + length;
    out.request = createPutRequest();
    mergePutRequest(out.request, cursor);
    cursor.end = end;
    if (cursor.pos >= end || readTag(cursor) !== TAG_HEADER) return false;
    if (readLength(cursor) !== end - cursor.pos) return false;
    if (cursor.pos >= end || readTag(cursor) !== TAG_HEADER_ID) return false;
    readPair(cursor);
    out.requestId = (cursor.high & ID_HIGH_MASK) * TWO_32 + (cursor.low >>> 0);
    return cursor.pos === end;
  }
}

/** Low 48 bits of a request id. */
export function lowId(id: bigint): number {
  return Number(id & 0xffff_ffff_ffffn);
}
