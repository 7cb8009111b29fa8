import { copyOf, newSpan } from "../../../base/span.ts";
import {
  branchChild,
  branchKeyBytes,
  branchKeyStart,
  compareAt,
  elementAt,
  leafKeyBytes,
  leafValueBytes,
  PAGE_HEADER_BYTES,
  pageCount,
  PageFlag,
  pageFlags,
  pageOverflow,
} from "../bolt-pages/format.ts";
import { LeafBuilder } from "../bolt-pages/page-builder.ts";
import type { PageStore } from "../bolt-pages/page-store.ts";
import type { Rework } from "./tree-writer.ts";

/** Neighbours that are looked at together: whether they would do with fewer pages. */
const GROUP_LEAVES = 16;
/** They are closed up if that saves this part of them: less is not worth writing all of them. */
const SAVED_PART = 8;

/** Bytes of leaves that are read in one slice, about: a value may have more than all others. */
const SLICE_BYTES_MAX = 1024 * 1024;

/** What a survey looks for. */
export interface SurveyOptions {
  readonly store: PageStore;
  /** Pages from here on are to go to the front. */
  readonly boundary: number;
  /** Which: those with overflow pages, the others, or the others and leaves that can close up. */
  readonly wanted: "large" | "single" | "loose";
  /** Bytes up to which a leaf is filled. */
  readonly fillBytes: number;
  /** Pages it may name, and leaves it may pass by, about. */
  readonly pagesMax: number;
  readonly visitsMax: number;
  /** Time is up. */
  readonly isOver: () => boolean;
}

/**
 * Names the pages of one tree that the next slice of a defragmentation writes anew: from a key on,
 * as many as fit into the slice.
 */
export class PageSurvey implements Rework {
  readonly opens = new Set<number>();
  readonly moves = new Set<number>();
  /** Leaves that were read for it, so that the writer need not. */
  readonly leaves = new Map<number, Uint8Array>();
  /** Where the next survey goes on; null: the tree is through. */
  resume: Uint8Array | null = null;
  /** Leaves that are named, and their pages. */
  count = 0;
  pages = 0;
  readonly #options: SurveyOptions;
  #visits = 0;
  #bytes = 0;
  #isFull = false;

  constructor(options: SurveyOptions) {
    this.#options = options;
  }

