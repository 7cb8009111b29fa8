import type { EventScan } from "../../mvcc/watch/event-scan.ts";
import { type ByteSource, Code } from "../rpc.ts";

/** What a message is made of. */
export interface EventSourceOptions {
  /** What comes before the events. */
  readonly head: Uint8Array;
  /** Stands before the first of them. */
  readonly scan: EventScan;
  readonly events: number;
  readonly eventBytes: number;
  /** False when the history cannot be relied on any more. */
  readonly isHeld: () => boolean;
  readonly onTaken: (bytes: number) => void;
  readonly onRelease: () => void;
}

/**
 * A message: what comes first, then so many events of a scan. It is never other than was promised:
 * when the events are not of the size that they had, it fails.
 */
export class EventSource implements ByteSource {
  // A client that watches again from where it was is told why.
  readonly failure = {
    code: Code.unavailable,
    message: "skein: the events were compacted before they were read, watch again",
  };
  readonly #options: EventSourceOptions;
  #headAt = 0;
  #eventsLeft: number;
  /** Of the events that were not begun. */
  #bytesLeft: number;
  /** Of the event at hand: how much was copied, and how much there is. */
  #eventAt = 0;
  #eventBytes = 0;

  constructor(options: EventSourceOptions) {
    this.#options = options;
    this.#eventsLeft = options.events;
    this.#bytesLeft = options.eventBytes;
  }

  read(into: Uint8Array, at: number, maxBytes: number): number {
    const { head, scan, isHeld, onTaken } = this.#options;
    if (!isHeld()) return -1;
    const fromHead = Math.min(head.length - this.#headAt, maxBytes);
    into.set(head.subarray(this.#headAt, this.#headAt + fromHead), at);
    this.#headAt += fromHead;
    let done = fromHead;
    if (this.#eventAt < this.#eventBytes && !this.#again()) return -1;
    while (done < maxBytes) {
      if (this.#eventAt === this.#eventBytes) {
        // Asked for more than there is.
        if (this.#eventsLeft === 0) return done === 0 ? -1 : done;
        const state = scan.next();
        if (state === "paused") break;
        if (state === "end" || !this.#beginEvent()) return -1;
      }
      const room = { into, at: at + done, maxBytes: maxBytes - done };
      const copied = scan.copyPart(this.#eventAt, room);
      if (copied === 0) return -1;
      this.#eventAt += copied;
      done += copied;
    }
    onTaken(done);
    return done;
  }

  release(): void {
    this.#options.onRelease();
  }

  /** In a later turn: the event that was begun. */
  #again(): boolean {
    const { scan } = this.#options;
    return scan.again() && scan.size() === this.#eventBytes;
  }

  /** False when it does not fit into what was promised. */
  #beginEvent(): boolean {
    const bytes = this.#options.scan.size();
    this.#eventsLeft -= 1;
    this.#bytesLeft -= bytes;
    this.#eventAt = 0;
    this.#eventBytes = bytes;
    return this.#eventsLeft === 0 ? this.#bytesLeft === 0 : this.#bytesLeft > 0;
  }
}
