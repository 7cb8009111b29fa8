import { EventScan } from "../../mvcc/watch/event-scan.ts";
import type { Delivery, Watcher } from "../../mvcc/watch/watcher.ts";
import type { KvStore, ReadView } from "../../mvcc/store/store.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Job } from "../jobs.ts";
import type { ByteSource } from "../rpc.ts";
import { EventSource } from "./event-source.ts";

/** Events sized in one step of a job: 0.2 ms. */
const EVENTS_PER_STEP = 256;

/** Events too many to be held, of one watcher. */
export interface LargeDeliveryOptions {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly watcher: Watcher;
  readonly delivery: Delivery;
  /** The client wants messages of this size in pieces below it; null: one message of any size. */
  readonly fragmentBytes: number | null;
  /** What comes before the events. */
  readonly head: (isFragment: boolean) => Uint8Array;
  /** Sends one message. */
  readonly send: (totalBytes: number, source: ByteSource) => void;
  /** All that is sent was taken. */
  readonly onEnd: () => void;
  /** The history cannot be read any more. */
  readonly onLost: () => void;
  /** Has `step` called. */
  readonly run: (job: Job) => void;
}

/**
 * Sends events that are read from the store while their reader takes them, in one message or in
 * fragments (WE9): each has as many events as keep it below the limit, and one at least.
 *
 * It holds what it reads from being compacted away for as long as the reader goes on.
 */
export class LargeDelivery implements Job {
  readonly watcher: Watcher;
  readonly #options: LargeDeliveryOptions;
  readonly #eventBytes: number;
  /** Stands at the next event to be sent. */
  readonly #reader: EventScan;
  /** Goes ahead of it, to find where a fragment ends; null: there are none. */
  readonly #scout: EventScan | null;
  readonly #fragmentHead: Uint8Array;
  #view: ReadView;
  #eventsLeft: number;
  #pieceEvents = 0;
  #pieceBytes = 0;
  /** Size of an event that the scout has seen and that is of the next piece. */
  #nextBytes = 0;
  /** `step` is going to be called. */
  #isRunning = false;
  /** A message is under way. */
  #isSending = false;
  #isStopped = false;

  constructor(options: LargeDeliveryOptions) {
    const { clock, store, watcher, delivery, fragmentBytes, head } = options;
    const { first, last, events, eventBytes, view } = delivery;
    this.watcher = watcher;
    this.#options = options;
    this.#eventBytes = eventBytes;
    // No older than it must be: compaction waits for it.
    this.#view = view.another(Math.max(view.revision, first - 1), clock.monotonicMs());
    const revisions = { first, last, prevFrom: this.#view.revision };
    this.#reader = new EventScan(store, watcher.spec, revisions);
    this.#eventsLeft = events;
    const isCut =
      fragmentBytes !== null && events > 1 && head(false).length + eventBytes >= fragmentBytes;
    this.#scout = isCut ? new EventScan(store, watcher.spec, revisions) : null;
    this.#fragmentHead = isCut ? head(true) : new Uint8Array(0);
  }

  start(): void {
    if (this.#scout !== null) {
      this.#run();
      return;
    }
    const events = this.#eventsLeft;
    this.#eventsLeft = 0;
    this.#send(this.#options.head(false), events, this.#eventBytes);
  }

  /** The message before is through. */
  writable(): void {
    if (this.#isStopped || this.#isSending || this.#isRunning) return;
    if (this.#eventsLeft > 0) this.#run();
    else this.#end();
  }

  /** Nobody wants these events any more: nothing follows the message that is under way. */
  cut(): void {
    if (this.#isStopped) return;
    this.#eventsLeft = 0;
    if (!this.#isSending) this.#end();
  }

  /** Reads and sends nothing any more. */
  stop(): void {
    this.#isStopped = true;
    this.#view.close();
  }

  step(): boolean {
    if (this.#isStopped) return true;
    const isOver = this.#isHeld() ? this.#scoutAhead() : this.#lost();
    if (isOver) this.#isRunning = false;
    return isOver;
  }

  /** Finds where a piece ends, and sends it; false: not yet. */
  #scoutAhead(): boolean {
    const scout = this.#scout!;
    // This ends by itself.
    this.#view.touch(this.#options.clock.monotonicMs());
    for (let left = EVENTS_PER_STEP; left > 0; left -= 1) {
      if (this.#pieceEvents + (this.#nextBytes > 0 ? 1 : 0) === this.#eventsLeft) {
        this.#take();
        return this.#sendPiece();
      }
      const state = scout.next();
      if (state === "paused") return false;
      if (state === "end") return this.#lost();
      this.#take();
      this.#nextBytes = scout.size();
      if (this.#pieceEvents > 0 && this.#isFull()) return this.#sendPiece();
    }
    return false;
  }

  /** The event that was seen goes into this piece. */
  #take(): void {
    if (this.#nextBytes === 0) return;
    this.#pieceEvents += 1;
    this.#pieceBytes += this.#nextBytes;
    this.#nextBytes = 0;
  }

  #isFull(): boolean {
    const bytes = this.#fragmentHead.length + this.#pieceBytes + this.#nextBytes;
    return bytes >= this.#options.fragmentBytes!;
  }

  #sendPiece(): true {
    const events = this.#pieceEvents;
    const bytes = this.#pieceBytes;
    this.#eventsLeft -= events;
    this.#pieceEvents = this.#pieceBytes = 0;
    const head = this.#eventsLeft > 0 ? this.#fragmentHead : this.#options.head(false);
    this.#send(head, events, bytes);
    return true;
  }

  #run(): void {
    this.#isRunning = true;
    this.#options.run(this);
  }

  #send(head: Uint8Array, events: number, eventBytes: number): void {
    const { clock, send } = this.#options;
    this.#isSending = true;
    const source = new EventSource({
      ...{ head, events, eventBytes, scan: this.#reader },
      isHeld: () => this.#isHeld(),
      onTaken: (bytes) => this.#view.taken(bytes, clock.monotonicMs()),
      onRelease: () => {
        this.#isSending = false;
      },
    });
    send(head.length + eventBytes, source);
  }

  /** False when what is to be read may be gone: the reader did not go on for too long. */
  #isHeld(): boolean {
    if (this.#isStopped) return false;
    if (!this.#view.isCancelled) return true;
    const { store, clock } = this.#options;
    const view = store.openView(this.#view.revision, clock.monotonicMs());
    if (typeof view === "string") return false;
    this.#view = view;
    return true;
  }

  #end(): void {
    this.stop();
    this.#options.onEnd();
  }

  #lost(): true {
    this.stop();
    this.#options.onLost();
    return true;
  }
}
