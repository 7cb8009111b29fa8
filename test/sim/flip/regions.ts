import {
  branchChild,
  branchKeyBytes,
  branchKeyStart,
  BUCKET_HEADER_BYTES,
  ELEMENT_BYTES,
  ElementFlag,
  elementAt,
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
} from "../../../src/storage/backend/bolt-pages/format.ts";
import { META_BYTES, readMeta } from "../../../src/storage/backend/bolt-pages/meta.ts";

/** What a byte of a database file is for. */
export type Region =
  | "free"
  | "slack"
  | "meta"
  | "page header"
  | "elements"
  | "branch key"
  | "bucket name"
  | "bucket header"
  | `key of ${string}`
  | `value of ${string}`;

/** Says of each byte of a sound database what it is for; `bytes` ends with the last page. */
export function regionsOf(bytes: Uint8Array): readonly Region[] {
  return new Regions(bytes).map();
}

class Regions {
  readonly #bytes: Uint8Array;
  readonly #regions: Region[];
  #pageBytes = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#regions = Array.from({ length: bytes.length }, () => "free");
  }

  map(): readonly Region[] {
    const first = readMeta(this.#bytes, 0);
    if (typeof first === "string") throw new Error(first);
    this.#pageBytes = first.pageBytes;
    const second = readMeta(this.#bytes, first.pageBytes);
    const newest = typeof second === "string" || first.txid > second.txid ? first : second;
    for (let page = 0; page < META_PAGES; page += 1) {
      const start = page * this.#pageBytes;
      this.#mark(start, this.#pageBytes, "slack");
      this.#mark(start, PAGE_HEADER_BYTES, "page header");
      this.#mark(start + PAGE_HEADER_BYTES, META_BYTES, "meta");
    }
    this.#page(newest.rootPage, null);
    return this.#regions;
  }

  #mark(start: number, length: number, region: Region): void {
    this.#regions.fill(region, start, start + length);
  }

  /** `bucket`: null in the tree of buckets. */
  #page(id: number, bucket: string | null): void {
    const start = id * this.#pageBytes;
    const pages = 1 + readU32(this.#bytes, start + 12);
    this.#mark(start, pages * this.#pageBytes, "slack");
    this.#mark(start, PAGE_HEADER_BYTES, "page header");
    if (pageFlags(this.#bytes, start) === PageFlag.branch) this.#branch(start, bucket);
    else this.#leaf(start, bucket);
  }

  #branch(start: number, bucket: string | null): void {
    const bytes = this.#bytes;
    for (let place = 0; place < pageCount(bytes, start); place += 1) {
      const element = elementAt(start, place);
      this.#mark(element, ELEMENT_BYTES, "elements");
      this.#mark(branchKeyStart(bytes, element), branchKeyBytes(bytes, element), "branch key");
      this.#page(branchChild(bytes, element), bucket);
    }
  }

  #leaf(start: number, bucket: string | null): void {
    const bytes = this.#bytes;
    for (let place = 0; place < pageCount(bytes, start); place += 1) {
      const element = elementAt(start, place);
      this.#mark(element, ELEMENT_BYTES, "elements");
      const keyStart = leafKeyStart(bytes, element);
      const valueStart = keyStart + leafKeyBytes(bytes, element);
      const valueBytes = leafValueBytes(bytes, element);
      if (readU32(bytes, element) === ElementFlag.bucket) {
        this.#mark(keyStart, valueStart - keyStart, "bucket name");
        this.#bucket(valueStart, Buffer.from(bytes.subarray(keyStart, valueStart)).toString());
        continue;
      }
      this.#mark(keyStart, valueStart - keyStart, `key of ${bucket}`);
      this.#mark(valueStart, valueBytes, `value of ${bucket}`);
    }
  }

  #bucket(start: number, name: string): void {
    this.#mark(start, BUCKET_HEADER_BYTES, "bucket header");
    const root = pageId(this.#bytes, start);
    if (root !== 0) {
      this.#page(root, name);
      return;
    }
    const inline = start + BUCKET_HEADER_BYTES;
    this.#mark(inline, PAGE_HEADER_BYTES, "page header");
    this.#leaf(inline, name);
  }
}
