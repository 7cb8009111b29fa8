import type { KvStore } from "../../mvcc/store/store.ts";
import { WatchHub } from "../../mvcc/watch/hub.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { HeaderWriter } from "../header.ts";
import type { JobRunner } from "../jobs.ts";
import type { ReplySink, Token } from "../rpc.ts";
import type { StreamMethod, StreamReplies } from "../streams.ts";
import { type ProgressTimer, WatchProgress } from "./progress.ts";
import { WatchResponses } from "./responses.ts";
import { WatchDriver } from "./watch-driver.ts";
import { WatchStream, type WatchStreamContext } from "./watch-stream.ts";

/** What a request may have beyond `--max-request-bytes`: with it the limit of a fragment (WE9). */
const FRAGMENT_EXTRA_BYTES = 512 * 1024;
/** What a watcher takes beside its range, measured. */
const WATCHER_BYTES = 700;
/** Memory of all watchers: some 700,000 of them. etcd has no limit. */
export const WATCHER_MEMORY_MAX_BYTES = 512 * 1024 * 1024;

/** What the service works with. */
export interface WatchServiceOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: KvStore;
  readonly header: HeaderWriter;
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
  readonly streams: StreamReplies;
  readonly maxRequestBytes: number;
  /** --watch-progress-notify-interval. */
  readonly progressIntervalMs: number;
}

/** The Watch API without transport: calls and what they send, events and where they go. */
export class WatchService implements StreamMethod {
  readonly hub: WatchHub;
  /** Events that were sent. */
  eventsSent = 0;
  /** What its watchers take of `WATCHER_MEMORY_MAX_BYTES`. */
  memoryBytes = 0;
  readonly #options: WatchServiceOptions;
  readonly #driver: WatchDriver;
  readonly #progress: WatchProgress;
  readonly #context: WatchStreamContext;
  readonly #streams = new Map<Token, WatchStream>();
  readonly #timers = new Map<Token, ProgressTimer>();

  constructor(options: WatchServiceOptions) {
    this.#options = options;
    const { clock, random, store, jobs, maxRequestBytes, progressIntervalMs } = options;
    const { sink, streams } = options;
    this.hub = new WatchHub({
      store,
      hashSeed: random.uint32(),
      onWork: () => this.#driver.wake(),
    });
    const { hub } = this;
    this.#progress = new WatchProgress({
      ...{ clock, random, store, hub, jobs },
      intervalMs: progressIntervalMs,
    });
    this.#driver = new WatchDriver(clock, hub, () => this.#progress.advanced());
    this.#context = {
      ...{ clock, store, hub, sink, streams, jobs },
      responses: new WatchResponses(options.header),
      fragmentBytes: maxRequestBytes + FRAGMENT_EXTRA_BYTES,
      takeMemory: (rangeBytes) => this.#takeMemory(rangeBytes),
      giveMemory: (rangeBytes) => {
        this.memoryBytes -= WATCHER_BYTES + rangeBytes;
      },
      onEnd: (token) => this.cancel(token),
      onEvents: (count) => {
        this.eventsSent += count;
      },
    };
  }

  /** Calls that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** The store has a new revision. */
  published(): void {
    this.hub.published(this.#options.clock.monotonicMs());
  }

  open(token: Token): void {
    const stream = new WatchStream(this.#context, token);
    this.#streams.set(token, stream);
    this.#timers.set(token, this.#progress.timer(stream));
  }

  message(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const stream = this.#streams.get(token);
    if (stream === undefined) return;
    if (stream.message(bytes, start, end) === "progress") this.#progress.asked(stream);
    if (stream.wantsProgress) this.#timers.get(token)!.start();
  }

  /** A watch goes on without further requests. */
  halfClose(): void {}

  writable(token: Token): void {
    this.#streams.get(token)?.writable();
  }

  /** The call is dead. */
  cancel(token: Token): void {
    const stream = this.#streams.get(token);
    if (stream === undefined) return;
    stream.close();
    this.#streams.delete(token);
    this.#timers.get(token)?.stop();
    this.#timers.delete(token);
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#driver.stop();
    for (const timer of this.#timers.values()) timer.stop();
  }

  #takeMemory(rangeBytes: number): boolean {
    const bytes = WATCHER_BYTES + rangeBytes;
    if (this.memoryBytes + bytes > WATCHER_MEMORY_MAX_BYTES) return false;
    this.memoryBytes += bytes;
    return true;
  }
}
