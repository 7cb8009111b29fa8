import type { ByteWriter } from "../../base/byte-writer.ts";
import { varintSize } from "../../base/byte-writer.ts";
import { type ByteSpan, newSpan } from "../../base/span.ts";
import type { FramedCopy, KvStore, RangeCursor, RangeMeasure } from "../../mvcc/store/store.ts";
import { type KeyRange, type KeyState, newKeyState } from "../../mvcc/types.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { finish, STEP_KEYS, type Steps } from "../steps.ts";
import { withoutValue } from "./key-value.ts";
import { planRange, SortTarget } from "./range-plan.ts";
import { StateTable } from "./state-table.ts";

/** RangeResponse.kvs, field 2, length delimited. */
export const TAG_KVS = 0x12;
const TAG_MORE = 0x18;
const TAG_COUNT = 0x20;
/** Bytes of entries copied in one step; a larger entry is a step of its own. */
const STEP_BYTES = 256 * 1024;

/** Appends RangeResponse.more and .count. */
export function writeRangeEnd(out: ByteWriter, more: boolean, count: number): void {
  if (more) {
    out.byte(TAG_MORE);
    out.byte(1);
  }
  if (count > 0) {
    out.byte(TAG_COUNT);
    out.varint(count);
  }
}

/** Bytes that `writeRangeEnd` appends. */
export function rangeEndSize(more: boolean, count: number): number {
  return (more ? 2 : 0) + (count > 0 ? 1 + varintSize(count) : 0);
}

/** The keys that a request names. */
export function keyRangeOf(request: { key: Uint8Array; rangeEnd: Uint8Array }): KeyRange {
  return { key: newSpan(request.key), end: newSpan(request.rangeEnd) };
}

/**
 * Runs a whole range and appends the reply without its header: for ranges inside transactions, and
 * for what is known to be small.
 */
