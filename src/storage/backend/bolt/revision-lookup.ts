import { type ByteSpan, newSpan } from "../../../base/span.ts";
import {
  elementAt,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  pageCount,
  PageFlag,
  pageFlags,
} from "../bolt-pages/format.ts";
import { FRAME_LOADS_MIN } from "../bolt-cache/page-frames.ts";
import type { PageSource } from "../bolt-pages/page.ts";
import { guess } from "./revision-branches.ts";
import type { RevisionBranch, RevisionBranches } from "./revision-branches.ts";
import { mainAt, subAt } from "../bolt-pages/revision-key.ts";
import { DEPTH_MAX, ENDLESS } from "./tree-cursor.ts";
import type { TreeRoot } from "./tree-cursor.ts";

/** A leaf is asked for again in time: what a caller got of it has to last for as long again. */
const LEAF_LOADS_MAX = FRAME_LOADS_MIN / 2;
const NO_LEAF = -1;

/**
 * Finds changes in one fixed tree of the `key` bucket: what every read of a value does. It compares
 * numbers instead of bytes, makes no objects, and begins at the leaf of the call before, since
 * neighbours are often asked for together. Keys are taken for revisions below 2^53 with subs below
 * 2^32, which RevisionCursor proves when the index is built.
 */
export class RevisionLookup {
  readonly #source: PageSource;
  readonly #root: TreeRoot;
  readonly #branches: RevisionBranches;
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
  readonly #page = newSpan();
  /** The root, unless it is a leaf. */
  #top: RevisionBranch | null = null;

  constructor(source: PageSource, root: TreeRoot, branches: RevisionBranches) {
    this.#source = source;
    this.#root = root;
    this.#branches = branches;
  }

  /**
   * The value at (main, sub): fills `out`; false and `out` untouched when it is not there.
   * `hasCompany`: values beside it are asked for, too, so all of its page is worth reading.
   */
  find(main: number, sub: number, out: ByteSpan, hasCompany: boolean): boolean {
    if (!this.#findInLastLeaf(main, sub)) {
      const leaf = this.#descend(main, sub);
      if (leaf !== NO_LEAF) {
        if (!hasCompany && this.#source.glimpse(leaf, main, sub, out)) return true;
        this.#source.brief(leaf, this.#page);
        this.#enter(this.#page.bytes, this.#page.start);
      }
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

  /** The leaf to be read; NO_LEAF when it was entered on the way. */
  #descend(main: number, sub: number): number {
    const root = this.#root;
    this.#from = 0;
    this.#to = 0;
    if ("page" in root) return this.#descendFrom(root.page, main, sub);
    this.#enter(root.bytes, root.start);
    return NO_LEAF;
  }

  #descendFrom(root: number, main: number, sub: number): number {
    let branch = (this.#top ??= this.#branchAt(root));
    for (let depth = 0; branch !== null && depth <= DEPTH_MAX; depth++) {
      const { mains } = branch;
      const place = branch.placeOf(main, sub);
      this.#from = mains[place]!;
      if (place + 1 < mains.length) this.#to = mains[place + 1]!;
      const id = branch.children[place]!;
      if (branch.hasLeaves) return id;
      const next = branch.branches[place] ?? this.#branchAt(id);
      if (next === null) branch.hasLeaves = true;
      else branch.branches[place] = next;
      branch = next;
    }
    if (branch === null) return NO_LEAF;
    throw this.#source.damaged(root, ENDLESS);
  }

  /** Branch `id`; null when it is a leaf, which is entered. */
  #branchAt(id: number): RevisionBranch | null {
    const known = this.#branches.get(id);
    if (known !== undefined) return known;
    const page = this.#page;
    this.#source.brief(id, page);
    if (pageFlags(page.bytes, page.start) === PageFlag.branch) return this.#branches.add(id, page);
    this.#enter(page.bytes, page.start);
    return null;
  }

  #enter(leaf: Uint8Array, start: number): void {
    this.#loads = this.#source.loads;
    this.#leaf = leaf;
    this.#leafStart = start;
    this.#leafCount = pageCount(leaf, start);
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

/** Order of the revision key at `at`, marked or not, and (main, sub). */
function compareRevision(bytes: Uint8Array, at: number, main: number, sub: number): number {
  const there = mainAt(bytes, at);
  return there === main ? subAt(bytes, at) - sub : there - main;
}
