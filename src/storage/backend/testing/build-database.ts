import {
  BUCKET_HEADER_BYTES,
  ELEMENT_BYTES,
  ElementFlag,
  elementAt,
  META_PAGES,
  NO_PAGE,
  PAGE_HEADER_BYTES,
  PageFlag,
  writeU32,
  writeU64,
} from "../bolt-pages/format.ts";
import { writeMeta } from "../bolt-pages/meta.ts";

/** A pair, or a bucket's header with flag `bucket`. */
export interface Item {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly isBucket?: boolean;
}

/** What file to build. */
export interface BuildOptions {
  readonly pageBytes: number;
  /** Buckets and their pairs, both in key order. */
  readonly buckets: ReadonlyMap<string, readonly Item[]>;
  /** Pages left free before the trees. */
  readonly freePages?: number;
  /** Store the list of free pages, as etcd on other systems than Linux does. */
  readonly withFreeList?: boolean;
  readonly txid?: number;
}

/**
 * A database file made by the rules of formats-disk.md 2, not by the code under test: pages filled
 * to nine tenths, small buckets inline.
 */
export function buildDatabase(options: BuildOptions): Uint8Array {
  return new Builder(options).build();
}

class Builder {
  readonly #options: BuildOptions;
  readonly #pages: Uint8Array[] = [];
  #next: number;

  constructor(options: BuildOptions) {
    this.#options = options;
    this.#next = META_PAGES + (options.freePages ?? 0);
  }

  build(): Uint8Array {
    const { pageBytes, buckets, freePages = 0, txid = 2 } = this.#options;
    const top: Item[] = [];
    for (const [name, items] of buckets) {
      top.push({ key: Buffer.from(name), value: this.#bucket(items), isBucket: true });
    }
    const rootPage = this.#tree(top);
    const freeListPage = this.#options.withFreeList === true ? this.#freeList(freePages) : NO_PAGE;
    const meta = { pageBytes, rootPage, freeListPage, endPage: this.#next, txid };
    const file = new Uint8Array(this.#next * pageBytes);
    writeMeta(file.subarray(0, pageBytes), 0, { ...meta, txid: txid - (txid % 2) });
    writeMeta(file.subarray(pageBytes, 2 * pageBytes), 1, { ...meta, txid: txid - 1 + (txid % 2) });
    for (const page of this.#pages) file.set(page, Number(readId(page)) * pageBytes);
    return file;
  }

  #bucket(items: readonly Item[]): Uint8Array {
    const size = PAGE_HEADER_BYTES + items.reduce((sum, item) => sum + sizeOf(item), 0);
    if (size <= this.#options.pageBytes / 4) {
      const value = new Uint8Array(BUCKET_HEADER_BYTES + size);
      value.set(leaf(items, size, 0), BUCKET_HEADER_BYTES);
      return value;
    }
    const header = new Uint8Array(BUCKET_HEADER_BYTES);
    writeU64(header, 0, this.#tree(items));
    return header;
  }

  #tree(items: readonly Item[]): number {
    let level = this.#pack(items, sizeOf).map((group) => {
      const size = PAGE_HEADER_BYTES + group.reduce((sum, item) => sum + sizeOf(item), 0);
      return { key: group[0]?.key ?? new Uint8Array(0), id: this.#add(leaf(group, size, 0)) };
    });
    while (level.length > 1) {
      const sizeOfChild = (child: { key: Uint8Array }): number => ELEMENT_BYTES + child.key.length;
      level = this.#pack(level, sizeOfChild).map((group) => ({
        key: group[0]!.key,
        id: this.#add(branch(group)),
      }));
    }
    return level[0]!.id;
  }

  #pack<T>(items: readonly T[], size: (item: T) => number): T[][] {
    const room = Math.floor(this.#options.pageBytes * 0.9) - PAGE_HEADER_BYTES;
    const groups: T[][] = [[]];
    let used = 0;
    for (const item of items) {
      const group = groups.at(-1)!;
      if (group.length >= 2 && used + size(item) > room) {
        groups.push([item]);
        used = size(item);
      } else {
        group.push(item);
        used += size(item);
      }
    }
    return groups;
  }

  #add(page: Uint8Array): number {
    const { pageBytes } = this.#options;
    const count = Math.ceil(page.length / pageBytes);
    const id = this.#next;
    writeU64(page, 0, id);
    writeU32(page, 12, count - 1);
    this.#pages.push(page);
    this.#next += count;
    return id;
  }

  #freeList(count: number): number {
    const page = new Uint8Array(PAGE_HEADER_BYTES + count * 8);
    page[8] = PageFlag.freeList;
    page[10] = count;
    page[11] = count >> 8;
    for (let i = 0; i < count; i++) writeU64(page, PAGE_HEADER_BYTES + i * 8, META_PAGES + i);
    return this.#add(page);
  }
}

function sizeOf(item: Item): number {
  return ELEMENT_BYTES + item.key.length + item.value.length;
}

function leaf(items: readonly Item[], size: number, id: number): Uint8Array {
  const page = new Uint8Array(size);
  writeU64(page, 0, id);
  page[8] = PageFlag.leaf;
  page[10] = items.length;
  page[11] = items.length >> 8;
  let at = elementAt(0, items.length);
  for (const [place, { key, value, isBucket }] of items.entries()) {
    const element = elementAt(0, place);
    writeU32(page, element, isBucket === true ? ElementFlag.bucket : ElementFlag.pair);
    writeU32(page, element + 4, at - element);
    writeU32(page, element + 8, key.length);
    writeU32(page, element + 12, value.length);
    page.set(key, at);
    page.set(value, at + key.length);
    at += key.length + value.length;
  }
  return page;
}

function branch(
  children: readonly { readonly key: Uint8Array; readonly id: number }[],
): Uint8Array {
  const keys = children.reduce((sum, { key }) => sum + key.length, 0);
  const page = new Uint8Array(elementAt(0, children.length) + keys);
  page[8] = PageFlag.branch;
  page[10] = children.length;
  page[11] = children.length >> 8;
  let at = elementAt(0, children.length);
  for (const [place, { key, id }] of children.entries()) {
    const element = elementAt(0, place);
    writeU32(page, element, at - element);
    writeU32(page, element + 4, key.length);
    writeU64(page, element + 8, id);
    page.set(key, at);
    at += key.length;
  }
  return page;
}

function readId(page: Uint8Array): bigint {
  return new DataView(page.buffer, page.byteOffset).getBigUint64(0, true);
}
