import type { KvStore } from "../store/store.ts";
import { Pass, type PassOptions } from "./pass.ts";
import type { Watcher } from "./watcher.ts";

/** Who is no further behind does not wait for those who read all of a long history. */
const NEAR_REVISIONS = 10_000;
/** Passes of a kind: one under way, and one for those whom that has passed by. */
const PASSES_PER_LANE = 2;
/** Watchers that change their place in one step: 0.1 ms. */
const WATCHERS_PER_STEP = 64;

/** What those who catch up need of the hub. */
export interface CatchUpOptions extends Omit<PassOptions, "isLive"> {
  readonly live: Pass;
  /** A watcher has all up to where the live ones are; its `from` is what comes next. */
  readonly onCaughtUp: (watcher: Watcher) => void;
  /** What a watcher needs may have been compacted away. */
  readonly onLost: (watcher: Watcher) => void;
}

/**
 * Brings watchers that are behind to where the live ones are: those who are near, and those who are
 * far. All who are behind go together, from the one that is the furthest on.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #near: Lane;
  readonly #far: Lane;
  #isFarNext = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#near = new Lane(options);
    this.#far = new Lane(options);
  }

  /** Takes a watcher whose `from` is not below the compaction. */
  add(watcher: Watcher): void {
    const behind = this.#options.store.currentRevision - watcher.from;
    (behind <= NEAR_REVISIONS ? this.#near : this.#far).add(watcher);
  }

  /** A watcher that is in no pass yet is removed. */
  forget(watcher: Watcher): void {
    this.#near.forget(watcher);
    this.#far.forget(watcher);
  }

  /** Does a piece of work; false when there is none. The two kinds have equal shares. */
  step(nowMs: number): boolean {
    this.#isFarNext = !this.#isFarNext;
    const first = this.#isFarNext ? this.#far : this.#near;
    const second = this.#isFarNext ? this.#near : this.#far;
    return first.step(nowMs) || second.step(nowMs);
  }
}

/** One of its passes; it lasts, as making one takes longer than most of what it is used for. */
interface Run {
  readonly pass: Pass;
  isActive: boolean;
  /** To join it. */
  entering: Set<Watcher>;
}

class Lane {
  readonly #options: CatchUpOptions;
  readonly #store: KvStore;
  readonly #runs: Run[] = [];
  /** Those whom every pass under way has passed by. */
  #waiting = new Set<Watcher>();
  #next = 0;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  add(watcher: Watcher): void {
    for (const { isActive, pass } of this.#runs) {
      if (isActive && pass.canTake(watcher.from)) {
        pass.join(watcher);
        return;
      }
    }
    this.#waiting.add(watcher);
  }

  forget(watcher: Watcher): void {
    this.#waiting.delete(watcher);
    for (const { entering } of this.#runs) entering.delete(watcher);
  }

  step(nowMs: number): boolean {
    if (this.#waiting.size > 0 && this.#start(nowMs)) return true;
    const runs = this.#runs;
    for (let tried = 0; tried < runs.length; tried += 1) {
      this.#next = (this.#next + 1) % runs.length;
      const run = runs[this.#next]!;
      if (run.isActive && this.#stepRun(run, nowMs)) return true;
    }
    return false;
  }

  /** False when there is no pass for those who wait. */
  #start(nowMs: number): boolean {
    const run = this.#runs.find(({ isActive }) => !isActive) ?? this.#newRun();
    if (run === null) return false;
    const { compactRevision } = this.#store;
    let from = Number.POSITIVE_INFINITY;
    for (const watcher of this.#waiting) {
      // Nothing kept it while they waited.
      if (watcher.from < compactRevision) {
        this.#waiting.delete(watcher);
        this.#options.onLost(watcher);
      } else from = Math.min(from, watcher.from);
    }
    if (this.#waiting.size === 0) return true;
    run.pass.restart(from - 1);
    run.pass.pin(nowMs);
    run.isActive = true;
    run.entering = this.#waiting;
    this.#waiting = new Set();
    return true;
  }

  #newRun(): Run | null {
    if (this.#runs.length === PASSES_PER_LANE) return null;
    const pass = new Pass({ ...this.#options, isLive: false }, 0);
    const run: Run = { pass, isActive: false, entering: new Set() };
    this.#runs.push(run);
    return run;
  }

  #stepRun(run: Run, nowMs: number): boolean {
    const { pass } = run;
    if (pass.loses()) {
      this.#evict(run);
      return true;
    }
    if (run.entering.size > 0) {
      this.#enter(run);
      return true;
    }
    if (pass.isEmpty && pass.isIdle) {
      pass.close();
      run.isActive = false;
      return this.#waiting.size > 0;
    }
    const { live } = this.#options;
    if (live.isEmpty && live.isIdle) live.restart(this.#store.currentRevision);
    if (!pass.isIdle || pass.position < live.reached) {
      pass.step(live.reached, nowMs);
      return true;
    }
    // What it matches at this moment belongs to those who are in it.
    if (live.isGathering) return false;
    this.#handOver(pass);
    return true;
  }

  #enter({ pass, entering }: Run): void {
    let left = WATCHERS_PER_STEP;
    for (const watcher of entering) {
      if (left === 0) return;
      left -= 1;
      entering.delete(watcher);
      pass.join(watcher);
    }
  }

  #handOver(pass: Pass): void {
    for (let left = WATCHERS_PER_STEP; left > 0; left -= 1) {
      const watcher = pass.first;
      if (watcher === null) return;
      this.#takeOut(pass, watcher);
      this.#options.onCaughtUp(watcher);
    }
  }

  /** The history was not read for too long. */
  #evict({ pass, entering }: Run): void {
    for (const watcher of entering) this.#options.onLost(watcher);
    entering.clear();
    for (let watcher = pass.first; watcher !== null; watcher = pass.first) {
      this.#takeOut(pass, watcher);
      this.#options.onLost(watcher);
    }
  }

  #takeOut(pass: Pass, watcher: Watcher): void {
    if (watcher.interest !== null) watcher.from = pass.position + 1;
    pass.leave(watcher);
  }
}
