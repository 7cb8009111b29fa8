import type { WatchHub } from "../../mvcc/watch/hub.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import type { Clock, TimerHandle } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { Job, JobRunner } from "../jobs.ts";
import type { StreamWatcher } from "./stream-watcher.ts";
import type { WatchStream } from "./watch-stream.ts";

/** What a stream adds to the interval at most, so that not all report at once (WP3). */
const JITTER_SHARE = 0.1;
/** A timer that has so little of its interval left is over. */
const EARLY_SHARE = 0.01;
/** Watchers that are told in one step: 0.1 ms. */
const WATCHERS_PER_STEP = 64;

/** What progress works with. */
export interface ProgressOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: KvStore;
  readonly hub: WatchHub;
  readonly jobs: JobRunner;
  readonly intervalMs: number;
}

/** Something that is to be done once all was told up to a revision. */
interface Due {
  readonly revision: number;
  readonly run: () => void;
}

/** Tells clients how far they have been told: on request, and from time to time (WP3 to WP5). */
export class WatchProgress {
  readonly #options: ProgressOptions;
  readonly #due: Due[] = [];

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** The client asks: it is answered if all its watchers are caught up, or not at all (WP4). */
  asked(stream: WatchStream): void {
    // Nobody reads the answer; and it would be one of any number.
    if (!stream.hasRoom) return;
    const { hub } = this.#options;
    this.#whenTold(() => {
      if (stream.isClosed || !stream.hasRoom || !stream.isCaughtUp(hub.position)) return;
      stream.sendProgress(hub.position, null);
    });
  }

  /** Live watchers may have been told more: to be called after each step of that. */
  advanced(): void {
    const due = this.#due;
    if (due.length === 0) return;
    const { position, isTelling } = this.#options.hub;
    // Who has just been told of what is newer would be told of a step back.
    if (isTelling) return;
    let done = 0;
    while (done < due.length && due[done]!.revision <= position) done += 1;
    for (const { run } of due.splice(0, done)) run();
  }

  /** The timer of one stream, as if it ran since the stream began. */
  timer(stream: WatchStream): ProgressTimer {
    const { random, intervalMs } = this.#options;
    const share = random.uint32() / 0x1_0000_0000;
    const whenTold = (run: () => void): void => this.#whenTold(run);
    return new ProgressTimer(
      this.#options,
      stream,
      intervalMs * (1 + JITTER_SHARE * share),
      whenTold,
    );
  }

  /** Everything that exists now is told first. */
  #whenTold(run: () => void): void {
    const { hub, store } = this.#options;
    const revision = store.currentRevision;
    if (hub.position >= revision) run();
    else this.#due.push({ revision, run });
  }
}

/** Tells those watchers of a stream that had no event for an interval where they are. */
export class ProgressTimer implements Job {
  readonly #options: ProgressOptions;
  readonly #stream: WatchStream;
  readonly #intervalMs: number;
  readonly #whenTold: (run: () => void) => void;
  readonly #startMs: number;
  #timer: TimerHandle = 0;
  #watchers: Iterator<StreamWatcher> | null = null;

  constructor(
    options: ProgressOptions,
    stream: WatchStream,
    intervalMs: number,
    whenTold: (run: () => void) => void,
  ) {
    this.#options = options;
    this.#stream = stream;
    this.#intervalMs = intervalMs;
    this.#whenTold = whenTold;
    this.#startMs = options.clock.monotonicMs();
  }

  /** A watcher wants to be told: nothing runs before. Idempotent. */
  start(): void {
    if (this.#timer !== 0) return;
    const { clock } = this.#options;
    const passedMs = clock.monotonicMs() - this.#startMs;
    // A timer that is early by a hair does not run twice.
    const intervals = Math.floor(passedMs / this.#intervalMs + EARLY_SHARE) + 1;
    const leftMs = Math.max(0, intervals * this.#intervalMs - passedMs);
    this.#timer = clock.startTimer(leftMs, this.#tick);
  }

  stop(): void {
    this.#options.clock.cancelTimer(this.#timer);
    this.#timer = 0;
  }

  readonly #tick = (): void => {
    this.#timer = 0;
    const stream = this.#stream;
    if (stream.isClosed) return;
    this.start();
    // Those before are not told yet: who reads so slowly is told enough.
    if (this.#watchers !== null) return;
    this.#whenTold(() => {
      if (stream.isClosed || this.#watchers !== null) return;
      this.#watchers = stream.watchers[Symbol.iterator]();
      this.#options.jobs.add(this);
    });
  };

  step(): boolean {
    const stream = this.#stream;
    const { hub } = this.#options;
    for (let left = WATCHERS_PER_STEP; left > 0; left -= 1) {
      const next = stream.isClosed ? null : this.#watchers!.next();
      if (next === null || next.done === true) {
        this.#watchers = null;
        return true;
      }
      const watcher = next.value;
      if (!watcher.progressNotify) continue;
      const { position } = hub;
      const isDue = watcher.isQuiet && watcher.state === "live" && stream.hasRoom;
      watcher.isQuiet = true;
      if (isDue && watcher.startRevision <= position) stream.sendProgress(position, watcher);
    }
    return false;
  }
}
