import { newSpan } from "../../base/span.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { type KeyState, newKeyState } from "../../mvcc/types.ts";
import { type RangePlan, SortOrder, SortTarget } from "./range-plan.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { valueOf } from "./key-value.ts";

const CAPACITY_INITIAL = 64;
const COLUMNS = 5;

/**
 * Entries of a range that is sorted or filtered: 40 bytes each instead of an object, since all of a
 * range has to be held before the first one of the reply is known.
 */
export class StateTable {
  readonly #request: RangeRequest;
  readonly #plan: RangePlan;
  #columns = new Float64Array(CAPACITY_INITIAL * COLUMNS);
  #count = 0;
  #order: Uint32Array | null = null;
  readonly #a = newKeyState();
  readonly #b = newKeyState();
  readonly #valueA = newSpan();
  readonly #valueB = newSpan();

  constructor(request: RangeRequest, plan: RangePlan) {
    this.#request = request;
    this.#plan = plan;
  }

  /** Takes the entry unless a filter drops it. */
  add(state: KeyState): void {
    if (!this.#passes(state)) return;
    if ((this.#count + 1) * COLUMNS > this.#columns.length) {
      const grown = new Float64Array(this.#columns.length * 2);
      grown.set(this.#columns);
      this.#columns = grown;
    }
    const at = this.#count * COLUMNS;
    const columns = this.#columns;
    columns[at] = state.modRevision;
    columns[at + 1] = state.sub;
    columns[at + 2] = state.createRevision;
    columns[at + 3] = state.version;
    columns[at + 4] = state.hasLease ? -state.sizeBytes : state.sizeBytes;
    this.#count += 1;
  }

  /** Entries of the reply, once all were added. */
  get length(): number {
    return Math.min(this.#count, this.#plan.limit);
  }

  /** There was at least one more than the reply may have (R3). */
  get hasMore(): boolean {
    return this.#count > this.#plan.limit;
  }

  /** Puts the entries into the order of the reply. Ties keep key order (R12). */
  sort(store: KvStore): void {
    const order = new Uint32Array(this.#count);
    for (let i = 0; i < order.length; i += 1) order[i] = i;
    const { sortOrder, sortTarget } = this.#request;
    const sign = sortOrder === SortOrder.descend ? -1 : 1;
    if (sortTarget === SortTarget.key) {
      if (sign < 0) order.reverse();
    } else if (sortTarget === SortTarget.value) {
      order.sort((x, y) => sign * this.#compareValues(store, x, y));
    } else {
      const column = { 1: 3, 2: 2, 3: 0 }[sortTarget as 1 | 2 | 3];
      const columns = this.#columns;
      order.sort(
        (x, y) => sign * (columns[x * COLUMNS + column]! - columns[y * COLUMNS + column]!),
      );
    }
    this.#order = order;
  }

  /** Fills `out` with entry `place` of the reply. */
  read(place: number, out: KeyState): void {
    this.#fill(this.#order === null ? place : this.#order[place]!, out);
  }

  #fill(row: number, out: KeyState): void {
    const at = row * COLUMNS;
    const columns = this.#columns;
    const size = columns[at + 4]!;
    out.modRevision = columns[at]!;
    out.sub = columns[at + 1]!;
    out.createRevision = columns[at + 2]!;
    out.version = columns[at + 3]!;
    out.sizeBytes = Math.abs(size);
    out.hasLease = size < 0;
  }

  #passes(state: KeyState): boolean {
    const request = this.#request;
    const { modRevision, createRevision } = state;
    if (request.maxModRevision !== 0 && modRevision > request.maxModRevision) return false;
    if (request.minModRevision !== 0 && modRevision < request.minModRevision) return false;
    if (request.maxCreateRevision !== 0 && createRevision > request.maxCreateRevision) return false;
    return request.minCreateRevision === 0 || createRevision >= request.minCreateRevision;
  }

  #compareValues(store: KvStore, x: number, y: number): number {
    this.#fill(x, this.#a);
    this.#fill(y, this.#b);
    store.readKeyValue(this.#a, this.#valueA);
    const a = valueOf(this.#valueA);
    store.readKeyValue(this.#b, this.#valueB);
    const b = valueOf(this.#valueB);
    const shorter = Math.min(a.end - a.start, b.end - b.start);
    for (let i = 0; i < shorter; i += 1) {
      const difference = a.bytes[a.start + i]! - b.bytes[b.start + i]!;
      if (difference !== 0) return difference;
    }
    return a.end - a.start - (b.end - b.start);
  }
}