  /** Looks at the tree at page `root`, from the leaf for key `from` on; null: from the first. */
  run(root: number, from: Uint8Array | null): void {
    const { store } = this.#options;
    let height = 0;
    let page = store.page(root);
    for (; pageFlags(page, 0) === PageFlag.branch; height++) {
      page = store.page(branchChild(page, elementAt(0, 0)));
    }
    if (height > 0) this.#branch(root, height, from);
    else if (root >= this.#options.boundary) this.#move(root);
  }

  /** True when the branch has to be written anew. */
  #branch(id: number, height: number, from: Uint8Array | null): boolean {
    const { store, boundary, wanted } = this.#options;
    const page = store.page(id);
    const count = pageCount(page, 0);
    let isOpen = id >= boundary && wanted !== "large";
    let place = from === null ? 0 : childFor(page, count, from);
    let inner = from;
    while (place < count && this.resume === null) {
      if (this.#isEnough()) {
        this.resume = keyAt(page, place);
        break;
      }
      if (height > 1) {
        if (this.#branch(childAt(page, place), height - 1, inner)) isOpen = true;
        inner = null;
        place += 1;
        continue;
      }
      const end = this.#readUpTo(page, place, Math.min(place + GROUP_LEAVES, count));
      if (this.#group(page, place, end)) isOpen = true;
      place = end;
    }
    if (isOpen) this.opens.add(id);
    return isOpen;
  }

  #isEnough(): boolean {
    const { pagesMax, visitsMax, isOver } = this.#options;
    if (this.#visits === 0) return false;
    if (this.#bytes >= SLICE_BYTES_MAX) return true;
    return this.#isFull || this.count >= pagesMax || this.#visits >= visitsMax || isOver();
  }

  /** Reads leaves [from, to) of a branch that are to be looked at; returns where it ended. */
  #readUpTo(branch: Uint8Array, from: number, to: number): number {
    const { boundary, wanted } = this.#options;
    for (let place = from; place < to; place++) {
      const id = childAt(branch, place);
      if (wanted === "loose" || id >= boundary) this.#bytes += this.#leaf(id).length;
      if (this.#bytes >= SLICE_BYTES_MAX) return place + 1;
    }
    return to;
  }

  /** Leaves [from, to) of a branch; true when one of them is named. */
  #group(branch: Uint8Array, from: number, to: number): boolean {
    const { boundary, wanted } = this.#options;
    this.#visits += to - from;
    const before = this.count;
    if (wanted === "loose" && this.#closeUp(branch, from, to)) return true;
    for (let place = from; place < to; place++) {
      const child = childAt(branch, place);
      if (child < boundary) continue;
      // A large page takes the run of free ones it was promised, so it comes first in its slice.
      if (this.#isFull || (wanted === "large" && this.count > 0)) {
        this.resume = keyAt(branch, place);
        break;
      }
      this.#move(child);
    }
    return this.count > before;
  }

  #move(id: number): void {
    const { store, boundary, wanted } = this.#options;
    const leaf = this.#leaf(id);
    const pages = 1 + pageOverflow(leaf, 0);
    if (pages > 1 !== (wanted === "large")) return;
    if (pages > 1) {
      if (!store.aimBelow(pages, boundary)) return;
      this.#isFull = true;
    }
    this.moves.add(id);
    this.count += 1;
    this.pages += pages;
  }

  /** Whether the leaves [from, to) do with fewer pages; then all single ones are opened. */
  #closeUp(branch: Uint8Array, from: number, to: number): boolean {
    const { fillBytes } = this.#options;
    const single: number[] = [];
    let needed = 0;
    let bytes = fillBytes;
    for (let place = from; place < to; place++) {
      const id = childAt(branch, place);
      const leaf = this.#leaf(id);
      if (pageOverflow(leaf, 0) > 0) {
        bytes = fillBytes;
        continue;
      }
      single.push(id);
      for (let i = 0; i < pageCount(leaf, 0); i++) {
        const element = elementAt(0, i);
        const pairBytes = leafKeyBytes(leaf, element) + leafValueBytes(leaf, element);
        const size = LeafBuilder.elementBytes(pairBytes);
        if (bytes + size > fillBytes) {
          needed += 1;
          bytes = PAGE_HEADER_BYTES;
        }
        bytes += size;
      }
    }
    const saved = single.length - needed;
    if (saved < 1 || saved * SAVED_PART < single.length) return false;
    for (const id of single) this.opens.add(id);
    this.count += single.length;
    this.pages += single.length;
    return true;
  }

  #leaf(id: number): Uint8Array {
    let leaf = this.leaves.get(id);
    if (leaf === undefined) {
      leaf = copyOf(this.#options.store.once(id));
      this.leaves.set(id, leaf);
    }
    return leaf;
  }
}

function childAt(branch: Uint8Array, place: number): number {
  return branchChild(branch, elementAt(0, place));
}

function keyAt(branch: Uint8Array, place: number): Uint8Array {
  const element = elementAt(0, place);
  const start = branchKeyStart(branch, element);
  return branch.slice(start, start + branchKeyBytes(branch, element));
}

/** Place of the last child whose key is not above `key`; 0 when all are. */
function childFor(branch: Uint8Array, count: number, key: Uint8Array): number {
  const wanted = newSpan(key);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = elementAt(0, middle);
    const start = branchKeyStart(branch, element);
    if (compareAt(branch, start, branchKeyBytes(branch, element), wanted) <= 0) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
