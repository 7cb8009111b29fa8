import type { ByteWriter } from "../../base/byte-writer.ts";
import { varintSize } from "../../base/byte-writer.ts";
import { type ByteSpan, newSpan } from "../../base/span.ts";
import type { FramedCopy, KvStore, RangeCursor, RangeMeasure } from "../../mvcc/store/store.ts";
import { type KeyRange, type KeyState, newKeyState } from "../../mvcc/types.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { withoutValue } from "./key-value.ts";
import { planRange, SortTarget } from "./range-plan.ts";
import { StateTable } from "./state-table.ts";

/** RangeResponse.kvs, field 2, length delimited. */
export const TAG_KVS = 0x12;
const TAG_MORE = 0x18;
const TAG_COUNT = 0x20;
/** Keys or leaves that a measure looks at in one call of the synchronous reader. */
const MEASURE_STEP_KEYS = 1_000_000;

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
 * Runs a whole range at once and appends the reply without its header. For ranges inside
 * transactions, which must not be interrupted, and for what is known to be small.
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
    const plan = planRange(request);
    const kvsMax = request.countOnly ? 0 : plan.isPlain ? plan.limit : 0;
    this.#measure.open(range, revision, kvsMax);
    while (!this.#measure.step(MEASURE_STEP_KEYS));
    const { count } = this.#measure;
    if (request.countOnly) {
      writeRangeEnd(out, false, count);
      return;
    }
    const more = plan.isPlain
      ? this.#writePlain(request, range, revision, out)
      : this.#writeTable(request, range, revision, out);
    writeRangeEnd(out, more, count);
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

  #writePlain(request: RangeRequest, range: KeyRange, revision: number, out: ByteWriter): boolean {
    const measure = this.#measure;
    const bytes = request.keysOnly ? measure.framedKeysBytes : measure.framedBytes;
    out.reserve(bytes);
    const copy = this.#copy;
    copy.target = out.bytes;
    copy.offset = out.length;
    copy.limit = out.length + bytes;
    copy.kvsMax = measure.kvs;
    this.#cursor.open(range, revision);
    if (request.keysOnly) this.#cursor.copyFramedKeys(copy);
    else this.#cursor.copyFramed(copy);
    out.length = copy.offset;
    return measure.count > measure.kvs;
  }

  #writeTable(request: RangeRequest, range: KeyRange, revision: number, out: ByteWriter): boolean {
    const plan = planRange(request);
    const table = new StateTable(request, plan);
    this.#cursor.open(range, revision);
    for (let read = 0; read < plan.readMax && this.#cursor.next(); read += 1) {
      table.add(this.#cursor);
    }
    table.sort(this.#store);
    const keysOnly = { on: request.keysOnly, keepLease: request.sortTarget === SortTarget.value };
    for (let place = 0; place < table.length; place += 1) {
      table.read(place, this.#state);
      this.writeEntry(this.#state, TAG_KVS, keysOnly, out);
    }
    return table.hasMore;
  }
}
