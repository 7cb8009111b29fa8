import { assert } from "../../base/assert.ts";
import type { ChangeCursor } from "../../storage/backend/backend.ts";
import type { KvStore, ReadView } from "../store/store.ts";
import { Interests } from "./interests.ts";
import { Slice } from "./slice.ts";
import { StartHeap } from "./start-heap.ts";
import type { Interest, Watcher, WatcherHome } from "./watcher.ts";

/** Stored changes looked at in one step: 0.1 to 0.3 ms. */
const CHANGES_PER_STEP = 128;
/** Deliveries in one step: 0.1 ms. */
const DELIVERIES_PER_STEP = 128;
/** Revisions in one response of a watcher that catches up, at most: etcd's number (WE4). */
const REVISIONS_PER_SLICE = 1000;
/** Bytes of events after which a slice ends with its revision: half of what a stream queues. */
const SLICE_BYTES = 32 * 1024;
/**
 * So many revisions behind, what is written now still goes out one by one (WE5). Who cannot keep up
 * with that gets several in one response, as when catching up.
 */
const SINGLE_REVISIONS_MAX = 16;

/** What a pass works with. */
export interface PassOptions {
  readonly store: KvStore;
  readonly hashSeed: number;
  /** It tells what is written now. */
  readonly isLive: boolean;
  /** A watcher has joined for later … */
  readonly onScheduled: (watcher: Watcher) => void;
  /** … and is in it now. */
  readonly onJoined: (watcher: Watcher) => void;
  /** A watcher has not taken its events and is out of the pass; it goes on at its `from`. */
  readonly onRefused: (watcher: Watcher) => void;
}

/**
 * Goes through the stored changes in the order of their revisions and gives each watcher that has
 * joined what it wants, in slices of whole revisions. There is one for what is written now, and
 * some for those who catch up.
 *
 * Invariant: all who are in `#interests` have been told of everything up to `position`, and of
 * nothing after it but what the slice under way gave them.
 */
export class Pass implements WatcherHome {
  /** Everything up to it was told. */
  position: number;
  readonly #options: PassOptions;
  readonly #interests: Interests;
  readonly #scheduled = new StartHeap();
  readonly #slice: Slice;
  readonly #cursor: ChangeCursor;
  #state: "idle" | "gathering" | "flushing" = "idle";
  /** The slice under way goes no further. */
  #limit = 0;
  /** Whether each revision that matters is a slice of its own. */
  #isSingle = false;
  /** The revision of the change that was added last. */
  #revision = 0;
  /** The cursor is going to give changes from this revision on; −1: it must be placed. */
  #cursorAt = -1;
  #view: ReadView | null = null;

  constructor(options: PassOptions, position: number) {
    const { store, hashSeed } = options;
    this.#options = options;
    this.position = position;
    this.#interests = new Interests(hashSeed);
    this.#slice = new Slice(store, this.#interests);
    this.#cursor = store.newChangeCursor();
  }

  /** Up to where changes have been matched to watchers: who joins needs only what comes after. */
  get reached(): number {
    return this.#state === "flushing" ? this.#slice.last : this.position;
  }

  /** Changes are being matched, beyond `reached`. */
  get isGathering(): boolean {
    return this.#state === "gathering";
  }

  /** Some may have been told of what comes after `position`, and others not yet. */
  get isFlushing(): boolean {
    return this.#state === "flushing";
  }

  get isIdle(): boolean {
    return this.#state === "idle";
  }

  /** Nobody is in it or is going to be. */
  get isEmpty(): boolean {
    return this.#interests.watchers === 0 && this.#scheduled.size === 0;
  }

  /** One of those who are in it or are going to be; null when there are none. Between slices. */
  get first(): Watcher | null {
    const interest: Interest | null = this.#interests.first;
    if (interest === null) return this.#scheduled.peek() ?? null;
    return interest.watchers[interest.watchers.length - 1]!;
  }

  /** Takes in a watcher that `canTake` allows: it is told of all from `watcher.from` on. */
  join(watcher: Watcher): void {
    assert(this.canTake(watcher.from), "watch: a watcher joins a pass that is beyond it");
    watcher.home = this;
    if (this.#state === "idle" && watcher.from === this.position + 1) {
      this.#interests.join(watcher);
      this.#options.onJoined(watcher);
      return;
    }
    this.#scheduled.push(watcher);
    this.#options.onScheduled(watcher);
  }

