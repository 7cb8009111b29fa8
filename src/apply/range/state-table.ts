import { newSpan } from "../../base/span.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { type KeyState, newKeyState } from "../../mvcc/types.ts";
import { type RangePlan, SortOrder, SortTarget } from "./range-plan.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { valueOf } from "./key-value.ts";
import { SlicedSort } from "./sliced-sort.ts";

const CAPACITY_INITIAL = 64;
const COLUMNS = 5;
/** Bytes of a row, and of what sorting adds to it: two places and the beginning of its value. */
const ROW_BYTES = COLUMNS * 8 + 4 + 4 + 8;
/** So many bytes of a value are exact in a number. */
const PREFIX_BYTES = 6;

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
  #sort: SlicedSort | null = null;
  /** Beginnings of the values while they are sorted; -1: not read yet. */
  #prefixes: Float64Array | null = null;
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

  /** Bytes that the rows take, those for sorting included. */
  get memoryBytes(): number {
    return this.#count * ROW_BYTES;
  }

  /** Puts the entries into the order of the reply. Ties keep key order (R12). */
  sort(store: KvStore): void {
    while (!this.stepSort(store, Number.POSITIVE_INFINITY));
  }

  /** The same in steps of at most `movesMax` comparisons; true when the order is made. */
  stepSort(store: KvStore, movesMax: number): boolean {
    this.#sort ??= this.#newSort(store);
    if (!this.#sort.step(movesMax)) return false;
    this.#order = this.#sort.order;
    this.#sort = null;
    this.#prefixes = null;
    return true;
  }

  #newSort(store: KvStore): SlicedSort {
    const { sortOrder, sortTarget } = this.#request;
    const sign = sortOrder === SortOrder.descend ? -1 : 1;
    const count = this.#count;
    // Entries come in key order, each key once.
    if (sortTarget === SortTarget.key) return new SlicedSort(count, (x, y) => sign * (x - y));
    if (sortTarget === SortTarget.value) {
      const prefixes = new Float64Array(count).fill(-1);
      this.#prefixes = prefixes;
      return new SlicedSort(count, (x, y) => {
        const difference = this.#prefix(store, x) - this.#prefix(store, y);
        return sign * (difference === 0 ? this.#compareValues(store, x, y) : difference);
      });
    }
    const column = { 1: 3, 2: 2, 3: 0 }[sortTarget as 1 | 2 | 3];
    const columns = this.#columns;
    return new SlicedSort(
      count,
      (x, y) => sign * (columns[x * COLUMNS + column]! - columns[y * COLUMNS + column]!),
    );
  }

  /** The first bytes of a row's value as a number that orders as they do. */
  #prefix(store: KvStore, row: number): number {
    const prefixes = this.#prefixes!;
    const known = prefixes[row]!;
    if (known >= 0) return known;
    this.#fill(row, this.#a);
    store.readKeyValue(this.#a, this.#valueA);
    const { bytes, start, end } = valueOf(this.#valueA);
    let prefix = 0;
    for (let i = 0; i < PREFIX_BYTES; i += 1) {
      prefix = prefix * 256 + (start + i < end ? bytes[start + i]! : 0);
    }
    prefixes[row] = prefix;
    return prefix;
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
