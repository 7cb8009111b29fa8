import { CUT_BYTES_MAX } from "../bolt-pages/file-length.ts";
import type { TreePages } from "../bolt-pages/page-builder.ts";
import type { PageStore } from "../bolt-pages/page-store.ts";
import { PageSurvey, type SurveyOptions } from "./page-survey.ts";
import { fillOf, type Rework } from "./tree-writer.ts";

/** Pages that go elsewhere with one commit: a MiB, which the disk writes between two of the log. */
const COMMIT_PAGES_MAX = 256;
/**
 * Pages written anew in one slice, and leaves looked at for it: below half a millisecond. A small
 * database gets smaller slices, for the room they need stays free in the end.
 */
const SLICE_PAGES = { min: 4, max: 32, part: 8 } as const;
const SLICE_VISITS_MAX = 256;
/** Free pages that a slice leaves alone: for the branches above its leaves and other writers. */
const RESERVE_PAGES = { min: 8, max: 48, part: 4 } as const;
/** The part of the pages in use that is left free: the next commits need somewhere to go. */
const SPARE_PART = 128;
/** Commits after the last move: the end is free, one meta page says so, then the other; the cut. */
const SETTLE_COMMITS = 4;
/** And some, for other writers may make the file grow meanwhile. */
const SETTLE_COMMITS_MORE = 4;

/**
 * What to do, in order. Large values first, while there are runs of free pages; the last one meets
 * what other writers put behind the boundary meanwhile.
 */
const PASSES = ["large", "loose", "large", "single", "single"] as const;

/** What the caller of `step` does before the next one. */
export type DefragmentationState =
  /** Nothing; the sockets have their turn. */
  | "working"
  /** Commits, and waits until that is durable. */
  | "commit"
  /** Waits: a reader has pages at the end of the file. */
  | "held"
  | "done";

/** The trees of a database, as far as they can be moved. */
export interface MovableTrees {
  readonly names: readonly string[];
  /** Root page; null for a tree within its parent's page. */
  rootPage(name: string): number | null;
  /** Keys of this one only rise. */
  isRising(name: string): boolean;
  rework(name: string, rework: Rework, pages: TreePages): void;
  /** The next commit has a meta page of its own even when nothing else changes. */
  touch(): void;
}

/**
 * Makes a database file shorter while it is used, without a second copy. Pages at its end are
 * written anew to free places nearer its front, which is a change like any other: it becomes
 * durable with the commit that it is in, and what was there before stays until then. Leaves that
 * became loose close up. Then the end is free, and cut off.
 */
export class Defragmentation {
  readonly #store: PageStore;
  readonly #trees: MovableTrees;
  #pass = -1;
  /** Where the pass is: which tree, from which key on. */
  #tree = 0;
  #from: Uint8Array | null = null;
  #boundary = 0;
  #slicePages = 0;
  /** Free pages that a slice needs in front of the boundary. */
  #roomPages = 0;
  readonly #fillBytes: { readonly rising: number; readonly other: number };
  /** Pages that the next commit moves. */
  #moved = 0;
  /** A commit did not free the room that the next slice needs. */
  #isStuck = false;
  #settled = 0;
  #settleMax = 0;
  #isEnded = false;

  constructor(store: PageStore, trees: MovableTrees) {
    this.#store = store;
    this.#trees = trees;
    const { pageBytes } = store;
    const fillBytes = (isRising: boolean): number => Math.floor(pageBytes * fillOf(isRising));
    this.#fillBytes = { rising: fillBytes(true), other: fillBytes(false) };
    store.isFrontFirst = true;
  }

