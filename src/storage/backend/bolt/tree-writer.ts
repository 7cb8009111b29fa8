import { newSpan } from "../../../base/span.ts";
import {
  branchChild,
  branchKeyBytes,
  branchKeyStart,
  compareAt,
  ElementFlag,
  elementAt,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  PAGE_HEADER_BYTES,
  pageCount,
  PageFlag,
  pageFlags,
  pageOverflow,
  readU32,
} from "../bolt-pages/format.ts";
import { BranchBuilder, LeafBuilder } from "../bolt-pages/page-builder.ts";
import type { LeafPair, TreePages } from "../bolt-pages/page-builder.ts";
import type { TreeRoot } from "./tree-cursor.ts";

/** Changes of one bucket in ascending order of their keys, each key once. */
export interface TreeChanges {
  readonly count: number;
  /** Key and value of change `place`, one behind the other; they stay until the tree is written. */
  read(place: number, into: TreeChange): void;
}

/** One change. */
export interface TreeChange extends LeafPair {
  bytes: Uint8Array;
  isDelete: boolean;
}

/** Pages that are written anew though no key in them changes. */
export interface Rework {
  /** Branches, and leaves whose pairs close up with those of their neighbours in here. */
  readonly opens: ReadonlySet<number>;
  /** Leaves that go elsewhere as they are. */
  readonly moves: ReadonlySet<number>;
}

const NO_REWORK: Rework = { opens: new Set(), moves: new Set() };
const NO_CHANGES: TreeChanges = { count: 0, read: () => {} };

/** A page that is emptier than this joins its right neighbour if there is room, as in bbolt. */
const SPARSE_PART = 4;
/** How full a leaf gets where keys only rise: only what is deleted later is written again. */
const FILL_RISING = 0.9;

/**
 * Writes the tree at `root` anew with `changes` merged in, copying only the pages on the way to
 * them; gives up those that it replaces. Returns the new root page. Pages that have become sparse
 * join their right neighbours.
 */
export function writeTree(
  pages: TreePages,
  root: TreeRoot,
  changes: TreeChanges,
  isRising: boolean,
): number {
  return new TreeWriter(pages, changes, fillOf(isRising), NO_REWORK).write(root);
}

/**
 * Writes the pages named by `rework`, and those on the way to them, anew. Returns the new root
 * page.
 */
export function reworkTree(
  pages: TreePages,
  root: number,
  rework: Rework,
  isRising: boolean,
): number {
  if (rework.moves.has(root)) return movePage(pages, root);
  return new TreeWriter(pages, NO_CHANGES, fillOf(isRising), rework).write({ page: root });
}

/** How full a leaf gets: a part of a page. */
export function fillOf(isRising: boolean): number {
  return isRising ? FILL_RISING : 1;
}

/** Returns where the page is now. */
function movePage(pages: TreePages, id: number): number {
  const from = pages.page(id);
  const { id: to, page } = pages.newPage(from.length);
  // Its number differs; its overflow pages are as many.
  page.set(from.subarray(8), 8);
  pages.free(id, 1 + pageOverflow(from, 0));
  return to;
}

class TreeWriter {
  readonly #pages: TreePages;
  readonly #changes: TreeChanges;
  readonly #rework: Rework;
  readonly #fillBytes: number;
  readonly #sparseBytes: number;
  readonly #leaf = new LeafBuilder();
  /** By height; [0] is not used. Branches of height h have children of height h - 1. */
  readonly #branches: BranchBuilder[] = [];
  readonly #pair: LeafPair = { keyStart: 0, keyEnd: 0, end: 0, flags: ElementFlag.pair };
  /** The change at #next, or nothing when that is the end. */
  readonly #change: TreeChange;
  readonly #changeKey = newSpan();
  #next = 0;

  constructor(pages: TreePages, changes: TreeChanges, fill: number, rework: Rework) {
    this.#pages = pages;
    this.#changes = changes;
    this.#rework = rework;
    this.#fillBytes = Math.floor(pages.pageBytes * fill);
    this.#sparseBytes = Math.floor(pages.pageBytes / SPARSE_PART);
    const none = new Uint8Array(0);
    this.#change = { ...this.#pair, bytes: none, isDelete: false };
  }

