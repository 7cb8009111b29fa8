import { type ByteSpan, compareSpans, newSpan } from "../../base/span.ts";
import type { ChangeCursor } from "../../storage/backend/backend.ts";
import type { KvStore } from "../store/store.ts";
import { EventEncoder, type Room } from "./event-encoder.ts";
import { NO_END, WatchFlag, type WatchSpec } from "./watcher.ts";

/** Changes passed over before others have their turn: 0.1 ms. */
const CHANGES_PER_CALL = 512;

/** What is read. */
export interface ScannedRevisions {
  /** Both inclusive. */
  readonly first: number;
  readonly last: number;
  /** The revision of the view that holds them, as `EventEncoder.prevFrom`. */
  readonly prevFrom: number;
}

/** Reads the events of some revisions that a watcher wants, one by one, from the stored changes. */
export class EventScan {
  readonly #encoder: EventEncoder;
  readonly #cursor: ChangeCursor;
  readonly #last: number;
  readonly #withPrev: boolean;
  readonly #unwantedPuts: boolean;
  readonly #unwantedDeletes: boolean;
  readonly #key: ByteSpan;
  readonly #end: ByteSpan | null;
  readonly #isSingle: boolean;

  constructor(store: KvStore, { key, end, flags }: WatchSpec, revisions: ScannedRevisions) {
    const { first, last, prevFrom } = revisions;
    this.#encoder = new EventEncoder(store);
    this.#encoder.prevFrom = prevFrom;
    this.#cursor = store.newChangeCursor();
    this.#cursor.seek(first, 0);
    this.#last = last;
    this.#withPrev = (flags & WatchFlag.prevKv) !== 0;
    this.#unwantedPuts = (flags & WatchFlag.noPut) !== 0;
    this.#unwantedDeletes = (flags & WatchFlag.noDelete) !== 0;
    this.#key = newSpan(key);
    this.#isSingle = end === null;
    this.#end = end === null || end === NO_END ? null : newSpan(end);
  }

  /** Goes to the next event; "paused" when there was none so far: call again in another turn. */
  next(): "event" | "paused" | "end" {
    const cursor = this.#cursor;
    for (let left = CHANGES_PER_CALL; left > 0; left -= 1) {
      if (!cursor.next() || cursor.main > this.#last) return "end";
      this.#encoder.load(cursor);
      if (this.#isWanted()) return "event";
    }
    return "paused";
  }

  /** Bytes of the event as an element of WatchResponse.events; in the turn of `next` only. */
  size(): number {
    return this.#encoder.size(this.#withPrev);
  }

  /** Copies a part of them, from `offset` on, in the turn of `next` or `again`. */
  copyPart(offset: number, room: Room): number {
    return this.#encoder.copyPart(this.#withPrev, offset, room);
  }

  /** In a later turn: goes to the event of the last `next` again; false when it is gone. */
  again(): boolean {
    const { main, sub } = this.#encoder;
    const cursor = this.#cursor;
    cursor.seek(main, sub);
    if (!cursor.next() || cursor.main !== main || cursor.sub !== sub) return false;
    this.#encoder.load(cursor);
    return true;
  }

  #isWanted(): boolean {
    const { key, isDelete } = this.#encoder;
    if (isDelete ? this.#unwantedDeletes : this.#unwantedPuts) return false;
    const order = compareSpans(key, this.#key);
    if (this.#isSingle) return order === 0;
    return order >= 0 && (this.#end === null || compareSpans(key, this.#end) < 0);
  }
}
