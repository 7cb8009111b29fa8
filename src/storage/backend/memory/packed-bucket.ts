import type { ByteSpan } from "../../../base/span.ts";
import { newSpan } from "../../../base/span.ts";
import { copyBytes } from "../../../base/byte-writer.ts";
import type { BucketCursor } from "../backend.ts";

/** A page is searched entry by entry, so it is small; a single entry may be larger. */
const PAGE_BYTES_MAX = 4096;
/** Neighbours are joined when both fit in this. */
const JOIN_BYTES_MAX = PAGE_BYTES_MAX / 2;
/** Before each entry: length of key and of value, little-endian words. */
const ENTRY_HEADER_BYTES = 8;

/** Entries in key order, one after the other, in one buffer. */
interface PackedPage {
  /** Replaced, never written, when the page belongs to an older generation. */
  bytes: Uint8Array;
  usedBytes: number;
  readonly generation: number;
}

/** What of a bucket can be read: pages in key order, none of them empty. */
type Pages = readonly PackedPage[];

/** Where an entry is or would go. */
interface EntryPlace {
  page: number;
  offset: number;
  isFound: boolean;
}

/**
 * One plain bucket in packed pages. `freeze` hands out the present pages; whatever is written
 * afterwards copies the page it touches.
 */
export class PackedBucket {
  #pages: PackedPage[] = [];
  #isShared = false;
  #generation = 0;
  #version = 0;
  #bytes = 0;
  readonly #place: EntryPlace = { page: 0, offset: 0, isFound: false };

  /** Rises with every write. */
  get version(): number {
    return this.#version;
  }

  /** Bytes of the entries, headers included. */
  get usedBytes(): number {
    return this.#bytes;
  }

  get pages(): Pages {
    return this.#pages;
  }

  /** The bucket as it is now, never to change. */
  freeze(): Pages {
    this.#isShared = true;
    this.#generation += 1;
    return this.#pages;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#version += 1;
    const place = this.#place;
    findEntry(this.#pages, key, place);
    const size = ENTRY_HEADER_BYTES + key.length + value.length;
    if (this.#pages.length === 0) {
      this.#own();
      this.#pages.push({
        bytes: new Uint8Array(Math.max(size, 64)),
        usedBytes: 0,
        generation: this.#generation,
      });
    }
    const page = this.#ownPage(place.page);
    const { offset } = place;
    const replaced = place.isFound ? entryBytes(page.bytes, offset) : 0;
    resize(page, offset, replaced, size);
    this.#bytes += size - replaced;
    setWord(page.bytes, offset, key.length);
    setWord(page.bytes, offset + 4, value.length);
    const keyAt = offset + ENTRY_HEADER_BYTES;
    copyBytes(key, 0, key.length, page.bytes, keyAt);
    copyBytes(value, 0, value.length, page.bytes, keyAt + key.length);
    if (page.usedBytes > PAGE_BYTES_MAX) this.#split(place.page);
  }

  delete(key: Uint8Array): boolean {
    const place = this.#place;
    findEntry(this.#pages, key, place);
    if (!place.isFound) return false;
    this.#version += 1;
    const page = this.#ownPage(place.page);
    const removed = entryBytes(page.bytes, place.offset);
    resize(page, place.offset, removed, 0);
    this.#bytes -= removed;
    if (page.usedBytes === 0) this.#pages.splice(place.page, 1);
    else if (place.page > 0) this.#join(place.page - 1);
    return true;
  }

  #own(): void {
    if (!this.#isShared) return;
    this.#pages = this.#pages.slice();
    this.#isShared = false;
  }

  #ownPage(index: number): PackedPage {
    this.#own();
    const page = this.#pages[index];
    if (page.generation === this.#generation) return page;
    const own = {
      bytes: page.bytes.slice(),
      usedBytes: page.usedBytes,
      generation: this.#generation,
    };
    this.#pages[index] = own;
    return own;
  }

  #split(index: number): void {
    const page = this.#pages[index];
    let cut = entryBytes(page.bytes, 0);
    if (cut === page.usedBytes) return;
    for (;;) {
      const next = cut + entryBytes(page.bytes, cut);
      if (next > page.usedBytes / 2) break;
      cut = next;
    }
    const right = page.bytes.slice(cut, page.usedBytes);
    page.bytes = page.bytes.slice(0, cut);
    page.usedBytes = cut;
    this.#pages.splice(index + 1, 0, {
      bytes: right,
      usedBytes: right.length,
      generation: this.#generation,
    });
  }

  #join(index: number): void {
    const right = this.#pages[index + 1];
    if (this.#pages[index].usedBytes + right.usedBytes > JOIN_BYTES_MAX) return;
    const left = this.#ownPage(index);
    const end = left.usedBytes;
    resize(left, end, 0, right.usedBytes);
    left.bytes.set(right.bytes.subarray(0, right.usedBytes), end);
    this.#pages.splice(index + 1, 1);
  }
}

