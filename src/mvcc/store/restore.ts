import { assert } from "../../base/assert.ts";
import type { ByteSpan } from "../../base/span.ts";
import { newSpan } from "../../base/span.ts";
import { inOneGo, type Sliced } from "../../base/sliced.ts";
import type { Backend, ChangeId, ChangeSink } from "../../storage/backend/backend.ts";
import { type BulkLoad, type IndexChange, KeyIndex } from "../index/key-index.ts";
import { FLAG_LEASE, FLAG_TOMBSTONE } from "../index/records.ts";
import { newStoredFields, readKeyValue, readStored } from "../key-value.ts";
import type { KeyValueFields, StoredFields } from "../key-value.ts";
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

/** Changes whose waits for memory go side by side; a page of small ones has about so many. */
const BATCH_CHANGES = 64;

/**
 * Builds the index from the stored changes, which it takes in revision order, in one pass. A
 * tombstone of a key that is not there is kept, so that watchers from its revision see it
 * (etcd ≥ 3.5.18).
 */
export class IndexBuilder implements ChangeSink {
  readonly #index: KeyIndex;
  readonly #load: BulkLoad;
  readonly #key = newSpan();
  /** What was added since the last `flush`, and the hashes of the keys. */
  readonly #changes: (IndexChange & StoredFields)[] = [];
  readonly #hashes = new Uint32Array(BATCH_CHANGES);
  #count = 0;
  #lastMain = 0;
  #lastSub = 0;
  #damage: string | null = null;
  #doubt: Doubt | null = null;
  /** Means nothing; reads that are made for their side effect end here, so that they stay. */
  touched = 0;

  constructor(hashSeed: number) {
    this.#index = new KeyIndex(hashSeed);
    this.#load = this.#index.startLoading();
    for (let i = 0; i < BATCH_CHANGES; i++) {
      this.#changes.push({ main: 0, sub: 0, flags: 0, sizeBytes: 0, ...newStoredFields() });
    }
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
    const change = this.#changes[this.#count]!;
    if (!readStored(bytes, start, end, change)) {
      this.#damage = `${main}.${sub} is not a KeyValue`;
    } else if (!isTombstone && change.mod !== main) {
      this.#damage = `${main}.${sub} is of revision ${change.mod}`;
    } else {
      change.main = main;
      change.sub = sub;
      change.flags = (isTombstone ? FLAG_TOMBSTONE : 0) | (change.hasLease ? FLAG_LEASE : 0);
      change.sizeBytes = end - start;
      this.#add(change, bytes);
    }
  }

  #add(change: StoredFields, bytes: Uint8Array): void {
    this.#setKey(change, bytes);
    this.#hashes[this.#count] = this.#index.hashOf(this.#key);
    this.#count += 1;
    if (this.#count === BATCH_CHANGES) this.flush();
  }

  flush(): void {
    const hashes = this.#hashes;
    const load = this.#load;
    const { bytes } = this.#key;
    let touched = 0;
    for (let i = 0; i < this.#count; i++) touched ^= load.touch(hashes[i]!);
    this.touched ^= touched;
    for (let i = 0; i < this.#count; i++) {
      const change = this.#changes[i]!;
      this.#setKey(change, bytes);
      load.add(this.#key, hashes[i]!, change, change);
    }
    this.#count = 0;
  }

  #setKey({ keyStart, keyEnd }: StoredFields, bytes: Uint8Array): void {
    const key = this.#key;
    key.bytes = bytes;
    key.start = keyStart;
    key.end = keyEnd;
  }

  /**
   * Ends the pass. `compacted`: what is up to it was compacted, −1 when nothing was.
   * @throws DamagedStoreError when the changes cannot be.
   */
  *finish(compacted: number): Sliced<RestoredIndex> {
    const isDoubtful = this.#doubt !== null && this.#doubt.main > compacted;
    const problem = this.#damage ?? (isDoubtful ? this.#doubt!.problem : null);
    if (problem !== null) throw new DamagedStoreError(`stored change ${problem}`);
    assert(this.#count === 0, "restore: changes were not flushed");
    yield* this.#load.finish();
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
    builder.flush();
  }
  return inOneGo(builder.finish(compacted));
}

/** Records that one step looks at; those with a lease cost a read each. */
const REPORT_STEP_RECORDS = 4096;

/** Tells `onLeaseChange` of every live key with a lease, with pauses. */
export function* reportLeases(
  backend: Backend,
  index: KeyIndex,
  onLeaseChange: (change: LeaseChange) => void,
): Sliced<void> {
  const stored = newSpan();
  const key: ByteSpan = newSpan();
  const fields = newKeyValueFields();
  const { records } = index;
  for (let record = 1; record < records.top; record++) {
    if (record % REPORT_STEP_RECORDS === 0) yield;
    if (records.keyLocation(record) === 0 || (records.flags(record) & FLAG_LEASE) === 0) continue;
    if (!backend.getChange(records.mod(record), records.sub(record), stored)) continue;
    readKeyValue(stored, fields);
    index.keyOf(record, key);
    onLeaseChange({ key, keyId: record, lease: fields.lease });
  }
}
