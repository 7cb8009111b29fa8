import { ByteWriter, copyBytes, varintSize } from "../../base/byte-writer.ts";
import { type ByteSpan, newSpan } from "../../base/span.ts";
import type { ChangeCursor } from "../../storage/backend/backend.ts";
import { newStoredFields, readKeyOf, readStored } from "../key-value.ts";
import type { KvStore } from "../store/store.ts";
import { newKeyState } from "../types.ts";

/** WatchResponse.events, field 11, length delimited. */
const TAG_EVENTS = 0x5a;
/** mvccpb.Event: 1 type, 2 kv, 3 prev_kv. */
const TAG_TYPE = 0x08;
const TYPE_DELETE = 1;
const TAG_KV = 0x12;
const TAG_PREV_KV = 0x1a;
/** KeyValue.mod_revision. */
const TAG_MOD_REVISION = 0x18;

/** Where bytes may be copied to. */
export interface Room {
  readonly into: Uint8Array;
  readonly at: number;
  readonly maxBytes: number;
}

/**
 * A stored change as an element of WatchResponse.events (WE1, WE2). The stored KeyValue is the
 * event's, byte by byte; what is stored of a deletion lacks only its revision.
 */
export class EventEncoder {
  readonly key: ByteSpan = newSpan();
  main = 0;
  sub = 0;
  isDelete = false;
  /**
   * Revisions before it are not looked at for prev_kv: that of a view which holds the others, so
   * that an event has the same bytes whatever is compacted meanwhile.
   */
  prevFrom = 0;
  readonly #store: KvStore;
  readonly #fields = newStoredFields();
  readonly #state = newKeyState();
  readonly #prev = newSpan();
  /** What is written before the stored bytes, and behind them. */
  readonly #head = new ByteWriter();
  readonly #middle = new ByteWriter();
  #stored = newSpan();
  #isPrevKnown = false;
  #hasPrev = false;

  constructor(store: KvStore) {
    this.#store = store;
  }

  /** Takes the change that `cursor` is on; good until that moves or the store is written to. */
  load(cursor: ChangeCursor): void {
    this.main = cursor.main;
    this.sub = cursor.sub;
    this.isDelete = cursor.isTombstone;
    this.#stored = cursor.value;
    this.#isPrevKnown = false;
    readKeyOf(cursor.value, this.key);
  }

  /** Bytes that `write` appends. */
  size(withPrev: boolean): number {
    const inner = this.#innerBytes(withPrev);
    return 1 + varintSize(inner) + inner;
  }

  /** Appends the event, tag and length included. */
  write(withPrev: boolean, out: ByteWriter): void {
    this.#frame(withPrev);
    out.raw(this.#head.bytes, 0, this.#head.length);
    out.raw(this.#stored.bytes, this.#stored.start, this.#stored.end);
    out.raw(this.#middle.bytes, 0, this.#middle.length);
    if (withPrev && this.#hasPrev) out.raw(this.#prev.bytes, this.#prev.start, this.#prev.end);
  }

  /**
   * Copies what there is room for of what `write` appends, from its byte `offset` on; returns how
   * many bytes.
   */
  copyPart(withPrev: boolean, offset: number, room: Room): number {
    this.#frame(withPrev);
    const { into, at, maxBytes } = room;
    const part = { offset, into, at, left: maxBytes };
    const head = this.#head;
    const middle = this.#middle;
    takePart(part, head.bytes, 0, head.length);
    takePart(part, this.#stored.bytes, this.#stored.start, this.#stored.end);
    takePart(part, middle.bytes, 0, middle.length);
    if (withPrev && this.#hasPrev) {
      takePart(part, this.#prev.bytes, this.#prev.start, this.#prev.end);
    }
    return maxBytes - part.left;
  }

  /** Makes what is before and behind the stored bytes. */
  #frame(withPrev: boolean): void {
    const head = this.#head;
    head.reset();
    head.byte(TAG_EVENTS);
    head.varint(this.#innerBytes(withPrev));
    if (this.isDelete) {
      head.byte(TAG_TYPE);
      head.byte(TYPE_DELETE);
    }
    head.byte(TAG_KV);
    head.varint(this.#kvBytes());
    const middle = this.#middle;
    middle.reset();
    if (this.isDelete) {
      middle.byte(TAG_MOD_REVISION);
      middle.varint(this.main);
    }
    if (!withPrev || !this.#findPrev()) return;
    middle.byte(TAG_PREV_KV);
    middle.varint(this.#prev.end - this.#prev.start);
  }

  #kvBytes(): number {
    const { start, end } = this.#stored;
    return end - start + (this.isDelete ? 1 + varintSize(this.main) : 0);
  }

  #innerBytes(withPrev: boolean): number {
    const kv = this.#kvBytes();
    const bytes = (this.isDelete ? 2 : 0) + 1 + varintSize(kv) + kv;
    if (!withPrev || !this.#findPrev()) return bytes;
    const prev = this.#prev.end - this.#prev.start;
    return bytes + 1 + varintSize(prev) + prev;
  }

  /** The key as it was one revision before; not for creations, nor from before `prevFrom`. */
  #findPrev(): boolean {
    if (this.#isPrevKnown) return this.#hasPrev;
    this.#isPrevKnown = true;
    this.#hasPrev = false;
    const store = this.#store;
    if (this.main - 1 < this.prevFrom || this.#isCreation()) return false;
    this.#hasPrev =
      store.find(this.key, this.main - 1, this.#state) &&
      store.readKeyValue(this.#state, this.#prev);
    return this.#hasPrev;
  }

  #isCreation(): boolean {
    if (this.isDelete) return false;
    const { bytes, start, end } = this.#stored;
    return readStored(bytes, start, end, this.#fields) && this.#fields.create === this.main;
  }
}

interface Part {
  /** Bytes that are still to be passed over. */
  offset: number;
  readonly into: Uint8Array;
  at: number;
  left: number;
}

/** Copies what `part` wants of `bytes[start, end)`. */
function takePart(part: Part, bytes: Uint8Array, start: number, end: number): void {
  const passed = Math.min(part.offset, end - start);
  part.offset -= passed;
  const count = Math.min(part.left, end - start - passed);
  if (count === 0) return;
  copyBytes(bytes, start + passed, start + passed + count, part.into, part.at);
  part.at += count;
  part.left -= count;
}