export class RangeReader {
  readonly #store: KvStore;
  readonly #cursor: RangeCursor;
  readonly #measure: RangeMeasure;
  readonly #state = newKeyState();
  readonly #span = newSpan();
  readonly #copy: FramedCopy = {
    target: new Uint8Array(0),
    offset: 0,
    limit: 0,
    tag: TAG_KVS,
    kvsMax: 0,
    kvs: 0,
    isAtEnd: false,
  };

  constructor(store: KvStore) {
    this.#store = store;
    this.#cursor = store.newCursor();
    this.#measure = store.newMeasure();
  }

  /** Appends kvs, more and count of `request` read at `revision`, which was checked. */
  write(request: RangeRequest, revision: number, out: ByteWriter): void {
    const range = keyRangeOf(request);
    if (request.rangeEnd.length === 0 && this.#isOrdinary(request)) {
      this.#writeOne(range, revision, out);
      return;
    }
    finish(this.writeInSteps(request, revision, out));
  }

  /**
   * The same in steps; false, with part of the entries appended, when the revision was compacted
   * away meanwhile. Until it is over this reader and `out` are not for others.
   */
  *writeInSteps(request: RangeRequest, revision: number, out: ByteWriter): Steps<boolean> {
    const range = keyRangeOf(request);
    const plan = planRange(request);
    const kvsMax = request.countOnly ? 0 : plan.isPlain ? plan.limit : 0;
    const measure = this.#measure;
    measure.open(range, revision, kvsMax);
    while (!measure.step(STEP_KEYS)) yield;
    if (measure.isCompacted) return false;
    const { count } = measure;
    if (request.countOnly) {
      writeRangeEnd(out, false, count);
      return true;
    }
    this.#cursor.open(range, revision);
    let more = count > measure.kvs;
    if (plan.isPlain) {
      if (!(yield* this.#writePlain(request, out))) return false;
    } else {
      const table = new StateTable(request, plan);
      if (!(yield* this.#collect(table, plan.readMax))) return false;
      while (!table.stepSort(this.#store, STEP_KEYS)) yield;
      if (!(yield* this.#writeTable(request, table, out))) return false;
      more = table.hasMore;
    }
    writeRangeEnd(out, more, count);
    return true;
  }

  /**
   * Appends `state`'s KeyValue as field `tag`; without value when `keysOnly`. False, with nothing
   * appended, when it was compacted away.
   */
  writeEntry(
    state: KeyState,
    tag: number,
    keysOnly: { on: boolean; keepLease: boolean },
    out: ByteWriter,
  ): boolean {
    const span = this.#span;
    if (!this.#store.readKeyValue(state, span)) return false;
    out.byte(tag);
    if (!keysOnly.on) {
      out.varint(span.end - span.start);
      out.raw(span.bytes, span.start, span.end);
      return true;
    }
    const { headEnd, tail } = withoutValue(span);
    const tailEnd = keysOnly.keepLease ? span.end : tail;
    out.varint(headEnd - span.start + (tailEnd - tail));
    out.raw(span.bytes, span.start, headEnd);
    out.raw(span.bytes, tail, tailEnd);
    return true;
  }

  /** The encoded KeyValue of `key` at `revision`; false when absent. `out` as for readKeyValue. */
  readOne(key: ByteSpan, revision: number, out: ByteSpan): boolean {
    return (
      this.#store.find(key, revision, this.#state) && this.#store.readKeyValue(this.#state, out)
    );
  }

  #isOrdinary(request: RangeRequest): boolean {
    return !request.countOnly && !request.keysOnly && planRange(request).isPlain;
  }

  #writeOne(range: KeyRange, revision: number, out: ByteWriter): void {
    const found = this.#store.find(range.key, revision, this.#state);
    if (found) this.writeEntry(this.#state, TAG_KVS, { on: false, keepLease: false }, out);
    writeRangeEnd(out, false, found ? 1 : 0);
  }

  /** The entries that were measured. */
  *#writePlain(request: RangeRequest, out: ByteWriter): Steps<boolean> {
    const measure = this.#measure;
    const cursor = this.#cursor;
    let bytesLeft = request.keysOnly ? measure.framedKeysBytes : measure.framedBytes;
    const copy = this.#copy;
    let room = STEP_BYTES;
    for (let left = measure.kvs; left > 0;) {
      out.reserve(Math.min(bytesLeft, room));
      copy.target = out.bytes;
      copy.offset = out.length;
      copy.limit = out.length + Math.min(bytesLeft, room);
      copy.kvsMax = Math.min(left, STEP_KEYS);
      cursor.skipsLeft = STEP_KEYS;
      if (request.keysOnly) cursor.copyFramedKeys(copy);
      else cursor.copyFramed(copy);
      left -= copy.kvs;
      bytesLeft -= copy.offset - out.length;
      out.length = copy.offset;
      if (cursor.isCompacted || (copy.isAtEnd && left > 0)) return false;
      room = copy.kvs > 0 || cursor.isPaused ? STEP_BYTES : 2 * room;
      if (left > 0) yield;
    }
    return true;
  }

  *#collect(table: StateTable, readMax: number): Steps<boolean> {
    const cursor = this.#cursor;
    cursor.skipsLeft = STEP_KEYS;
    for (let read = 0; read < readMax;) {
      if (cursor.next()) {
        table.add(cursor);
        read += 1;
        if (read % STEP_KEYS !== 0) continue;
      } else if (!cursor.isPaused) return !cursor.isCompacted;
      yield;
      cursor.skipsLeft = STEP_KEYS;
    }
    return true;
  }

  *#writeTable(request: RangeRequest, table: StateTable, out: ByteWriter): Steps<boolean> {
    const keysOnly = { on: request.keysOnly, keepLease: request.sortTarget === SortTarget.value };
    let stepBytes = 0;
    for (let place = 0; place < table.length; place += 1) {
      table.read(place, this.#state);
      if (!this.writeEntry(this.#state, TAG_KVS, keysOnly, out)) return false;
      stepBytes += this.#span.end - this.#span.start;
      if (place % STEP_KEYS !== STEP_KEYS - 1 && stepBytes < STEP_BYTES) continue;
      yield;
      stepBytes = 0;
    }
    return true;
  }
}
