import { type ByteSpan, newSpan } from "../../../base/span.ts";
import { BoltError } from "./error.ts";
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
  META_PAGES,
  NO_PAGE,
  pageCount,
  PageFlag,
  pageFlags,
  pageId,
  pageOverflow,
  readU32,
} from "./format.ts";
import { readFreeList, type PageFile } from "./page-file.ts";

/** Problems that one check reports; a file with more is not worth more lines. */
const PROBLEMS_MAX = 100;

/** What a page is for. */
const Use = { none: 0, tree: 1, free: 2, own: 3 } as const;

/** What a check found. */
export interface CheckReport {
  /** Empty when the file is sound. */
  readonly problems: readonly string[];
  /** The page of the first problem; NO_PAGE when there is none. */
  readonly problemPage: number;
  /** Pages below the end; those of trees (overflow pages included); the rest can be reused. */
  readonly pages: number;
  readonly treePages: number;
  readonly freePages: number;
  /** Pairs in all buckets. */
  readonly pairs: number;
  /** Whether a page belongs to a tree. */
  readonly isTreePage: (id: number) => boolean;
}

/** Keys that a subtree may have: from `low` (inclusive) to `high` (exclusive); null: no limit. */
interface Bounds {
  readonly low: ByteSpan | null;
  readonly high: ByteSpan | null;
}

/**
 * Verifies what bbolt's own check does (formats-disk.md 2.8): every page of a tree is sound, is
 * reached once, has its keys between its parent's, and is not free; a stored list of free pages
 * and the trees make up the whole file. Reads each page once.
 */
export function checkDatabase(file: PageFile): CheckReport {
  return new Check(file).run();
}

class Check {
  readonly #file: PageFile;
  readonly #uses: Uint8Array;
  readonly #problems: string[] = [];
  #problemPage = NO_PAGE;
  #treePages = 0;
  #pairs = 0;

  constructor(file: PageFile) {
    this.#file = file;
    this.#uses = new Uint8Array(file.meta.endPage);
    this.#uses.fill(Use.own, 0, META_PAGES);
  }

  run(): CheckReport {
    const { rootPage, freeListPage, endPage } = this.#file.meta;
    const hasList = freeListPage !== NO_PAGE;
    if (hasList) this.#readFreeList(freeListPage);
    this.#page(rootPage, { low: null, high: null });
    let freePages = 0;
    for (let id = 0; id < endPage; id++) {
      const use = this.#uses[id];
      if (use === Use.free || (use === Use.none && !hasList)) freePages += 1;
      else if (use === Use.none) this.#report(id, "is neither reachable nor free");
    }
    return {
      problems: this.#problems,
      problemPage: this.#problemPage,
      pages: endPage,
      treePages: this.#treePages,
      freePages,
      pairs: this.#pairs,
      isTreePage: (id) => this.#uses[id] === Use.tree,
    };
  }

  #readFreeList(page: number): void {
    const bytes = this.#file.readRaw(page);
    if (pageFlags(bytes, 0) !== PageFlag.freeList) {
      this.#report(page, "is not the list of free pages that it should be");
      return;
    }
    for (let i = 0; i <= pageOverflow(bytes, 0); i++) this.#uses[page + i] = Use.own;
    const free = readFreeList(bytes);
    if (free === null) this.#report(page, "is a list of free pages out of order");
    for (const id of free ?? []) {
      if (id >= this.#uses.length) this.#report(id, "is listed as free and does not exist");
      else if (this.#uses[id] === Use.own) this.#report(id, "is listed as free and in use");
      else this.#uses[id] = Use.free;
    }
  }

  #page(id: number, bounds: Bounds): void {
    if (this.#problems.length >= PROBLEMS_MAX) return;
    if (this.#uses[id] === Use.tree) {
      this.#report(id, "is reached twice");
      return;
    }
    if (this.#uses[id] !== Use.none) {
      this.#report(
        id,
        this.#uses[id] === Use.free ? "is reached and free" : "is no page of a tree",
      );
      return;
    }
    const bytes = this.#read(id);
    if (bytes === null) return;
    for (let i = 0; i <= pageOverflow(bytes, 0); i++) this.#take(id + i);
    if (pageFlags(bytes, 0) === PageFlag.branch) this.#branch(id, bytes, bounds);
    else this.#leaf(id, bytes, 0, bounds);
  }

