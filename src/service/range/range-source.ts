import { ByteWriter } from "../../base/byte-writer.ts";
import type { StateTable } from "../../apply/range/state-table.ts";
import { type RangeReader, TAG_KVS } from "../../apply/range/range-reader.ts";
import type { FramedCopy, KvStore, RangeCursor, ReadView } from "../../mvcc/store/store.ts";
import { newKeyState } from "../../mvcc/types.ts";
import { WIRE_ERRORS } from "../errors.ts";
import type { ByteSource } from "../rpc.ts";

/** Room for an entry that goes out in pieces; grows to what the largest needs. */
const SPILL_BYTES_INITIAL = 2048;
/** Room that is kept for the next such entry: a reader that stops holds on to it. */
const SPILL_BYTES_KEPT = 16 * 1024;
/**
 * Keys absent at the revision that a reply passes over before it lets others have their turn: about
 * 50 µs, as a connection may have many such replies.
 */
const SKIPS_MAX = 1000;

/** Yields the entries of a reply in order, framed. Same contract as `RangeCursor.copyFramed`. */
export interface EntryFeed {
  copyFramed(copy: FramedCopy): void;
  readonly isCompacted: boolean;
  /** The copy ended early, as too much was passed over: `refill` and go on in a later turn. */
  readonly isPaused: boolean;
  refill(): void;
}

/** Entries in key order, straight from the store. */
export class CursorFeed implements EntryFeed {
  readonly #cursor: RangeCursor;
  readonly #keysOnly: boolean;

  constructor(cursor: RangeCursor, keysOnly: boolean) {
    this.#cursor = cursor;
    this.#keysOnly = keysOnly;
    this.refill();
  }

  get isCompacted(): boolean {
    return this.#cursor.isCompacted;
  }

  get isPaused(): boolean {
    return this.#cursor.isPaused;
  }

  refill(): void {
    this.#cursor.skipsLeft = SKIPS_MAX;
  }

  copyFramed(copy: FramedCopy): void {
    if (this.#keysOnly) this.#cursor.copyFramedKeys(copy);
    else this.#cursor.copyFramed(copy);
  }
}

/** Entries of a sorted or filtered range. */
export class TableFeed implements EntryFeed {
  readonly isPaused = false;
  readonly #table: StateTable;
  readonly #reader: RangeReader;
  readonly #keysOnly: { readonly on: boolean; readonly keepLease: boolean };
  readonly #state = newKeyState();
  readonly #entry = new ByteWriter();
  #place = 0;
  #isCompacted = false;
  /** The entry at #place is in #entry. */
  #isLoaded = false;

  constructor(
    table: StateTable,
    reader: RangeReader,
    keysOnly: { readonly on: boolean; readonly keepLease: boolean },
  ) {
    this.#table = table;
    this.#reader = reader;
    this.#keysOnly = keysOnly;
  }

  get isCompacted(): boolean {
    return this.#isCompacted;
  }

  refill(): void {}

  copyFramed(copy: FramedCopy): void {
    copy.kvs = 0;
    copy.isAtEnd = false;
    const entry = this.#entry;
    const keysOnly = this.#keysOnly;
    while (copy.kvs < copy.kvsMax && this.#place < this.#table.length) {
      if (!this.#isLoaded) {
        this.#table.read(this.#place, this.#state);
        entry.reset();
        // A reader that was idle for too long has lost its view.
        if (!this.#reader.writeEntry(this.#state, TAG_KVS, keysOnly, entry)) {
          this.#isCompacted = true;
          return;
        }
        this.#isLoaded = true;
      }
      if (copy.offset + entry.length > copy.limit) return;
      copy.target.set(entry.bytes.subarray(0, entry.length), copy.offset);
      copy.offset += entry.length;
      copy.kvs += 1;
      this.#place += 1;
      this.#isLoaded = false;
    }
    copy.isAtEnd = this.#place >= this.#table.length;
  }
}

/** What a reply is made of. */
export interface RangeSourceOptions {
  readonly store: KvStore;
  /** Told of what the reader takes. */
  readonly view: Pick<ReadView, "taken" | "close">;
  readonly feed: EntryFeed;
  /** Entries to send. */
  readonly kvs: number;
  /** What comes before the entries and after them. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly nowMs: () => number;
  /** Called once when the source is done with. */
  readonly onRelease: () => void;
}

/** A range reply that is made while the reader takes it (`ByteSource`). */
export class RangeSource implements ByteSource {
  readonly failure = WIRE_ERRORS.compacted;
  readonly #options: RangeSourceOptions;
  readonly #copy: FramedCopy;
  #left: number;
  /** Bytes that go out before anything else: the head, an entry larger than the room, the tail. */
  #spill: Uint8Array;
  #spillAt = 0;
  /** Where entries are spilled to; used again once the spill is taken. */
  #spillRoom = new Uint8Array(0);
  #tailTaken = false;
  #released = false;

