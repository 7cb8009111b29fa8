import type { KvStore } from "../mvcc/store/store.ts";
import type { Clock } from "../platform/clock.ts";
import type { BoltBackend } from "../storage/backend/bolt/bolt-backend.ts";
import type { Defragmentation } from "../storage/backend/bolt/defragmentation.ts";
import type { Committer } from "./committer.ts";

/** Length of a slice of the work … */
const SLICE_MS = 0.5;
/** … and the pause after it: a fifth of the event loop at most. */
const PAUSE_MS = 2;
/**
 * The log waits for the disk while it does a commit of the work; then the disk is the log's for so
 * many times as long.
 */
const DISK_PAUSE_FACTOR = 4;
/** How often the driver looks whether a commit is durable. */
const POLL_MS = 1;
/** How often it looks whether a reader let go, and how often in a row before it ends without. */
const HELD_PAUSE_MS = 50;
const HELD_PAUSES_MAX = 100;
/** Begins by itself when this part of the file is free … */
const FREE_PART_MIN = 0.5;
/** … and at least so many bytes: less is not worth writing the rest. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;
/** How often it is looked at. */
const LOOK_INTERVAL_MS = 10_000;

/** What a DefragmentationDriver drives. */
export interface DefragmentationDriverOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly committer: Committer;
  readonly backend: BoltBackend;
}

/**
 * Makes the database file shorter, on request or because much of it is free, in slices between
 * entries and with pauses, while the member serves. One run at a time.
 */
export class DefragmentationDriver {
  readonly #options: DefragmentationDriverOptions;
  #work: Defragmentation | null = null;
  /** Told at the end of this run, and those who came too late for it. */
  #waiting: (() => void)[] = [];
  #next: (() => void)[] = [];
  /** When the commit began that must be durable before the next slice; -1: there is none. */
  #commitMs = -1;
  #heldPauses = 0;
  #lookMs = 0;
  #isStopped = false;

  constructor(options: DefragmentationDriverOptions) {
    this.#options = options;
  }

  /** True while it works. */
  get isWorking(): boolean {
    return this.#work !== null;
  }

  /**
   * Calls `done` when a run that begins now or later has ended: the file is as short as it gets. It
   * ends before that when a reader keeps old pages for more than five seconds; then the end of the
   * file is cut off with the commits after that reader.
   */
  request(done: () => void): void {
    this.#next.push(done);
    if (this.#work === null) this.#begin();
  }

  /** To be called now and then: begins by itself when much is free. */
  tick(): void {
    const { clock, backend } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#work !== null || nowMs < this.#lookMs) return;
    this.#lookMs = nowMs + LOOK_INTERVAL_MS;
    const freeBytes = backend.sizeBytes - backend.sizeInUseBytes;
    if (freeBytes < FREE_BYTES_MIN || freeBytes < backend.sizeBytes * FREE_PART_MIN) return;
    this.#begin();
  }

  /** Does nothing more; who waits is not told. */
  stop(): void {
    this.#isStopped = true;
    this.#work?.end();
    this.#work = null;
  }

  #begin(): void {
    if (this.#isStopped) return;
    this.#waiting = this.#next;
    this.#next = [];
    this.#heldPauses = 0;
    this.#work = this.#options.backend.newDefragmentation();
    this.#options.clock.defer(this.#step);
  }

  readonly #step = (): void => {
    if (this.#work === null) return;
    const { clock, store, committer } = this.#options;
    // Inside of an entry that spans slices nothing is committed.
    if (!committer.isFree || store.pendingChanges > 0) {
      clock.startTimer(POLL_MS, this.#step);
      return;
    }
    const nowMs = clock.monotonicMs();
    if (this.#commitMs >= 0) {
      const pauseMs = DISK_PAUSE_FACTOR * (nowMs - this.#commitMs);
      this.#commitMs = -1;
      clock.startTimer(pauseMs, this.#step);
      return;
    }
    const untilMs = nowMs + SLICE_MS;
    const state = this.#work.step(() => clock.monotonicMs() >= untilMs);
    this.#heldPauses = state === "held" ? this.#heldPauses + 1 : 0;
    if (state === "done" || this.#heldPauses > HELD_PAUSES_MAX) {
      this.#end();
    } else if (state === "commit") {
      this.#commitMs = nowMs;
      committer.commit();
      clock.startTimer(POLL_MS, this.#step);
    } else {
      clock.startTimer(state === "held" ? HELD_PAUSE_MS : PAUSE_MS, this.#step);
    }
  };

  #end(): void {
    this.#work?.end();
    this.#work = null;
    this.#lookMs = this.#options.clock.monotonicMs() + LOOK_INTERVAL_MS;
    for (const done of this.#waiting.splice(0)) done();
    if (this.#next.length > 0) this.#begin();
  }
}
