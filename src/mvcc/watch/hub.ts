import type { KvStore } from "../store/store.ts";
import { CatchUp } from "./catch-up.ts";
import { Pass } from "./pass.ts";
import type { Watcher, WatcherState } from "./watcher.ts";

/** Watchers that are sorted in or removed in one step: 0.1 ms. */
const WATCHERS_PER_STEP = 64;
/** Kinds of work beside that for live watchers; they take turns. */
const OTHER_WORK = 4;

/** What a hub works with. */
export interface WatchHubOptions {
  readonly store: KvStore;
  /** Any number, which clients cannot know. */
  readonly hashSeed: number;
  /** There is work for `stepLive` or `stepOthers`; called again and again. */
  readonly onWork: () => void;
}

/**
 * All watchers of a key space. What is written is told to the live ones in order; who is behind
 * catches up from the stored history and then becomes live, without gap or duplicate.
 */
export class WatchHub {
  readonly #store: KvStore;
  readonly #onWork: () => void;
  readonly #live: Pass;
  readonly #catchUp: CatchUp;
  /** To be sorted in. */
  readonly #arrivals = new Set<Watcher>();
  /** Owners that are gone: their watchers are removed in steps. */
  readonly #leaving: Iterator<Watcher>[] = [];
  /** Watchers whose owner has room again; in steps, too. */
  readonly #resuming: Iterator<Watcher>[] = [];
  readonly #removeOne = (watcher: Watcher): void => this.remove(watcher);
  readonly #resumeOne = (watcher: Watcher): void => {
    if (watcher.state === "parked") this.#arrive(watcher);
  };
  #nextWork = 0;
  #watchers = 0;
  #slow = 0;

  constructor({ store, hashSeed, onWork }: WatchHubOptions) {
    this.#store = store;
    this.#onWork = onWork;
    const passes = {
      store,
      hashSeed,
      onScheduled: (watcher: Watcher) => this.#setState(watcher, "scheduled"),
      onRefused: (watcher: Watcher) => this.#setState(watcher, "parked"),
    };
    const onJoined = (watcher: Watcher): void => this.#setState(watcher, "live");
    this.#live = new Pass({ ...passes, isLive: true, onJoined }, store.currentRevision);
    this.#catchUp = new CatchUp({
      ...passes,
      live: this.#live,
      onJoined: (watcher) => this.#setState(watcher, "behind"),
      onCaughtUp: (watcher) => this.#live.join(watcher),
      onLost: (watcher) => this.#arrive(watcher),
    });
  }

  /** Watchers that were added and not removed. */
  get watchers(): number {
    return this.#watchers;
  }

  /** Those that catch up or wait for room. */
  get slowWatchers(): number {
    return this.#slow;
  }

  /** Live watchers have been told of everything up to it. */
  get position(): number {
    return this.#live.isEmpty ? this.#store.currentRevision : this.#live.position;
  }

  /** Some live watchers may have been told of more than `position`. */
  get isTelling(): boolean {
    return this.#live.isFlushing;
  }

  /** The store has a new revision. */
  published(nowMs: number): void {
    if (this.#live.isEmpty) return;
    this.#live.pin(nowMs);
    this.#onWork();
  }

  /** Takes a new watcher, which is told of everything from revision `from` > 0 on, later. */
  add(watcher: Watcher, from: number): void {
    watcher.from = from;
    this.#watchers += 1;
    if (from > this.#store.currentRevision) this.#joinLive(watcher);
    else this.#arrive(watcher);
  }

  /** It gets nothing more. */
  remove(watcher: Watcher): void {
    if (watcher.state === "gone") return;
    this.#takeOut(watcher);
    this.#setState(watcher, "gone");
    this.#watchers -= 1;
    // Nobody needs the history that is kept for live watchers.
    if (this.#live.isEmpty) this.#onWork();
  }

  /** Removes many, in steps; their owner takes all that comes until then, and forgets it. */
  removeAll(watchers: Iterator<Watcher>): void {
    this.#leaving.push(watchers);
    this.#onWork();
  }

  /** The owner of parked watchers has room again: they go on, in steps. */
  resumeAll(watchers: Iterator<Watcher>): void {
    this.#resuming.push(watchers);
    this.#onWork();
  }

  /** Tells live watchers, a piece of work well below a millisecond; false when all is told. */
  stepLive(nowMs: number): boolean {
    const live = this.#live;
    if (live.loses()) this.#evictLive();
    if (live.isEmpty && live.isIdle) {
      live.close();
      return false;
    }
    return live.step(this.#store.currentRevision, nowMs);
  }

  /** A piece of the other work, as short; false when there is none now. */
  stepOthers(nowMs: number): boolean {
    for (let tried = 0; tried < OTHER_WORK; tried += 1) {
      this.#nextWork = (this.#nextWork + 1) % OTHER_WORK;
      if (this.#stepOther(this.#nextWork, nowMs)) return true;
    }
    return false;
  }

  #stepOther(work: number, nowMs: number): boolean {
    switch (work) {
      case 0:
        return this.#sortIn();
      case 1:
        return this.#catchUp.step(nowMs);
      case 2:
        return this.#forSome(this.#resuming, this.#resumeOne);
      default:
        return this.#forSome(this.#leaving, this.#removeOne);
    }
  }

  /** False when nobody waits. */
  #sortIn(): boolean {
    let left = WATCHERS_PER_STEP;
    for (const watcher of this.#arrivals) {
      if (left === 0) break;
      left -= 1;
      this.#arrivals.delete(watcher);
      const { compactRevision, currentRevision } = this.#store;
      if (watcher.from < compactRevision) {
        this.#setState(watcher, "compacted");
        watcher.owner.compacted(watcher, compactRevision);
      } else if (watcher.from > currentRevision) this.#joinLive(watcher);
      else this.#catchUp.add(watcher);
    }
    return left < WATCHERS_PER_STEP;
  }

  /** False when there is nobody. */
  #forSome(iterators: Iterator<Watcher>[], act: (watcher: Watcher) => void): boolean {
    const iterator = iterators[0];
    if (iterator === undefined) return false;
    for (let left = WATCHERS_PER_STEP; left > 0; left -= 1) {
      const { value, done } = iterator.next();
      if (done === true) {
        iterators.shift();
        return true;
      }
      act(value);
    }
    return true;
  }

  /** Its history was not read for too long. */
  #evictLive(): void {
    for (let watcher = this.#live.first; watcher !== null; watcher = this.#live.first) {
      if (watcher.interest !== null) watcher.from = this.#live.position + 1;
      // Those who wait for a revision that is to come are not behind.
      else if (watcher.from > this.#store.currentRevision) break;
      this.#live.leave(watcher);
      this.#arrive(watcher);
    }
  }

  #joinLive(watcher: Watcher): void {
    const live = this.#live;
    if (live.isEmpty && live.isIdle) live.restart(this.#store.currentRevision);
    live.join(watcher);
  }

  #arrive(watcher: Watcher): void {
    this.#setState(watcher, "waiting");
    this.#arrivals.add(watcher);
    this.#onWork();
  }

  #takeOut(watcher: Watcher): void {
    if (watcher.home !== null) watcher.home.leave(watcher);
    else if (watcher.state === "waiting") {
      this.#arrivals.delete(watcher);
      this.#catchUp.forget(watcher);
    }
  }

  #setState(watcher: Watcher, state: WatcherState): void {
    const { owner } = watcher;
    if (watcher.state === "live") owner.liveWatchers -= 1;
    if (isSlow(watcher.state)) this.#slow -= 1;
    if (state === "live") owner.liveWatchers += 1;
    if (isSlow(state)) this.#slow += 1;
    watcher.state = state;
  }
}

function isSlow(state: WatcherState): boolean {
  return state === "behind" || state === "waiting" || state === "parked";
}
