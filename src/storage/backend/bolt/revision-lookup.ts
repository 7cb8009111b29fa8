import type { ByteSpan } from "../../../base/span.ts";
import {
  branchChild,
  branchKeyStart,
  elementAt,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  pageCount,
  PageFlag,
  pageFlags,
} from "../bolt-pages/format.ts";
import { FRAME_LOADS_MIN } from "../bolt-pages/page-frames.ts";
import type { PageSource } from "../bolt-pages/page.ts";
import { DEPTH_MAX, ENDLESS } from "./tree-cursor.ts";
import type { TreeRoot } from "./tree-cursor.ts";

/** A leaf is asked for again in time: what a caller got of it has to last for as long again. */
const LEAF_LOADS_MAX = FRAME_LOADS_MIN / 2;

/** Where a first guess is wrong, the right child is mostly one of the next. */
const NEIGHBOUR_TRIES = 3;

/** In a revision key: where the low half of main is, and where sub is. */
const MAIN_LOW_AT = 4;
const SUB_AT = 13;

/**
 * Finds changes in one fixed tree of the `key` bucket: what every read of a value does. It compares
 * numbers instead of bytes, makes no objects, and begins at the leaf of the call before, since
 * neighbours are often asked for together. Keys are taken for revisions below 2^53 with subs below
 * 2^32, which RevisionCursor proves when the index is built.
 */
export class RevisionLookup {
  readonly #source: PageSource;
  readonly #root: TreeRoot;
  #leaf: Uint8Array | null = null;
  #leafStart = 0;
  #leafCount = 0;
  /** Place of the element found last. */
  #place = 0;
  /** Mains between which the leaf's are: from (inclusive) to (exclusive), 0 when not known. */
  #from = 0;
  #to = 0;
  /** `loads` of the source when the leaf was read. */
  #loads = 0;

  constructor(source: PageSource, root: TreeRoot) {
    this.#source = source;
    this.#root = root;
  }

  /** The value at (main, sub): fills `out`; false and `out` untouched when it is not there. */
  find(main: number, sub: number, out: ByteSpan): boolean {
    if (!this.#findInLastLeaf(main, sub)) {
      this.#descend(main, sub);
      this.#place = this.#placeInLeaf(main, sub);
      if (!this.#isAt(this.#place, main, sub)) return false;
    }
    const bytes = this.#leaf!;
    const element = elementAt(this.#leafStart, this.#place);
    const start = leafKeyStart(bytes, element) + leafKeyBytes(bytes, element);
    out.bytes = bytes;
    out.start = start;
    out.end = start + leafValueBytes(bytes, element);
    return true;
  }

  #findInLastLeaf(main: number, sub: number): boolean {
    if (this.#leaf === null || this.#source.loads - this.#loads > LEAF_LOADS_MAX) return false;
    if (this.#isAt(this.#place + 1, main, sub)) {
      this.#place += 1;
      return true;
    }
    return this.#isAt(this.#place, main, sub);
  }

  #isAt(place: number, main: number, sub: number): boolean {
    if (place >= this.#leafCount) return false;
    const leaf = this.#leaf!;
    const key = leafKeyStart(leaf, elementAt(this.#leafStart, place));
    return compareRevision(leaf, key, main, sub) === 0;
  }

  #descend(main: number, sub: number): void {
    const root = this.#root;
    const source = this.#source;
    let bytes = "page" in root ? source.brief(root.page) : root.bytes;
    const start = "page" in root ? 0 : root.start;
    this.#from = 0;
    this.#to = 0;
    for (let depth = 0; pageFlags(bytes, start) === PageFlag.branch; depth++) {
      const place = childFor(bytes, main, sub);
      const child = branchChild(bytes, elementAt(0, place));
      if (depth === DEPTH_MAX) throw source.damaged(child, ENDLESS);
      this.#from = branchMain(bytes, place);
      if (place + 1 < pageCount(bytes, 0)) this.#to = branchMain(bytes, place + 1);
      bytes = source.brief(child);
    }
    this.#loads = source.loads;
    this.#leaf = bytes;
    this.#leafStart = start;
    this.#leafCount = pageCount(bytes, start);
  }

  /** Place of the first element ≥ (main, sub). */
  #placeInLeaf(main: number, sub: number): number {
    const leaf = this.#leaf!;
    let low = 0;
    let high = this.#leafCount;
    // The bounds in the branch are at hand; to look for them in the leaf would cost its wait.
    let middle = high === 0 ? 0 : guess(high, main, this.#from, this.#to);
    while (low < high) {
      const key = leafKeyStart(leaf, elementAt(this.#leafStart, middle));
      const order = compareRevision(leaf, key, main, sub);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
      middle = (low + high) >>> 1;
    }
    return low;
  }
}

/** Place of the last child that begins at or below (main, sub); 0 when all are above. */
function childFor(branch: Uint8Array, main: number, sub: number): number {
  const count = pageCount(branch, 0);
  let low = 0;
  let high = count;
  let middle = guess(count, main, branchMain(branch, 0), branchMain(branch, count - 1));
  for (let tries = 0; low < high; tries++) {
    const key = branchKeyStart(branch, elementAt(0, middle));
    if (compareRevision(branch, key, main, sub) <= 0) {
      low = middle + 1;
      middle = tries < NEIGHBOUR_TRIES && low < high ? low : (low + high) >>> 1;
    } else {
      high = middle;
      middle = tries < NEIGHBOUR_TRIES && low < high ? high - 1 : (low + high) >>> 1;
    }
  }
  return low > 0 ? low - 1 : 0;
}

/**
 * Where among `count` elements one with `main` probably is, when they go from `from` to `to`:
 * revisions are dense, so the first look mostly hits, and each look is two waits for memory.
 */
function guess(count: number, main: number, from: number, to: number): number {
  if (main >= to) return count - 1;
  return main <= from ? 0 : Math.floor(((main - from) / (to - from)) * count);
}

/** Main of the key of a child. */
function branchMain(branch: Uint8Array, place: number): number {
  return mainAt(branch, branchKeyStart(branch, elementAt(0, place)));
}

/** Order of the revision key at `at`, marked or not, and (main, sub). */
function compareRevision(bytes: Uint8Array, at: number, main: number, sub: number): number {
  const there = mainAt(bytes, at);
  return there === main ? readU32BigEndian(bytes, at + SUB_AT) - sub : there - main;
}

function mainAt(bytes: Uint8Array, at: number): number {
  return readU32BigEndian(bytes, at) * 2 ** 32 + readU32BigEndian(bytes, at + MAIN_LOW_AT);
}

function readU32BigEndian(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
