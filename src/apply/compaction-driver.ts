import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";

/** How long the work rests while an older view is still read. */
const WAIT_FOR_VIEWS_MS = 50;

/** Length of a slice of a step: the sockets have their turn before the next one. */
const SLICE_MS = 0.5;
/** Keys or revisions between two looks at the clock. */
const CLOCK_EVERY = 64;

/** What a CompactionDriver drives, and how gently. */
export interface CompactionDriverOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  /** Keys or revisions visited in one step (etcd: --compaction-batch-limit). */
  readonly batchRevisions: number;
  /** Pause between steps (etcd: --compaction-sleep-interval). */
  readonly sleepMs: number;
  /** The work is done. */
  readonly onFinished: () => void;
}

/** Carries out accepted compactions in the background, in steps with pauses (storage.md 7). */
export class CompactionDriver {
  readonly #options: CompactionDriverOptions;
  /** What is left of the step, in keys or revisions. */
  #left = 0;
  #running = false;
  #stopped = false;

  constructor(options: CompactionDriverOptions) {
    this.#options = options;
  }

  /** True while there is work. */
  get isWorking(): boolean {
    return this.#running;
  }

  /** There is (more) work. */
  wake(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    this.#options.clock.defer(this.#step);
  }

  stop(): void {
    this.#stopped = true;
  }

  readonly #step = (): void => {
    if (this.#stopped) return;
    const { clock, store, batchRevisions, sleepMs, onFinished } = this.#options;
    // Inside of an entry that spans slices the store takes no other writer.
    if (store.pendingChanges > 0) {
      clock.startTimer(1, this.#step);
      return;
    }
    if (this.#left === 0) this.#left = batchRevisions;
    const state = this.#slice();
    if (state === "idle") {
      this.#running = false;
      onFinished();
    } else if (state === "waiting") {
      clock.startTimer(WAIT_FOR_VIEWS_MS, this.#step);
    } else if (this.#left > 0) {
      clock.defer(this.#step);
    } else {
      clock.startTimer(sleepMs, this.#step);
    }
  };

  #slice(): "idle" | "working" | "waiting" {
    const { clock, store } = this.#options;
    const deadlineMs = clock.monotonicMs() + SLICE_MS;
    do {
      const count = Math.min(this.#left, CLOCK_EVERY);
      this.#left -= count;
      const state = store.compactStep(count);
      if (state !== "working") {
        this.#left = 0;
        return state;
      }
    } while (this.#left > 0 && clock.monotonicMs() < deadlineMs);
    return "working";
  }
}
