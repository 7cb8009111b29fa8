import { type ByteSpan, newSpan } from "../../../base/span.ts";
import {
  branchChild,
  branchKeyBytes,
  branchKeyStart,
  BUCKET_HEADER_BYTES,
  compareAt,
  ElementFlag,
  elementAt,
  KEY_BYTES_MAX,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  META_PAGES,
  PAGE_HEADER_BYTES,
  pageCount,
  PageFlag,
  pageFlags,
  pageId,
  readU32,
} from "./format.ts";

/** Where pages come from. */
export interface PageSource {
  readonly pageBytes: number;
  /**
   * Branch or leaf page `id` with its overflow pages, checked by `pageProblem`. Its bytes never
   * change, and stay for as long as somebody has them.
   * @throws BoltError when it is damaged.
   */
  page(id: number): Uint8Array;
  /**
   * The same for a lookup, named by `out`: its bytes may change once `loads` is FRAME_LOADS_MIN
   * above what it was at the call.
   * @throws BoltError when it is damaged.
   */
  brief(id: number, out: ByteSpan): void;
  /**
   * Makes `out` name the value at (main, sub), which leaf `id` of the `key` bucket may have,
   * without reading all of the page; false where that does not go: `brief` is to be asked. The
   * bytes outlive CHANGE_READS_MAX further such reads.
   * @throws BoltError when what was read is damaged.
   */
  glimpse(id: number, main: number, sub: number, out: ByteSpan): boolean;
  /** Rises as pages are read. */
  readonly loads: number;
  /** The error that says so about page `id`. */
  damaged(id: number, message: string): Error;
}

/** What a page is checked against. */
export interface PagePlace {
  /** Its own number; 0 for a leaf inside of a bucket's value. */
  readonly id: number;
  /** First page number that does not exist. */
  readonly endPage: number;
}

/**
 * What is wrong with the branch or leaf page in `bytes[start, end)`, null when nothing is: header,
 * elements within bounds, keys strictly ascending, children that exist. Whatever passes can be read
 * without further looks at bounds.
 */
export function pageProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  place: PagePlace,
): string | null {
  if (end - start < PAGE_HEADER_BYTES) return "page is cut off";
  const id = pageId(bytes, start);
  if (id !== place.id) return `page says it is page ${id}`;
  const flags = pageFlags(bytes, start);
  const count = pageCount(bytes, start);
  if (elementAt(start, count) > end) return `${count} elements do not fit into the page`;
  if (flags === PageFlag.leaf) return leafProblem(bytes, start, end, place.endPage);
  if (flags !== PageFlag.branch) return `page has type 0x${flags.toString(16)}`;
  return place.id === 0
    ? "a bucket's own page is not a leaf"
    : branchProblem(bytes, start, end, place.endPage);
}

function leafProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  endPage: number,
): string | null {
  const order = new KeyOrder(bytes, start, end);
  for (let i = 0; i < order.count; i++) {
    const element = elementAt(start, i);
    const keyStart = leafKeyStart(bytes, element);
    const keyBytes = leafKeyBytes(bytes, element);
    const problem = order.add(i, keyStart, keyBytes);
    if (problem !== null) return problem;
    const valueStart = keyStart + keyBytes;
    const valueBytes = leafValueBytes(bytes, element);
    order.next = valueStart + valueBytes;
    if (valueStart + valueBytes > end) return `value of element ${i} is beyond the page`;
    const flags = readU32(bytes, element);
    if (flags === ElementFlag.pair) continue;
    if (flags !== ElementFlag.bucket) return `element ${i} has flags ${flags}`;
    const bucketProblem = bucketValueProblem(bytes, valueStart, valueStart + valueBytes, endPage);
    if (bucketProblem !== null) return `bucket in element ${i}: ${bucketProblem}`;
  }
  return null;
}

/** A bucket's header: a root page, or 0 and a leaf behind it. */
function bucketValueProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  endPage: number,
): string | null {
  if (end - start < BUCKET_HEADER_BYTES) return "its header is cut off";
  const root = pageId(bytes, start);
  if (root !== 0) return isTreePage(root, endPage) ? null : `root page ${root} does not exist`;
  return pageProblem(bytes, start + BUCKET_HEADER_BYTES, end, { id: 0, endPage });
}

function branchProblem(
  bytes: Uint8Array,
  start: number,
  end: number,
  endPage: number,
): string | null {
  const order = new KeyOrder(bytes, start, end);
  if (order.count === 0) return "branch page without elements";
  for (let i = 0; i < order.count; i++) {
    const element = elementAt(start, i);
    const problem = order.add(i, branchKeyStart(bytes, element), branchKeyBytes(bytes, element));
    if (problem !== null) return problem;
    const child = branchChild(bytes, element);
    if (!isTreePage(child, endPage)) return `element ${i} leads to page ${child}`;
  }
  return null;
}

function isTreePage(id: number, endPage: number): boolean {
  return id >= META_PAGES && id < endPage;
}

/** Checks the keys of a page one after the other. */
class KeyOrder {
  readonly count: number;
  /** Where the next key must begin: every writer packs pairs without gaps. */
  next: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #last = newSpan();

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.count = pageCount(bytes, start);
    this.#bytes = bytes;
    this.next = elementAt(start, this.count);
    this.#end = end;
    this.#last.bytes = bytes;
  }

  add(place: number, keyStart: number, keyBytes: number): string | null {
    if (keyBytes === 0 || keyBytes > KEY_BYTES_MAX) {
      return `key of element ${place} has ${keyBytes} bytes`;
    }
    if (keyStart + keyBytes > this.#end) return `key of element ${place} is not within the page`;
    const last = this.#last;
    if (place > 0 && compareAt(this.#bytes, keyStart, keyBytes, last) <= 0) {
      return `key of element ${place} is not above the one before it`;
    }
    if (keyStart !== this.next) return `key of element ${place} is not where it should begin`;
    this.next = keyStart + keyBytes;
    last.start = keyStart;
    last.end = keyStart + keyBytes;
    return null;
  }
}