  write(root: TreeRoot): number {
    this.#load();
    if ("page" in root) {
      this.#node(root.page, this.#height(root.page), null);
    } else {
      this.#mergeLeaf(root.bytes, root.start, null);
    }
    return this.#finish();
  }

  /** Levels of branches above the leaves. */
  #height(root: number): number {
    let height = 0;
    for (let page = this.#pages.page(root); pageFlags(page, 0) === PageFlag.branch; height++) {
      page = this.#pages.page(branchChild(page, elementAt(0, 0)));
    }
    return height;
  }

  /** Merges the changes below `limit` into node `id`; null: all that are left. */
  #node(id: number, height: number, limit: Limit | null): void {
    const page = this.#pages.page(id);
    this.#pages.free(id, 1 + pageOverflow(page, 0));
    if (height === 0) {
      this.#mergeLeaf(page, 0, limit);
      return;
    }
    const { opens, moves } = this.#rework;
    const count = pageCount(page, 0);
    for (let i = 0; i < count; i++) {
      const element = elementAt(0, i);
      const start = branchKeyStart(page, element);
      const end = start + branchKeyBytes(page, element);
      const below = i + 1 < count ? limitAt(page, i + 1) : limit;
      const old = branchChild(page, element);
      if (this.#hasChange(below) || opens.has(old)) {
        this.#node(old, height - 1, below);
        continue;
      }
      const child = moves.has(old) ? movePage(this.#pages, old) : old;
      this.#keep(page, { start, end, child, height: height - 1 });
    }
  }

  #mergeLeaf(page: Uint8Array, start: number, limit: Limit | null): void {
    const count = pageCount(page, start);
    for (let i = 0; i < count; i++) {
      const element = elementAt(start, i);
      const keyStart = leafKeyStart(page, element);
      const keyBytes = leafKeyBytes(page, element);
      let order = 1;
      while (this.#next < this.#changes.count) {
        order = compareAt(page, keyStart, keyBytes, this.#changeKey);
        if (order <= 0) break;
        this.#takeChange();
      }
      if (order === 0 && this.#next < this.#changes.count) {
        this.#takeChange();
        continue;
      }
      this.#old(page, element, keyStart, keyBytes);
    }
    while (this.#hasChange(limit)) this.#takeChange();
  }

  /** A pair that stays as it is. */
  #old(page: Uint8Array, element: number, keyStart: number, keyBytes: number): void {
    const pair = this.#pair;
    pair.keyStart = keyStart;
    pair.keyEnd = keyStart + keyBytes;
    pair.end = pair.keyEnd + leafValueBytes(page, element);
    pair.flags = readU32(page, element);
    this.#add(page, pair);
  }

  #takeChange(): void {
    if (!this.#change.isDelete) this.#add(this.#change.bytes, this.#change);
    this.#next += 1;
    this.#load();
  }

  #load(): void {
    if (this.#next >= this.#changes.count) return;
    const change = this.#change;
    this.#changes.read(this.#next, change);
    this.#changeKey.bytes = change.bytes;
    this.#changeKey.start = change.keyStart;
    this.#changeKey.end = change.keyEnd;
  }

  #hasChange(limit: Limit | null): boolean {
    if (this.#next >= this.#changes.count) return false;
    if (limit === null) return true;
    return compareAt(limit.page, limit.start, limit.bytes, this.#changeKey) > 0;
  }

  #add(bytes: Uint8Array, pair: LeafPair): void {
    const leaf = this.#leaf;
    const size = LeafBuilder.elementBytes(pair.end - pair.keyStart);
    if (leaf.count > 0 && leaf.isFull(size, this.#fillBytes)) this.#flush(0);
    leaf.add(bytes, pair);
  }

  /**
   * A node without changes stays, unless what was collected to its left is too little for a page
   * of its own, and joins it.
   */
  #keep(page: Uint8Array, kept: KeptNode): void {
    for (let height = 0; height < kept.height; height++) {
      if (!this.#isSparse(height)) continue;
      this.#open(kept, false);
      return;
    }
    const isJoining = this.#isSparse(kept.height) && this.#fits(kept);
    for (let height = 0; height < kept.height; height++) this.#flush(height);
    if (isJoining) {
      this.#open(kept, true);
      return;
    }
    this.#flush(kept.height);
    this.#addChild(kept.height + 1, { bytes: page, ...kept });
  }

  #isSparse(height: number): boolean {
    const collected = height === 0 ? this.#leaf : this.#branch(height);
    return collected.count > 0 && collected.sizeBytes < this.#sparseBytes;
  }

  /** Whether the content of `kept` has room behind what is collected at its height. */
  #fits({ child, height }: KeptNode): boolean {
    const page = this.#pages.page(child);
    const limitBytes = height === 0 ? this.#fillBytes : this.#pages.pageBytes;
    const collected = height === 0 ? this.#leaf : this.#branch(height);
    return collected.sizeBytes + usedBytes(page) - PAGE_HEADER_BYTES <= limitBytes;
  }

  /** Puts what is in `kept` behind what is collected: at its own height, or below as it comes. */
  #open({ child, height }: KeptNode, isJoining: boolean): void {
    const page = this.#pages.page(child);
    this.#pages.free(child, 1 + pageOverflow(page, 0));
    const count = pageCount(page, 0);
    for (let i = 0; i < count; i++) {
      const element = elementAt(0, i);
      if (height === 0) {
        this.#old(page, element, leafKeyStart(page, element), leafKeyBytes(page, element));
        continue;
      }
      const start = branchKeyStart(page, element);
      const end = start + branchKeyBytes(page, element);
      const inner = { start, end, child: branchChild(page, element) };
      if (isJoining) this.#addChild(height, { bytes: page, ...inner });
      else this.#keep(page, { ...inner, height: height - 1 });
    }
  }

  /** Makes a page of what is collected at `height`, and gives it to the level above. */
  #flush(height: number): void {
    const builder = height === 0 ? this.#leaf : this.#branch(height);
    if (builder.count === 0) return;
    const key = builder.firstKey();
    const child = builder.finish(this.#pages);
    this.#addChild(height + 1, { ...key, child });
  }

  #addChild(height: number, child: NewChild): void {
    const branch = this.#branch(height);
    const size = LeafBuilder.elementBytes(child.end - child.start);
    // A branch of one child would only make the tree higher.
    if (branch.count > 1 && branch.isFull(size, this.#pages.pageBytes)) this.#flush(height);
    this.#branch(height).add(child.bytes, child.start, child.end, child.child);
  }

  #branch(height: number): BranchBuilder {
    return (this.#branches[height] ??= new BranchBuilder());
  }

  #finish(): number {
    if (this.#leaf.count === 0 && this.#branches.every((each) => (each?.count ?? 0) === 0)) {
      return this.#leaf.finish(this.#pages);
    }
    for (let height = 0; ; height++) {
      this.#flush(height);
      const above = this.#branch(height + 1);
      const isTop = this.#branches.slice(height + 2).every((each) => (each?.count ?? 0) === 0);
      if (above.count === 1 && isTop) {
        const root = above.firstChild;
        above.clear();
        return root;
      }
    }
  }
}

/** The first key that belongs to the next node. */
interface Limit {
  readonly page: Uint8Array;
  readonly start: number;
  readonly bytes: number;
}

interface KeptNode {
  /** Its key in its parent. */
  readonly start: number;
  readonly end: number;
  readonly child: number;
  readonly height: number;
}

interface NewChild {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly child: number;
}

/** Bytes from the page's header to the end of its last element. */
function usedBytes(page: Uint8Array): number {
  const count = pageCount(page, 0);
  if (count === 0) return PAGE_HEADER_BYTES;
  const element = elementAt(0, count - 1);
  return pageFlags(page, 0) === PageFlag.leaf
    ? leafKeyStart(page, element) + leafKeyBytes(page, element) + leafValueBytes(page, element)
    : branchKeyStart(page, element) + branchKeyBytes(page, element);
}

function limitAt(page: Uint8Array, place: number): Limit {
  const element = elementAt(0, place);
  return {
    page,
    start: branchKeyStart(page, element),
    bytes: branchKeyBytes(page, element),
  };
}