/** Fills `out` with the value of `key`; false when absent. */
export function readEntry(pages: Pages, key: Uint8Array, out: ByteSpan): boolean {
  const place: EntryPlace = { page: 0, offset: 0, isFound: false };
  findEntry(pages, key, place);
  if (!place.isFound) return false;
  const { bytes } = pages[place.page];
  out.bytes = bytes;
  out.start = place.offset + ENTRY_HEADER_BYTES + key.length;
  out.end = place.offset + entryBytes(bytes, place.offset);
  return true;
}

/** Names the pages that a cursor walks, and when they change. */
export interface PageSource {
  readonly pages: Pages;
  readonly version: number;
}

/** A BucketCursor over a bucket or a frozen one. */
export class PackedCursor implements BucketCursor {
  readonly key = newSpan();
  readonly value = newSpan();
  readonly #source: PageSource;
  readonly #place: EntryPlace = { page: 0, offset: 0, isFound: false };
  #version = -1;
  #last: Uint8Array = new Uint8Array(0);
  #isAfterLast = false;

  constructor(source: PageSource) {
    this.#source = source;
  }

  seek(key: Uint8Array): void {
    this.#last = key.slice();
    this.#isAfterLast = false;
    this.#version = -1;
  }

  next(): boolean {
    const { pages, version } = this.#source;
    const place = this.#place;
    if (version !== this.#version) {
      this.#version = version;
      findEntry(pages, this.#last, place);
      if (place.isFound && this.#isAfterLast) stepOver(pages, place);
    } else {
      stepOver(pages, place);
    }
    if (place.page < pages.length && place.offset === pages[place.page].usedBytes) {
      place.page += 1;
      place.offset = 0;
    }
    if (place.page >= pages.length) return false;
    const { bytes } = pages[place.page];
    const keyStart = place.offset + ENTRY_HEADER_BYTES;
    this.key.bytes = bytes;
    this.key.start = keyStart;
    this.key.end = keyStart + word(bytes, place.offset);
    this.value.bytes = bytes;
    this.value.start = this.key.end;
    this.value.end = this.key.end + word(bytes, place.offset + 4);
    this.#last = bytes.slice(keyStart, this.key.end);
    this.#isAfterLast = true;
    return true;
  }
}

function stepOver(pages: Pages, place: EntryPlace): void {
  if (place.page >= pages.length) return;
  const page = pages[place.page];
  if (place.offset < page.usedBytes) place.offset += entryBytes(page.bytes, place.offset);
}

/** Finds `key` or the place of the first greater one; in an empty bucket page 0, offset 0. */
function findEntry(pages: Pages, key: Uint8Array, out: EntryPlace): void {
  let low = 0;
  let high = pages.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (compareEntry(pages[middle].bytes, 0, key) <= 0) low = middle;
    else high = middle - 1;
  }
  out.page = low;
  out.offset = 0;
  out.isFound = false;
  if (pages.length === 0) return;
  const page = pages[low];
  let order = -1;
  while (out.offset < page.usedBytes) {
    order = compareEntry(page.bytes, out.offset, key);
    if (order >= 0) break;
    out.offset += entryBytes(page.bytes, out.offset);
  }
  out.isFound = order === 0;
}

function compareEntry(bytes: Uint8Array, offset: number, key: Uint8Array): number {
  const length = word(bytes, offset);
  const start = offset + ENTRY_HEADER_BYTES;
  const shared = Math.min(length, key.length);
  for (let i = 0; i < shared; i++) {
    const difference = bytes[start + i] - key[i];
    if (difference !== 0) return difference;
  }
  return length - key.length;
}

function entryBytes(bytes: Uint8Array, offset: number): number {
  return ENTRY_HEADER_BYTES + word(bytes, offset) + word(bytes, offset + 4);
}

/** Turns `removed` bytes at `offset` into room for `added`. */
function resize(page: PackedPage, offset: number, removed: number, added: number): void {
  const used = page.usedBytes + added - removed;
  if (used > page.bytes.length) {
    const grown = new Uint8Array(Math.max(used, page.bytes.length * 2));
    grown.set(page.bytes.subarray(0, page.usedBytes));
    page.bytes = grown;
  }
  page.bytes.copyWithin(offset + added, offset + removed, page.usedBytes);
  page.usedBytes = used;
}

function word(bytes: Uint8Array, at: number): number {
  const low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
  return (low | (bytes[at + 3] << 24)) >>> 0;
}

function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
