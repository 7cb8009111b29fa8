import { inOneGo, type Sliced } from "../../../base/sliced.ts";
import type { ByteSpan } from "../../../base/span.ts";
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

/** Pages that are looked at between two pauses: half a millisecond. */
const PAUSE_PAGES = 64;
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

/** Looks into the leaves of one bucket while a check has them at hand. */
export interface LeafVisitor {
  readonly bucket: string;
  /**
   * The leaf that begins at `start` of `bytes`, which is sound and above the one before; they may
   * change after the call. Returns what is wrong with it, null when nothing is.
   */
  leaf(bytes: Uint8Array, start: number): string | null;
}

/** Keys that a subtree may have: from `low` (inclusive) to `high` (exclusive); null: no limit. */
interface Bounds {
  readonly low: ByteSpan | null;
  readonly high: ByteSpan | null;
}

const NO_BOUNDS: Bounds = { low: null, high: null };

/**
 * Verifies what bbolt's own check does (formats-disk.md 2.8): every page of a tree is sound, is
 * reached once, has its keys between its parent's, and is not free; a stored list of free pages
 * and the trees make up the whole file. Reads each page once.
 */
export function checkDatabase(file: PageFile): CheckReport {
  return inOneGo(checkingDatabase(file, null));
}

/** The same with pauses; `visitor` sees the leaves of its bucket until there is a problem. */
export function checkingDatabase(file: PageFile, visitor: LeafVisitor | null): Sliced<CheckReport> {
  return new Check(file, visitor).run();
}

class Check {
  readonly #file: PageFile;
  readonly #visitor: LeafVisitor | null;
  readonly #uses: Uint8Array;
  readonly #problems: string[] = [];
  /** Within the bucket that the visitor wants to see. */
  #isVisited = false;
  /** Buckets that what is looked at is within. */
  #depth = 0;
  #pagesUntilPause = PAUSE_PAGES;
  #problemPage = NO_PAGE;
  #treePages = 0;
  #pairs = 0;

  constructor(file: PageFile, visitor: LeafVisitor | null) {
    this.#file = file;
    this.#visitor = visitor;
    this.#uses = new Uint8Array(file.meta.endPage);
    this.#uses.fill(Use.own, 0, META_PAGES);
  }

  *run(): Sliced<CheckReport> {
    const { rootPage, freeListPage, endPage } = this.#file.meta;
    const hasList = freeListPage !== NO_PAGE;
    if (hasList) this.#readFreeList(freeListPage);
    yield* this.#tree(rootPage);
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

  /** Page `id`, which is to be part of a tree; null when it cannot be, which is reported. */
  #enter(id: number): Uint8Array | null {
    if (this.#problems.length >= PROBLEMS_MAX) return null;
    const use = this.#uses[id];
    if (use === Use.tree) this.#report(id, "is reached twice");
    else if (use === Use.free) this.#report(id, "is reached and free");
    else if (use !== Use.none) this.#report(id, "is no page of a tree");
    if (use !== Use.none) return null;
    const bytes = this.#read(id);
    if (bytes === null) return null;
    for (let i = 0; i <= pageOverflow(bytes, 0); i++) this.#take(id + i);
    return bytes;
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

  *#tree(root: number): Sliced<void> {
    const bytes = this.#enter(root);
    if (bytes !== null) yield* this.#page(root, bytes, NO_BOUNDS);
  }

  *#page(id: number, bytes: Uint8Array, bounds: Bounds): Sliced<void> {
    if (pageFlags(bytes, 0) === PageFlag.branch) yield* this.#branch(id, bytes, bounds);
    else yield* this.#leafOfAny(id, bytes, 0, bounds);
  }

  *#branch(id: number, bytes: Uint8Array, bounds: Bounds): Sliced<void> {
    const count = pageCount(bytes, 0);
    const keyAt = (place: number): ByteSpan => {
      const element = elementAt(0, place);
      const start = branchKeyStart(bytes, element);
      return { bytes, start, end: start + branchKeyBytes(bytes, element) };
    };
    this.#bounds(id, keyAt(0), keyAt(count - 1), bounds);
    let low = keyAt(0);
    for (let i = 0; i < count; i++) {
      const next = i + 1 < count ? keyAt(i + 1) : null;
      const childId = branchChild(bytes, elementAt(0, i));
      const child = this.#enter(childId);
      const within = { low, high: next ?? bounds.high };
      // Nearly all there is, so they do without a generator.
      if (child !== null && isPlainLeaf(child)) this.#leaf(childId, child, 0, within);
      else if (child !== null) yield* this.#page(childId, child, within);
      if (next !== null) low = next;
      this.#pagesUntilPause -= 1;
      if (this.#pagesUntilPause > 0) continue;
      this.#pagesUntilPause = PAUSE_PAGES;
      yield;
    }
  }

  /**
   * A leaf of pairs. `start`: where the page begins, which for an inline bucket is not its first
   * byte.
   */
  #leaf(id: number, bytes: Uint8Array, start: number, bounds: Bounds): void {
    const count = pageCount(bytes, start);
    this.#pairs += count;
    if (count > 0) this.#leafBounds(id, bytes, start, bounds);
    if (!this.#isVisited || this.#problems.length > 0) return;
    const problem = this.#visitor!.leaf(bytes, start);
    if (problem !== null) this.#report(id, problem);
  }

  /** A leaf that may have buckets. */
  *#leafOfAny(id: number, bytes: Uint8Array, start: number, bounds: Bounds): Sliced<void> {
    const count = pageCount(bytes, start);
    for (let i = 0; i < count; i++) {
      const element = elementAt(start, i);
      if (readU32(bytes, element) === ElementFlag.pair) continue;
      this.#pairs -= 1;
      yield* this.#bucket(id, bytes, element);
    }
    this.#leaf(id, bytes, start, bounds);
  }

  *#bucket(id: number, bytes: Uint8Array, element: number): Sliced<void> {
    const nameStart = leafKeyStart(bytes, element);
    const valueStart = nameStart + leafKeyBytes(bytes, element);
    const wasVisited = this.#isVisited;
    this.#isVisited = this.#depth === 0 && this.#isWanted(bytes, nameStart, valueStart);
    this.#depth += 1;
    const root = pageId(bytes, valueStart);
    if (root !== 0) yield* this.#tree(root);
    else yield* this.#leafOfAny(id, bytes, valueStart + BUCKET_HEADER_BYTES, NO_BOUNDS);
    this.#depth -= 1;
    this.#isVisited = wasVisited;
  }

  #isWanted(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#visitor === null) return false;
    return String.fromCharCode(...bytes.subarray(start, end)) === this.#visitor.bucket;
  }

  #leafBounds(id: number, bytes: Uint8Array, start: number, bounds: Bounds): void {
    const first = elementAt(start, 0);
    const last = elementAt(start, pageCount(bytes, start) - 1);
    this.#bounds(id, leafKey(bytes, first), leafKey(bytes, last), bounds);
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

function leafKey(bytes: Uint8Array, element: number): ByteSpan {
  const start = leafKeyStart(bytes, element);
  return { bytes, start, end: start + leafKeyBytes(bytes, element) };
}

/** A leaf of pairs is done with before the next page is read. */
function isPlainLeaf(page: Uint8Array): boolean {
  if (pageFlags(page, 0) !== PageFlag.leaf) return false;
  for (let i = pageCount(page, 0) - 1; i >= 0; i--) {
    if (readU32(page, elementAt(0, i)) !== ElementFlag.pair) return false;
  }
  return true;
}