  /** Whether one may join that wants what comes from `from` on. */
  canTake(from: number): boolean {
    return from > (this.#state === "gathering" ? this.#limit : this.reached);
  }

  leave(watcher: Watcher): void {
    watcher.home = null;
    if (watcher.interest === null) this.#scheduled.remove(watcher);
    else this.#interests.leave(watcher);
  }

  /** Goes on from `position`, which is where everybody is: only while it is empty. */
  restart(position: number): void {
    assert(this.isEmpty && this.#state === "idle", "watch: a pass in use is moved");
    this.position = position;
  }

  /** Does a piece of work, well below a millisecond; false when all up to `target` is told. */
  step(target: number, nowMs: number): boolean {
    if (this.#state === "flushing") {
      this.#view?.touch(nowMs);
      if (this.#slice.flush(DELIVERIES_PER_STEP, this.#refused)) this.#end();
      return true;
    }
    if (this.#state === "idle" && this.position >= target) {
      this.close();
      return false;
    }
    this.pin(nowMs);
    if (this.#state === "idle") this.#begin(target);
    else this.#gather();
    return true;
  }

  /**
   * True when what comes after `position` may have been compacted away, as nobody went on with it
   * for too long: all have to leave. What was being matched is forgotten.
   */
  loses(): boolean {
    if (this.#view === null || !this.#view.isCancelled || this.#state === "flushing") return false;
    if (this.#state === "gathering") this.#slice.abandon();
    this.#state = "idle";
    this.#cursorAt = -1;
    this.#view = null;
    return this.position + 1 < this.#options.store.compactRevision;
  }

  /** Keeps what comes after `position` from being compacted away, until all of it is told. */
  pin(nowMs: number): void {
    if (this.#view !== null) {
      this.#view.touch(nowMs);
      return;
    }
    const { store } = this.#options;
    const view = store.openView(Math.max(this.position, store.compactRevision), nowMs);
    assert(typeof view !== "string", "watch: history cannot be read");
    this.#view = view;
  }

  /** Gives up the history. */
  close(): void {
    this.#view?.close();
    this.#view = null;
  }

  readonly #refused = (watcher: Watcher): void => {
    watcher.from = this.#slice.first;
    this.leave(watcher);
    this.#options.onRefused(watcher);
  };

  #begin(target: number): void {
    const first = this.position + 1;
    const next = this.#scheduled.peek();
    this.#limit = next === undefined ? target : Math.min(target, next.from - 1);
    this.#isSingle = this.#options.isLive && target - this.position <= SINGLE_REVISIONS_MAX;
    // Nobody is there: on to where somebody joins.
    if (this.#interests.watchers === 0) {
      this.#advance(this.#limit);
      return;
    }
    if (this.#cursorAt !== first) this.#cursor.seek(first, 0);
    this.#slice.begin(first, this.#view!);
    this.#revision = this.position;
    this.#state = "gathering";
  }

  #gather(): void {
    const slice = this.#slice;
    const cursor = this.#cursor;
    for (let left = CHANGES_PER_STEP; left > 0; left -= 1) {
      if (!cursor.next()) {
        this.#gathered(this.#limit);
        this.#cursorAt = this.#limit + 1;
        return;
      }
      const { main } = cursor;
      if (main > this.#limit || (main !== this.#revision && this.#isFull())) {
        this.#gathered(Math.min(this.#limit, main - 1));
        return;
      }
      this.#revision = main;
      const before = slice.heldBytes;
      slice.add(cursor);
      // A value of a megabyte is as much work as a thousand small ones.
      left -= (slice.heldBytes - before) >>> 10;
    }
  }

  /** A revision more would be too much. */
  #isFull(): boolean {
    const { isEmpty, bytes, revisions } = this.#slice;
    if (this.#isSingle) return !isEmpty;
    return bytes >= SLICE_BYTES || revisions >= REVISIONS_PER_SLICE;
  }

  #gathered(last: number): void {
    const slice = this.#slice;
    // It has gone too far, unless that was all there is.
    this.#cursorAt = -1;
    slice.last = last;
    slice.isLive = this.#isSingle && slice.revisions === 1;
    if (slice.isEmpty) {
      this.#state = "idle";
      this.#advance(last);
    } else this.#state = "flushing";
  }

  #end(): void {
    this.#state = "idle";
    this.#advance(this.#slice.last);
  }

  #advance(position: number): void {
    this.position = position;
    for (let next = this.#scheduled.peek(); next !== undefined; next = this.#scheduled.peek()) {
      if (next.from > position + 1) return;
      this.#scheduled.remove(next);
      this.#interests.join(next);
      this.#options.onJoined(next);
    }
  }
}
