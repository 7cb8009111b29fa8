import { EventScan } from "../../mvcc/watch/event-scan.ts";
import type { WatchSpec } from "../../mvcc/watch/watcher.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import type { Job } from "../jobs.ts";
import { type ByteSource, Code } from "../rpc.ts";

/** Events sized in one step of a job: 0.2 ms. */
const EVENTS_PER_STEP = 256;

/** Events too many to be held, of one watcher. */
export interface LargeDeliveryOptions {
  readonly store: KvStore;
  readonly spec: WatchSpec;
  /** Revisions, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly events: number;
  readonly eventBytes: number;
  /** The client wants messages of this size in pieces below it; null: one message of any size. */
  readonly fragmentBytes: number | null;
  /** What comes before the events. */
  readonly head: (isFragment: boolean) => Uint8Array;
  /** Sends one message. */
  readonly send: (totalBytes: number, source: ByteSource) => void;
  /** All was taken. */
  readonly onEnd: () => void;
  /** The history cannot be read any more. */
  readonly onLost: () => void;
  /** Has `step` called. */
  readonly run: (job: Job) => void;
}

/**
 * Sends events that are read from the store while their reader takes them, in one message or in
 * fragments (WE9): each has as many events as keep it below the limit, and one at least.
 */
export class LargeDelivery implements Job {
  readonly #options: LargeDeliveryOptions;
  /** Stands at the next event to be sent. */
  readonly #reader: EventScan;
  /** Goes ahead of it, to find where a fragment ends; null: there are none. */
  readonly #scout: EventScan | null;
  readonly #fragmentHead: Uint8Array;
  #eventsLeft: number;
  #pieceEvents = 0;
  #pieceBytes = 0;
  /** Size of an event that the scout has seen and that is of the next piece. */
  #nextBytes = 0;
  #isStopped = false;

  constructor(options: LargeDeliveryOptions) {
    const { store, spec, first, last, events, eventBytes, fragmentBytes, head } = options;
    this.#options = options;
    this.#reader = new EventScan(store, spec, first, last);
    this.#eventsLeft = events;
    const isCut =
      fragmentBytes !== null && events > 1 && head(false).length + eventBytes >= fragmentBytes;
    this.#scout = isCut ? new EventScan(store, spec, first, last) : null;
    this.#fragmentHead = isCut ? head(true) : new Uint8Array(0);
  }

  start(): void {
    const { head, send, events, eventBytes, run } = this.#options;
    if (this.#scout !== null) {
      run(this);
      return;
    }
    const bytes = head(false);
    this.#eventsLeft = 0;
    send(bytes.length + eventBytes, new EventSource(bytes, this.#reader, events));
  }

  /** The message before is through. */
  writable(): void {
    if (this.#isStopped) return;
    if (this.#eventsLeft === 0) this.#options.onEnd();
    else this.#options.run(this);
  }

  stop(): void {
    this.#isStopped = true;
  }

  step(): boolean {
    if (this.#isStopped) return true;
    const scout = this.#scout!;
    for (let left = EVENTS_PER_STEP; left > 0; left -= 1) {
      if (this.#pieceEvents + (this.#nextBytes > 0 ? 1 : 0) === this.#eventsLeft) {
        this.#take();
        return this.#sendPiece();
      }
      const state = scout.next();
      if (state === "paused") return false;
      if (state === "end") {
        this.#options.onLost();
        return true;
      }
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
    this.#options.send(head.length + bytes, new EventSource(head, this.#reader, events));
    return true;
  }
}

/** A message: what comes first, then so many events of a scan. */
class EventSource implements ByteSource {
  // A client that watches again from where it was is told why.
  readonly failure = {
    code: Code.unavailable,
    message: "skein: the events were compacted before they were read, watch again",
  };
  readonly #head: Uint8Array;
  readonly #scan: EventScan;
  #headAt = 0;
  #eventsLeft: number;
  /** Of the event at hand: how much was copied, and how much there is. */
  #eventAt = 0;
  #eventBytes = 0;

  constructor(head: Uint8Array, scan: EventScan, events: number) {
    this.#head = head;
    this.#scan = scan;
    this.#eventsLeft = events;
  }

  read(into: Uint8Array, at: number, maxBytes: number): number {
    const fromHead = Math.min(this.#head.length - this.#headAt, maxBytes);
    into.set(this.#head.subarray(this.#headAt, this.#headAt + fromHead), at);
    this.#headAt += fromHead;
    let done = fromHead;
    if (this.#eventAt < this.#eventBytes && !this.#scan.again()) return -1;
    while (done < maxBytes) {
      if (this.#eventAt === this.#eventBytes) {
        const state = this.#eventsLeft === 0 ? "end" : this.#scan.next();
        if (state === "paused") break;
        // Asked for more than there is.
        if (state === "end") return done === 0 ? -1 : done;
        this.#eventsLeft -= 1;
        this.#eventAt = 0;
        this.#eventBytes = this.#scan.size();
      }
      const room = { into, at: at + done, maxBytes: maxBytes - done };
      const copied = this.#scan.copyPart(this.#eventAt, room);
      this.#eventAt += copied;
      done += copied;
    }
    return done;
  }

  release(): void {}
}
