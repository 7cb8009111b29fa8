import type { ByteSpan } from "../../../base/span.ts";
import { branchChild, branchKeyStart, elementAt, pageCount } from "../bolt-pages/format.ts";
import { mainAt, subAt } from "../bolt-pages/revision-key.ts";

/**
 * Children of all branches that are remembered: those of a key bucket of 20 GiB. A child takes 40
 * bytes.
 */
const CHILDREN_MAX = 5_000_000;

/** Where a first guess is wrong, the right child is mostly one of the next. */
const NEIGHBOUR_TRIES = 3;

/** A branch page of the `key` bucket as numbers: revisions at which its children begin. */
export class RevisionBranch {
  readonly mains: Float64Array;
  readonly children: Float64Array;
  /** Its children are leaves; known once one was read. */
  hasLeaves = false;
  /**
   * Its children, as far as lookups went through them. Whoever may still reach this page may reach
   * them: none is another page before this one is.
   */
  readonly branches: (RevisionBranch | undefined)[] = [];
  readonly #subs: Float64Array;

  /** From a branch page that was checked, which the span names. */
  constructor({ bytes: page, start }: ByteSpan) {
    const count = pageCount(page, start);
    this.mains = new Float64Array(count);
    this.#subs = new Float64Array(count);
    this.children = new Float64Array(count);
    for (let i = 0; i < count; i++) this.branches.push(undefined);
    for (let i = 0; i < count; i++) {
      const element = elementAt(start, i);
      const key = branchKeyStart(page, element);
      this.mains[i] = mainAt(page, key);
      this.#subs[i] = subAt(page, key);
      this.children[i] = branchChild(page, element);
    }
  }

  /** Place of the last child that begins at or below (main, sub); 0 when all are above. */
  placeOf(main: number, sub: number): number {
    const { mains } = this;
    const count = mains.length;
    let low = 0;
    let high = count;
    let middle = guess(count, main, mains[0]!, mains[count - 1]!);
    for (let tries = 0; low < high; tries++) {
      const there = mains[middle]!;
      if (there < main || (there === main && this.#subs[middle]! <= sub)) {
        low = middle + 1;
        middle = tries < NEIGHBOUR_TRIES && low < high ? low : (low + high) >>> 1;
      } else {
        high = middle;
        middle = tries < NEIGHBOUR_TRIES && low < high ? high - 1 : (low + high) >>> 1;
      }
    }
    return low > 0 ? low - 1 : 0;
  }
}

/**
 * Branch pages of the `key` bucket that lookups went through, by page number. Each lookup passes
 * three or four of them, and to read them as bytes would be half of its time.
 */
export class RevisionBranches {
  readonly #branches = new Map<number, RevisionBranch>();
  #children = 0;

  get(id: number): RevisionBranch | undefined {
    return this.#branches.get(id);
  }

  /** Remembers branch page `id`. */
  add(id: number, page: ByteSpan): RevisionBranch {
    const branch = new RevisionBranch(page);
    // All at once: what is in use comes back with the next lookups.
    if (this.#children > CHILDREN_MAX) this.#branches.clear();
    if (this.#branches.size === 0) this.#children = 0;
    this.#branches.set(id, branch);
    this.#children += branch.children.length;
    return branch;
  }

  /** Page `id` is another one from now on. */
  drop(id: number): void {
    const branch = this.#branches.get(id);
    if (branch === undefined) return;
    this.#branches.delete(id);
    this.#children -= branch.children.length;
  }
}

/**
 * Where among `count` elements one with `main` probably is, when they go from `from` to `to`:
 * revisions are dense, so the first look mostly hits, and each look is a wait for memory.
 */
export function guess(count: number, main: number, from: number, to: number): number {
  if (main >= to) return count - 1;
  return main <= from ? 0 : Math.floor(((main - from) / (to - from)) * count);
}
