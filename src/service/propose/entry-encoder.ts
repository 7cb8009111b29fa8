import { copyBytes } from "../../base/byte-writer.ts";
import { requestIdHigh, requestIdLow } from "./request-id.ts";

/** One allocation serves many entries; freed when the last of them is applied. */
const SLAB_BYTES = 256 * 1024;
/** Larger entries get memory of their own, so that a slab is never mostly waste. */
const SLAB_ENTRY_BYTES_MAX = 32 * 1024;
/** Tag, length, inner tag and the longest id of InternalRaftRequest.header. */
const HEADER_BYTES_MAX = 2 + 1 + 1 + 10;
const REQUEST_TAG_BYTES_MAX = 2;
const LENGTH_BYTES_MAX = 5;
/** Field 100, length delimited: 100 << 3 | 2 as a varint. */
const HEADER_TAG_0 = 0xa2;
const HEADER_TAG_1 = 0x06;

/**
 * Encodes log entries: InternalRaftRequest with one request field and the header with its id
 * (formats-disk.md 6.2). The request's bytes go in as the client sent them.
 */
export class EntryEncoder {
  readonly #memberId: bigint;
  #slab = new Uint8Array(SLAB_BYTES);
  #at = 0;

  constructor(memberId: bigint) {
    this.#memberId = memberId;
  }

  /** Bytes that the entry takes, header with the longest id included. */
  static sizeMax(requestBytes: number): number {
    return requestBytes + REQUEST_TAG_BYTES_MAX + LENGTH_BYTES_MAX + HEADER_BYTES_MAX;
  }

  /** `field` is the request's field number in InternalRaftRequest. The result is not reused. */
  encode(
    field: number,
    request: Uint8Array,
    range: { readonly start: number; readonly end: number },
    requestId: number,
  ): Uint8Array {
    const { start, end } = range;
    const sizeMax = EntryEncoder.sizeMax(end - start);
    const own = sizeMax > SLAB_ENTRY_BYTES_MAX;
    if (!own && this.#at + sizeMax > SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#at = 0;
    }
    const target = own ? new Uint8Array(sizeMax) : this.#slab;
    const from = own ? 0 : this.#at;
    const to = this.#write(target, from, { field, request, start, end, requestId });
    if (!own) this.#at = to;
    return target.subarray(from, to);
  }

  #write(
    target: Uint8Array,
    from: number,
    entry: { field: number; request: Uint8Array; start: number; end: number; requestId: number },
  ): number {
    const { field, request, start, end, requestId } = entry;
    let at = writeVarint(target, from, field * 8 + 2);
    at = writeVarint(target, at, end - start);
    copyBytes(request, start, end, target, at);
    at += end - start;
    target[at] = HEADER_TAG_0;
    target[at + 1] = HEADER_TAG_1;
    target[at + 3] = 0x08;
    const idEnd = writeVarint64(
      target,
      at + 4,
      requestIdHigh(this.#memberId, requestId),
      requestIdLow(requestId),
    );
    target[at + 2] = idEnd - at - 3;
    return idEnd;
  }
}

function writeVarint(target: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  while (rest > 0x7f) {
    target[at] = (rest & 0x7f) | 0x80;
    at += 1;
    rest >>>= 7;
  }
  target[at] = rest;
  return at + 1;
}

function writeVarint64(target: Uint8Array, from: number, high: number, low: number): number {
  let at = from;
  let h = high;
  let l = low;
  while (h > 0 || l > 0x7f) {
    target[at] = (l & 0x7f) | 0x80;
    at += 1;
    l = ((l >>> 7) | (h << 25)) >>> 0;
    h >>>= 7;
  }
  target[at] = l;
  return at + 1;
}
