import type { ByteSpan } from "../../base/span.ts";
import { newSpan } from "../../base/span.ts";
import { inOneGo, type Sliced } from "../../base/sliced.ts";
import type { Backend, ChangeId, ChangeSink } from "../../storage/backend/backend.ts";
import { type IndexChange, KeyIndex } from "../index/key-index.ts";
import { FLAG_LEASE, FLAG_TOMBSTONE } from "../index/records.ts";
import { newStoredFields, readKeyValue, readStored } from "../key-value.ts";
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

/** An index that was built from all stored changes. */
export interface RestoredIndex {
  readonly index: KeyIndex;
  /** The last main, 0 when nothing is stored. */
  readonly lastMain: number;
}

/** A change that is right only where a compaction has been; of several the newest tells. */
interface Doubt {
  readonly main: number;
  readonly problem: string;
}

/**
 * Builds the index from the stored changes, which it takes in revision order, in one pass. A
 * tombstone of a key that is not there is kept, so that watchers from its revision see it
 * (etcd ≥ 3.5.18).
 */
export class IndexBuilder implements ChangeSink {
  readonly #index: KeyIndex;
  readonly #key = newSpan();
  readonly #fields = newStoredFields();
  readonly #change: IndexChange = { main: 0, sub: 0, flags: 0, sizeBytes: 0 };
  #lastMain = 0;
  #lastSub = 0;
  #damage: string | null = null;
  #doubt: Doubt | null = null;

  constructor(hashSeed: number) {
    this.#index = new KeyIndex(hashSeed);
  }

  /** About so many keys are to come; before the first. */
  reserve(keys: number): void {
    this.#index.reserve(keys);
  }

  add(id: ChangeId, bytes: Uint8Array, start: number, end: number): void {
    if (this.#damage !== null) return;
    const { main, sub, isTombstone } = id;
    // Only a compaction leaves holes.
    if (sub !== (main === this.#lastMain ? this.#lastSub + 1 : 0)) {
      this.#doubt = { main, problem: `${main}.${sub} is without the one before it` };
    }
    this.#lastMain = main;
    this.#lastSub = sub;
    if (start === end) {
      // A restored snapshot raises the revision by such a change, and has it compacted.
      this.#doubt = { main, problem: `${main}.${sub} is of revision 0` };
      return;
    }
    const fields = this.#fields;
    if (!readStored(bytes, start, end, fields)) {
      this.#damage = `${main}.${sub} is not a KeyValue`;
    } else if (!isTombstone && fields.mod !== main) {
      this.#damage = `${main}.${sub} is of revision ${fields.mod}`;
    } else {
      this.#load(id, bytes, end - start);
    }
  }

  #load({ main, sub, isTombstone }: ChangeId, bytes: Uint8Array, sizeBytes: number): void {
    const fields = this.#fields;
    const change = this.#change;
    change.main = main;
    change.sub = sub;
    change.flags = (isTombstone ? FLAG_TOMBSTONE : 0) | (fields.hasLease ? FLAG_LEASE : 0);
    change.sizeBytes = sizeBytes;
    const key = this.#key;
    key.bytes = bytes;
    key.start = fields.keyStart;
    key.end = fields.keyEnd;
    this.#index.load(key, change, fields);
  }

  /**
   * Ends the pass. `compacted`: what is up to it was compacted, −1 when nothing was.
   * @throws DamagedStoreError when the changes cannot be.
   */
  *finish(compacted: number): Sliced<RestoredIndex> {
    const isDoubtful = this.#doubt !== null && this.#doubt.main > compacted;
    const problem = this.#damage ?? (isDoubtful ? this.#doubt!.problem : null);
    if (problem !== null) throw new DamagedStoreError(`stored change ${problem}`);
    yield* this.#index.finishLoading();
    return { index: this.#index, lastMain: this.#lastMain };
  }
}

/** The index of what a backend holds; blocks. `compacted`: as in `finish`. Throws as that does. */
export function rebuildIndex(backend: Backend, hashSeed: number, compacted: number): RestoredIndex {
  const builder = new IndexBuilder(hashSeed);
  const changes = backend.changes();
  while (changes.next()) {
    const { bytes, start, end } = changes.value;
    builder.add(changes, bytes, start, end);
  }
  return inOneGo(builder.finish(compacted));
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