  /**
   * Does a slice of the work, between entries; `isOver` says when it has to end. After "done" there
   * is nothing more to do.
   */
  step(isOver: () => boolean): DefragmentationState {
    if (this.#isEnded) return "done";
    if (this.#pass < 0 && !this.#nextPass()) return this.#settle();
    if (this.#pass >= PASSES.length) return this.#settle();
    return this.#slice(isOver);
  }

  /** Gives up what is left; what was moved stays where it is. Idempotent. */
  end(): void {
    this.#isEnded = true;
    this.#store.isFrontFirst = false;
    this.#store.isTight = false;
  }

  #slice(isOver: () => boolean): DefragmentationState {
    const trees = this.#trees;
    const name = trees.names[this.#tree];
    if (name === undefined) return this.#endPass();
    const room = this.#store.freeBelow(this.#boundary, this.#roomPages);
    if (room < this.#roomPages) return this.#awaitRoom();
    this.#isStuck = false;
    const root = trees.rootPage(name);
    if (root === null) {
      this.#nextTree();
      return "working";
    }
    const survey = new PageSurvey(this.#surveyOptions(name, isOver));
    survey.run(root, this.#from);
    if (survey.opens.size > 0 || survey.moves.size > 0) {
      trees.rework(name, survey, this.#pagesOf(survey));
      this.#moved += survey.pages + survey.opens.size;
    }
    if (survey.resume === null) this.#nextTree();
    else this.#from = survey.resume;
    if (this.#moved < COMMIT_PAGES_MAX) return "working";
    this.#moved = 0;
    return "commit";
  }

  #surveyOptions(name: string, isOver: () => boolean): SurveyOptions {
    const { rising, other } = this.#fillBytes;
    return {
      store: this.#store,
      boundary: this.#boundary,
      wanted: PASSES[this.#pass]!,
      fillBytes: this.#trees.isRising(name) ? rising : other,
      pagesMax: this.#slicePages,
      visitsMax: SLICE_VISITS_MAX,
      isOver,
    };
  }

  /** The leaves of the survey were read already, and no page is worth keeping. */
  #pagesOf({ leaves }: PageSurvey): TreePages {
    const store = this.#store;
    return {
      pageBytes: store.pageBytes,
      page: (id) => leaves.get(id) ?? store.page(id),
      newPage: (bytes) => store.newPage(bytes),
      free: (id, count) => store.free(id, count),
    };
  }

  /** The moves since the last commit free their old places when that is durable, or no reader. */
  #awaitRoom(): DefragmentationState {
    if (this.#isStuck) {
      this.#isStuck = false;
      return this.#endPass();
    }
    this.#isStuck = true;
    this.#moved = 0;
    return "commit";
  }

  #nextTree(): void {
    this.#tree += 1;
    this.#from = null;
  }

  #endPass(): DefragmentationState {
    this.#moved = 0;
    this.#nextPass();
    // What this one freed is the room of the next.
    return "commit";
  }

  /** Begins the next pass that has something to do; false when there is none. */
  #nextPass(): boolean {
    const store = this.#store;
    this.#tree = 0;
    this.#from = null;
    while (++this.#pass < PASSES.length) {
      const used = store.usedPages;
      this.#slicePages = partOf(used, SLICE_PAGES);
      this.#roomPages = this.#slicePages + partOf(used, RESERVE_PAGES);
      this.#boundary = used + Math.ceil(used / SPARE_PART) + this.#roomPages;
      if (PASSES[this.#pass] === "loose" || store.endPage > this.#boundary) return true;
    }
    return false;
  }

  /** Commits until the end is cut off. */
  #settle(): DefragmentationState {
    const store = this.#store;
    const excess = store.fileBytes - store.endPage * store.pageBytes;
    if (this.#settled === 0) store.isTight = true;
    if (this.#settled >= SETTLE_COMMITS) {
      if (store.isHeldFrom(this.#boundary)) return "held";
      this.#settleMax ||= this.#settled + Math.ceil(excess / CUT_BYTES_MAX) + SETTLE_COMMITS_MORE;
      if (excess <= 0 || this.#settled >= this.#settleMax) {
        this.end();
        return "done";
      }
    }
    this.#settled += 1;
    this.#trees.touch();
    return "commit";
  }
}

function partOf(
  pages: number,
  { min, max, part }: { readonly min: number; readonly max: number; readonly part: number },
): number {
  return Math.min(max, Math.max(min, Math.ceil(pages / part)));
}
