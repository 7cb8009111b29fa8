import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";

/** How long the work rests while an older view is still read. */
const WAIT_FOR_VIEWS_MS = 50;

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
    const state = store.compactStep(batchRevisions);
    if (state === "idle") {
      this.#running = false;
      onFinished();
      return;
    }
    clock.startTimer(state === "waiting" ? WAIT_FOR_VIEWS_MS : sleepMs, this.#step);
  };
}