  constructor(options: RangeSourceOptions) {
    this.#options = options;
    this.#left = options.kvs;
    this.#spill = options.head;
    this.#copy = {
      target: new Uint8Array(0),
      offset: 0,
      limit: 0,
      tag: TAG_KVS,
      kvsMax: 0,
      kvs: 0,
      isAtEnd: false,
    };
  }

  read(into: Uint8Array, at: number, maxBytes: number): number {
    const { view, feed, nowMs } = this.#options;
    const end = this.#fill(into, at, at + maxBytes);
    if (end < 0) return -1;
    if (end > at) {
      view.taken(end - at, nowMs());
      return end - at;
    }
    // Asked for more than there is.
    if (!feed.isPaused) return -1;
    // Not before: however many reads a turn has, together they pass over no more than this.
    feed.refill();
    return 0;
  }

  /** Where the bytes end that were written, -1 when the revision is gone. */
  #fill(into: Uint8Array, at: number, limit: number): number {
    const { feed, tail } = this.#options;
    let to = at;
    for (;;) {
      to = this.#takeSpill(into, to, limit);
      if (to === limit) return to;
      if (this.#left === 0) {
        if (this.#tailTaken) return to;
        this.#tailTaken = true;
        this.#setSpill(tail);
        continue;
      }
      const copied = this.#copyEntries(into, to, limit);
      if (copied < 0) return -1;
      to += copied;
      if (feed.isPaused) return to;
      if (copied === 0 && !this.#spillEntry()) return feed.isPaused ? to : -1;
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#options.view.close();
    this.#options.onRelease();
  }

  #setSpill(bytes: Uint8Array): void {
    this.#spill = bytes;
    this.#spillAt = 0;
  }

  #takeSpill(into: Uint8Array, to: number, limit: number): number {
    const count = Math.min(this.#spill.length - this.#spillAt, limit - to);
    if (count > 0) {
      into.set(this.#spill.subarray(this.#spillAt, this.#spillAt + count), to);
      this.#spillAt += count;
    }
    return to + count;
  }

  /** Bytes of whole entries that fitted, or -1 when the revision is gone. */
  #copyEntries(into: Uint8Array, to: number, limit: number): number {
    const copy = this.#copy;
    copy.target = into;
    copy.offset = to;
    copy.limit = limit;
    copy.kvsMax = this.#left;
    this.#options.feed.copyFramed(copy);
    this.#left -= copy.kvs;
    if (this.#options.feed.isCompacted || (copy.isAtEnd && this.#left > 0)) return -1;
    return copy.offset - to;
  }

  /** The next entry does not fit into the room: it goes out in pieces. False when not found. */
  #spillEntry(): boolean {
    const copy = this.#copy;
    let room = this.#spillRoom;
    if (room.length === 0) room = new Uint8Array(SPILL_BYTES_INITIAL);
    for (; ; room = new Uint8Array(2 * room.length)) {
      copy.target = room;
      copy.offset = 0;
      copy.limit = room.length;
      copy.kvsMax = 1;
      this.#options.feed.copyFramed(copy);
      if (copy.kvs === 1) {
        this.#left -= 1;
        if (room.length <= SPILL_BYTES_KEPT) this.#spillRoom = room;
        this.#setSpill(room.subarray(0, copy.offset));
        return true;
      }
      const { isCompacted, isPaused } = this.#options.feed;
      if (copy.isAtEnd || isCompacted || isPaused) return false;
    }
  }
}
