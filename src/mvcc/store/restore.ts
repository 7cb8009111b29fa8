import type { ByteSpan } from "../../base/span.ts";
import { newSpan } from "../../base/span.ts";
import type { Backend } from "../../storage/backend/backend.ts";
import type { IndexChange, KeyIndex } from "../index/key-index.ts";
import { FLAG_LEASE, FLAG_TOMBSTONE } from "../index/records.ts";
import { readKeyValue } from "../key-value.ts";
import type { KeyValueFields } from "../key-value.ts";
import { NO_LEASE } from "../types.ts";
import type { LeaseChange } from "../types.ts";

/** The stored key space contradicts itself: the backend is damaged. */
export class DamagedStoreError extends Error {
  override readonly name = "DamagedStoreError";
}

/** A new reusable set of fields. */
export function newKeyValueFields(): KeyValueFields {
  const key = newSpan();
  return { key, value: newSpan(), create: 0, mod: 0, version: 0, lease: NO_LEASE };
}

/**
 * Rebuilds the index from the stored changes, in one pass in revision order. A tombstone of a key
 * that is not there is kept, so that watchers from its revision see it (etcd ≥ 3.5.18).
 * `compacted`: what is up to it was compacted, −1 when nothing was.
 * Returns the last main, 0 when nothing is stored. Throws DamagedStoreError.
 */
export function rebuildIndex(backend: Backend, index: KeyIndex, compacted: number): number {
  const changes = backend.changes();
  const fields = newKeyValueFields();
  const change: IndexChange = { main: 0, sub: 0, flags: 0, sizeBytes: 0 };
  let last = 0;
  let lastSub = 0;
  while (changes.next()) {
    const { main, sub, isTombstone, value } = changes;
    // Only a compaction leaves holes.
    if (main > compacted && sub !== (main === last ? lastSub + 1 : 0)) {
      throw new DamagedStoreError(`stored change ${main}.${sub} is without the one before it`);
    }
    last = main;
    lastSub = sub;
    // A restored snapshot raises the revision by a change without any field, and has it compacted.
    if (value.end === value.start && main <= compacted) continue;
    if (!readKeyValue(value, fields)) {
      throw new DamagedStoreError(`stored change ${main}.${sub} is not a KeyValue`);
    }
    if (!isTombstone && fields.mod !== main) {
      throw new DamagedStoreError(`stored change ${main}.${sub} is of revision ${fields.mod}`);
    }
    change.main = main;
    change.sub = sub;
    change.flags =
      (isTombstone ? FLAG_TOMBSTONE : 0) | (fields.lease === NO_LEASE ? 0 : FLAG_LEASE);
    change.sizeBytes = value.end - value.start;
    index.apply(index.findOrAdd(fields.key), change, fields);
  }
  return last;
}

/** Tells `onLeaseChange` of every live key with a lease. */
export function reportLeases(
  backend: Backend,
  index: KeyIndex,
  onLeaseChange: (change: LeaseChange) => void,
): void {
  const stored = newSpan();
  const key: ByteSpan = newSpan();
  const fields = newKeyValueFields();
  const { records } = index;
  for (let record = 1; record < records.top; record++) {
    if (records.keyLocation(record) === 0 || (records.flags(record) & FLAG_LEASE) === 0) continue;
    if (!backend.getChange(records.mod(record), records.sub(record), stored)) continue;
    readKeyValue(stored, fields);
    index.keyOf(record, key);
    onLeaseChange({ key, oldLease: NO_LEASE, newLease: fields.lease });
  }
}
