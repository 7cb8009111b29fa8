import { assert } from "../../../base/assert.ts";
import { type ByteSpan, newSpan } from "../../../base/span.ts";
import {
  branchChild,
  branchKeyBytes,
  branchKeyStart,
  BUCKET_HEADER_BYTES,
  compareAt,
  ElementFlag,
  elementAt,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  pageCount,
  PageFlag,
  pageFlags,
  pageId,
  readU32,
} from "../bolt-pages/format.ts";
import type { PageSource } from "../bolt-pages/page.ts";

/** Levels a tree may have: four of 100 children each already hold 100 million pages. */
export const DEPTH_MAX = 32;
/** What is said of a tree that is deeper. */
export const ENDLESS = "the tree is endless";

/** Where a bucket's tree begins: a page, or a leaf inside of `bytes`. */
export type TreeRoot =
  | { readonly page: number }
  | { readonly bytes: Uint8Array; readonly start: number };

/** One level of the way down: page at `start` of `bytes`, and an element in it. */
interface Level {
  bytes: Uint8Array;
  start: number;
  count: number;
  place: number;
}

/**
 * Walks one tree in key order. The pages were checked when they were read; here only what lies
 * between pages is: branches above leaves, no page above itself.
 */
export class TreeCursor {
  readonly key: ByteSpan = newSpan();
  readonly value: ByteSpan = newSpan();
  /** The element is a bucket: `value` is its header. */
  isBucket = false;
  readonly #source: PageSource;
  readonly #root: TreeRoot;
  readonly #levels: Level[] = [];
  #depth = 0;

  constructor(source: PageSource, root: TreeRoot) {
    this.#source = source;
    this.#root = root;
  }

  /** Number of the page that the cursor is on; 0 when the bucket lies in its parent's page. */
  get page(): number {
    const { bytes, start } = this.#top();
    return pageId(bytes, start);
  }

  /** The next `next` goes to the first key ≥ `key`. */
  seek(key: ByteSpan): void {
    this.#descend(key);
    const leaf = this.#top();
    leaf.place = lowerBound(leaf, key) - 1;
  }

  /** The next `next` goes to the first key of all. */
  rewind(): void {
    this.#descend(null);
    this.#top().place = -1;
  }

  /** Moves to the next key and fills the fields; false at the end. After `seek` or `rewind`. */
  next(): boolean {
    assert(this.#depth > 0, "bolt cursor: moved before it was placed");
    const leaf = this.#top();
    leaf.place += 1;
    if (leaf.place >= leaf.count && !this.#nextLeaf()) {
      leaf.place = leaf.count;
      return false;
    }
    this.#fill();
    return true;
  }

  /** Goes to `key`: true and the fields filled when it is there. */
  find(key: ByteSpan): boolean {
    this.#descend(key);
    const leaf = this.#top();
    leaf.place = lowerBound(leaf, key);
    if (leaf.place >= leaf.count) return false;
    const element = elementAt(leaf.start, leaf.place);
    const keyStart = leafKeyStart(leaf.bytes, element);
    if (compareAt(leaf.bytes, keyStart, leafKeyBytes(leaf.bytes, element), key) !== 0) return false;
    this.#fill();
    return true;
  }

  /** From the root to a leaf: the one where `key` belongs, or the first. */
  #descend(key: ByteSpan | null): void {
    this.#depth = 0;
    const root = this.#root;
    if ("page" in root) this.#push(this.#source.page(root.page), 0);
    else this.#push(root.bytes, root.start);
    for (;;) {
      const level = this.#top();
      if (pageFlags(level.bytes, level.start) === PageFlag.leaf) return;
      level.place = key === null ? 0 : childFor(level, key);
      this.#pushChild(level);
    }
  }

  /** On to the first element of the next leaf that has one. */
  #nextLeaf(): boolean {
    for (let up = this.#depth - 2; up >= 0; up--) {
      const level = this.#levels[up]!;
      if (level.place + 1 >= level.count) continue;
      level.place += 1;
      this.#depth = up + 1;
      this.#pushChild(level);
      while (pageFlags(this.#top().bytes, 0) === PageFlag.branch) this.#pushChild(this.#top());
      if (this.#top().count > 0) return true;
      up = this.#depth - 1;
    }
    return false;
  }

  #pushChild(level: Level): void {
    const id = branchChild(level.bytes, elementAt(level.start, level.place));
    if (this.#depth === DEPTH_MAX) throw this.#source.damaged(id, ENDLESS);
    this.#push(this.#source.page(id), 0);
  }

  #push(bytes: Uint8Array, start: number): void {
    const level = (this.#levels[this.#depth] ??= { bytes, start, count: 0, place: 0 });
    level.bytes = bytes;
    level.start = start;
    level.count = pageCount(bytes, start);
    level.place = 0;
    this.#depth += 1;
  }

  #top(): Level {
    return this.#levels[this.#depth - 1]!;
  }

  #fill(): void {
    const { bytes, start, place } = this.#top();
    const element = elementAt(start, place);
    const keyStart = leafKeyStart(bytes, element);
    const keyEnd = keyStart + leafKeyBytes(bytes, element);
    this.key.bytes = bytes;
    this.key.start = keyStart;
    this.key.end = keyEnd;
    this.value.bytes = bytes;
    this.value.start = keyEnd;
    this.value.end = keyEnd + leafValueBytes(bytes, element);
    this.isBucket = readU32(bytes, element) === ElementFlag.bucket;
  }
}

/** The tree of the bucket whose header is `value`; the value must stay as it is. */
export function rootOfBucket(value: ByteSpan): TreeRoot {
  const page = pageId(value.bytes, value.start);
  return page === 0 ? { bytes: value.bytes, start: value.start + BUCKET_HEADER_BYTES } : { page };
}

/** The last key of a tree, null when it is empty. */
export function lastKey(source: PageSource, root: TreeRoot, depth = 0): ByteSpan | null {
  const bytes = "page" in root ? source.page(root.page) : root.bytes;
  const start = "page" in root ? 0 : root.start;
  // A leaf may be empty, then it is in the one before.
  for (let place = pageCount(bytes, start) - 1; place >= 0; place--) {
    const element = elementAt(start, place);
    if (pageFlags(bytes, start) === PageFlag.leaf) {
      const keyStart = leafKeyStart(bytes, element);
      return { bytes, start: keyStart, end: keyStart + leafKeyBytes(bytes, element) };
    }
    const page = branchChild(bytes, element);
    if (depth === DEPTH_MAX) throw source.damaged(page, ENDLESS);
    const found = lastKey(source, { page }, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Place of the first element ≥ `key` in a leaf; `count` when all are below. */
function lowerBound(leaf: Level, key: ByteSpan): number {
  const { bytes, start } = leaf;
  let low = 0;
  let high = leaf.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = elementAt(start, middle);
    const order = compareAt(bytes, leafKeyStart(bytes, element), leafKeyBytes(bytes, element), key);
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Place of the last element ≤ `key` in a branch; 0 when all are above. */
function childFor(branch: Level, key: ByteSpan): number {
  const { bytes, start } = branch;
  let low = 0;
  let high = branch.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = elementAt(start, middle);
    const keyStart = branchKeyStart(bytes, element);
    if (compareAt(bytes, keyStart, branchKeyBytes(bytes, element), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? low - 1 : 0;
}
