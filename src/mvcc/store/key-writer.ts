import { assert } from "../../base/assert.ts";
import type { ByteSpan } from "../../base/span.ts";
import { newSpan } from "../../base/span.ts";
import type { Backend } from "../../storage/backend/backend.ts";
import type { IndexChange, KeyIndex } from "../index/key-index.ts";
import type { TreePlace } from "../index/ordered-keys.ts";
import { FLAG_LEASE, FLAG_TOMBSTONE } from "../index/records.ts";
import { keyValueBytes, readKeyValue, tombstoneBytes, writeKeyValue } from "../key-value.ts";
import { writeTombstone } from "../key-value.ts";
import { NO_LEASE } from "../types.ts";
import type { KeyRange, LeaseChange } from "../types.ts";
import { RangeBounds } from "./range-bounds.ts";
import { newKeyValueFields } from "./restore.ts";
import type { PutAgain } from "./store.ts";

/** Subs are stored in 31 bits; a deletion of more keys in one revision is refused. */
const SUB_MAX = 2 ** 31 - 1;

/** Makes changes: encodes each into the backend and tells the index. One write at a time. */
export class KeyWriter {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #onLeaseChange: ((change: LeaseChange) => void) | null;
  readonly #id = { main: 0, sub: 0, isTombstone: false };
  readonly #change: IndexChange = { main: 0, sub: 0, flags: 0, sizeBytes: 0 };
  readonly #numbers = { create: 0, mod: 0, version: 0, lease: NO_LEASE };
  readonly #old = newKeyValueFields();
  readonly #stored = newSpan();
  readonly #room = newSpan();
  readonly #key = newSpan();
  readonly #bounds = new RangeBounds();
  readonly #place: TreePlace = { leaf: 0, at: 0 };
  #sub = 0;

  constructor(
    backend: Backend,
    index: KeyIndex,
    onLeaseChange: ((change: LeaseChange) => void) | null,
  ) {
    this.#backend = backend;
    this.#index = index;
    this.#onLeaseChange = onLeaseChange;
  }

  /** Changes made since `begin`. */
  get changes(): number {
    return this.#sub;
  }

  begin(main: number): void {
    this.#numbers.mod = main;
    this.#sub = 0;
  }

  put(key: ByteSpan, value: ByteSpan, lease: bigint): void {
    assert(key.end > key.start, "mvcc: empty key");
    const index = this.#index;
    const record = index.findOrAdd(key);
    const hadLease = this.#hasLease(record);
    const numbers = this.#numbers;
    index.lifeOfNextPut(record, numbers.mod, numbers);
    numbers.lease = lease;
    const size = keyValueBytes(key.end - key.start, value.end - value.start, numbers);
    this.#append(record, lease === NO_LEASE ? 0 : FLAG_LEASE, size);
    writeKeyValue(this.#room, key, value, numbers);
    if (hadLease || lease !== NO_LEASE) this.#leaseChanged(key, record, lease);
  }

  putAgain(key: ByteSpan, again: PutAgain): boolean {
    const index = this.#index;
    const record = index.find(key);
    if (record === 0 || !index.isLive(record)) return false;
    this.#readOld(record);
    // The old value's memory stays where it is while the new one is written (Backend).
    this.put(key, again.value ?? this.#old.value, again.lease ?? this.#old.lease);
    return true;
  }

  delete(key: ByteSpan): boolean {
    const record = this.#index.find(key);
    if (record === 0 || !this.#index.isLive(record)) return false;
    this.#deleteRecord(record);
    return true;
  }

  deleteRange(range: KeyRange, keysMax: number): number {
    const bounds = this.#bounds;
    bounds.set(range);
    if (bounds.isEmpty || keysMax <= 0) return 0;
    if (bounds.isSingle) return this.delete(bounds.from) ? 1 : 0;
    const index = this.#index;
    const { leaves } = index.tree;
    const place = this.#place;
    bounds.locate(index, place);
    const { endPlace } = bounds;
    let deleted = 0;
    while (place.leaf !== 0) {
      const { leaf } = place;
      const isLast = leaf === endPlace.leaf;
      const end = isLast ? endPlace.at : leaves.count(leaf);
      while (place.at < end && leaves.live(leaf) > 0) {
        const record = leaves.slot(leaf, place.at++);
        if (!index.isLive(record)) continue;
        this.#deleteRecord(record);
        deleted += 1;
        if (deleted === keysMax) return deleted;
      }
      if (isLast) break;
      place.leaf = leaves.next(leaf);
      place.at = 0;
    }
    return deleted;
  }

  #deleteRecord(record: number): void {
    const key = this.#key;
    this.#index.keyOf(record, key);
    const hadLease = this.#hasLease(record);
    this.#append(record, FLAG_TOMBSTONE, tombstoneBytes(key.end - key.start));
    writeTombstone(this.#room, key);
    if (hadLease) this.#leaseChanged(key, record, NO_LEASE);
  }

  /** Appends to backend and index; `#room` is then to be filled. */
  #append(record: number, flags: number, sizeBytes: number): void {
    assert(this.#sub <= SUB_MAX, "mvcc: too many changes in one revision");
    const id = this.#id;
    id.main = this.#numbers.mod;
    id.sub = this.#sub;
    id.isTombstone = flags === FLAG_TOMBSTONE;
    this.#backend.appendChange(id, sizeBytes, this.#room);
    const change = this.#change;
    change.main = id.main;
    change.sub = id.sub;
    change.flags = flags;
    change.sizeBytes = sizeBytes;
    this.#index.apply(record, change, this.#numbers);
    this.#sub += 1;
  }

  #hasLease(record: number): boolean {
    return (this.#index.records.flags(record) & FLAG_LEASE) !== 0;
  }

  #readOld(record: number): void {
    const { records } = this.#index;
    const mod = records.mod(record);
    const isThere = this.#backend.getChange(mod, records.sub(record), this.#stored);
    assert(isThere && readKeyValue(this.#stored, this.#old), "mvcc: newest change not stored");
  }

  #leaseChanged(key: ByteSpan, keyId: number, lease: bigint): void {
    this.#onLeaseChange?.({ key, keyId, lease });
  }
}