  #read(id: number): Uint8Array | null {
    try {
      const bytes = this.#file.glance(id);
      const problem = this.#file.problem(id, bytes);
      if (problem === null) return isPlainLeaf(bytes) ? bytes : bytes.slice();
      this.#report(id, problem);
    } catch (error) {
      if (!(error instanceof BoltError)) throw error;
      this.#report(id, error.message);
    }
    return null;
  }

  #take(id: number): void {
    if (this.#uses[id] !== Use.none) this.#report(id, "belongs to two pages, or is free");
    this.#uses[id] = Use.tree;
    this.#treePages += 1;
  }

  #branch(id: number, bytes: Uint8Array, bounds: Bounds): void {
    const count = pageCount(bytes, 0);
    const keyAt = (place: number): ByteSpan => {
      const element = elementAt(0, place);
      const start = branchKeyStart(bytes, element);
      return { bytes, start, end: start + branchKeyBytes(bytes, element) };
    };
    this.#bounds(id, keyAt(0), keyAt(count - 1), bounds);
    for (let i = 0; i < count; i++) {
      const high = i + 1 < count ? keyAt(i + 1) : bounds.high;
      this.#page(branchChild(bytes, elementAt(0, i)), { low: keyAt(i), high });
    }
  }

  /** `start`: where the page begins, which for an inline bucket is not its first byte. */
  #leaf(id: number, bytes: Uint8Array, start: number, bounds: Bounds): void {
    const count = pageCount(bytes, start);
    const first = newSpan(bytes);
    const last = newSpan(bytes);
    for (let i = 0; i < count; i++) {
      const element = elementAt(start, i);
      last.start = leafKeyStart(bytes, element);
      last.end = last.start + leafKeyBytes(bytes, element);
      if (i === 0) Object.assign(first, last);
      if (readU32(bytes, element) === ElementFlag.pair) this.#pairs += 1;
      else this.#bucket(id, bytes, last.end);
    }
    if (count > 0) this.#bounds(id, first, last, bounds);
  }

  #bucket(id: number, bytes: Uint8Array, valueStart: number): void {
    const root = pageId(bytes, valueStart);
    if (root !== 0) this.#page(root, { low: null, high: null });
    else this.#leaf(id, bytes, valueStart + BUCKET_HEADER_BYTES, { low: null, high: null });
  }

  #bounds(id: number, first: ByteSpan, last: ByteSpan, { low, high }: Bounds): void {
    const compare = (key: ByteSpan, other: ByteSpan): number =>
      compareAt(key.bytes, key.start, key.end - key.start, other);
    if (low !== null && compare(first, low) < 0) this.#report(id, "has a key below its parent's");
    if (high !== null && compare(last, high) >= 0) {
      this.#report(id, "has a key that belongs to the next page");
    }
  }

  #report(id: number, problem: string): void {
    if (this.#problems.length >= PROBLEMS_MAX) return;
    if (this.#problems.length === 0) this.#problemPage = id;
    const offset = id * this.#file.pageBytes;
    this.#problems.push(`page ${id} at byte ${offset}: ${problem}`);
  }
}

/** A leaf of pairs is done with before the next page is read. */
function isPlainLeaf(page: Uint8Array): boolean {
  if (pageFlags(page, 0) !== PageFlag.leaf) return false;
  for (let i = pageCount(page, 0) - 1; i >= 0; i--) {
    if (readU32(page, elementAt(0, i)) !== ElementFlag.pair) return false;
  }
  return true;
}
