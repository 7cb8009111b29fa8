import { assert } from "../../base/assert.ts";
import { copyBytes } from "../../base/byte-writer.ts";
import type { Sliced } from "../../base/sliced.ts";
import { Slab } from "../../base/slab.ts";
import { newSpan } from "../../base/span.ts";
import type { ByteSpan } from "../../base/span.ts";
import type { KeyState } from "../types.ts";
import { bareKeyValueBytes, framedBytes } from "./framed-size.ts";
import { compareToStored, spanOfStored } from "./key-bytes.ts";
import { hashKey, KeyHash } from "./key-hash.ts";
import { History, isTombstone } from "./history.ts";
import type { ChangePlace, OldChange } from "./history.ts";
import { LoadTable } from "./load-table.ts";
import { recordsInOrder } from "./key-sort.ts";
import { OrderedKeys } from "./ordered-keys.ts";
import { FLAG_LEASE, packVersionHigh, Records, TWO_32 } from "./records.ts";

/** Keys are aligned to four bytes: 16 GiB of them can be named, padding is 1.5 bytes on average. */
const KEY_UNIT_SHIFT = 2;

/** Records that a bulk load links into the hash between two pauses: a fraction of a millisecond. */
const LINKED_RECORDS = 4096;

/** A change as the index takes it. */
export interface IndexChange {
  main: number;
  sub: number;
  /** FLAG_TOMBSTONE, FLAG_LEASE. */
  flags: number;
  /** Size of what is stored for it. */
  sizeBytes: number;
}

/** Takes changes in bulk, in the order of revisions; keys are put in order when all are there. */
export interface BulkLoad {
  /** Brings closer what `add` will need for a key of that hash, see LoadTable. */
  touch(hash: number): number;
  /** A change newer than all of its key, which has the `hashOf` it. */
  add(key: ByteSpan, hash: number, change: IndexChange, life: KnownLife): void;
  finish(): Sliced<void>;
}

/** The version of the key space that a KeyValue itself tells; for rebuilding the index. */
export interface KnownLife {
  create: number;
  version: number;
}

/**
 * All keys with all their uncompacted changes, in packed memory: a record per key (found by hash or
 * by order) with its newest change, and a chain of the older ones. Values are not here, only their
 * sizes. Memory per key: 56 bytes of record, 8 to 12 of tree, 4 of hash, 4 to 7 with the key.
 *
 * Invariant X1: a record is in hash and tree exactly while it has a change.
 * Invariant X2: a chain is in (main, sub) order, all of it below the record's newest change.
 */
export class KeyIndex {
  readonly records = new Records();
  readonly history = new History();
  readonly tree: OrderedKeys;
  readonly #keys = new Slab(KEY_UNIT_SHIFT);
  readonly #hash: KeyHash;
  readonly #seed: number;
  readonly #hashMask: number;
  readonly #old: OldChange = {
    main: 0,
    create: 0,
    versionLow: 0,
    versionHigh: 0,
    sub: 0,
    size: 0,
  };
  readonly #place: ChangePlace = { block: 0, at: 0 };
  readonly #scratch = newSpan();
  #liveCount = 0;

  /** `hashMask` narrows the hash; for tests of collisions. */
  constructor(hashSeed: number, hashMask = 0xffff_ffff) {
    this.#seed = hashSeed;
    this.#hashMask = hashMask;
    this.#hash = new KeyHash(this.records);
    this.tree = new OrderedKeys(this.records, this.#keys, (leaf) => this.#resum(leaf));
  }

  /** Keys whose newest change is not a tombstone, unpublished changes included. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** Records: live keys and those of which only history is left. */
  get recordCount(): number {
    return this.#hash.count;
  }

  get capacityBytes(): number {
    const ordered = this.tree.capacityBytes + this.#hash.capacityBytes;
    const { records, history } = this;
    return records.capacityBytes + history.capacityBytes + this.#keys.capacityBytes + ordered;
  }

  get inUseBytes(): number {
    const ordered = this.tree.inUseBytes + this.#hash.count * 4;
    const { records, history } = this;
    return records.inUseBytes + history.inUseBytes + this.#keys.liveBytes + ordered;
  }

  /** The record of a key, 0 when there is none. */
  find(key: ByteSpan): number {
    return this.#findHashed(key, this.hashOf(key));
  }

  /** The record of a key, made if there is none; it must then get a change at once. */
  findOrAdd(key: ByteSpan): number {
    const hash = this.hashOf(key);
    const found = this.#findHashed(key, hash);
    if (found !== 0) return found;
    const record = this.#add(key, hash);
    this.#hash.add(record);
    this.tree.insert(record, key);
    return record;
  }

  /** The hash of a key, for `load`. */
  hashOf(key: ByteSpan): number {
    return (hashKey(key, this.#seed) & this.#hashMask) >>> 0;
  }

  /** Begins a bulk load into an empty index. Until it has ended, nothing else may be called. */
  startLoading(): BulkLoad {
    const { records } = this;
    assert(records.top === 1, "index: loaded twice");
    const table = new LoadTable(records, this.#keys);
    return {
      touch: (hash) => table.touch(hash),
      add: (key, hash, change, life) => {
        let record = table.find(key, hash);
        if (record === 0) {
          record = this.#add(key, hash);
          table.add(record, hash);
        }
        this.#replace(record, change, life);
      },
      finish: () => this.#finishLoading(),
    };
  }

  *#finishLoading(): Sliced<void> {
    const { records } = this;
    this.#hash.reserve(records.top - 1);
    for (let record = 1; record < records.top; record++) {
      this.#hash.add(record);
      if (record % LINKED_RECORDS === 0) yield;
    }
    const order = yield* recordsInOrder(records, this.#keys);
    for (let from = 0; from < order.length;) {
      from = this.tree.append(order, from);
      yield;
    }
  }

  /** A record without a change, in neither hash nor tree. */
  #add(key: ByteSpan, hash: number): number {
    const { records } = this;
    const record = records.allocate();
    const length = key.end - key.start;
    const location = this.#keys.alloc(length);
    const to = this.#keys.start(location);
    copyBytes(key.bytes, key.start, key.end, this.#keys.bytes(location), to);
    records.setKeyLocation(record, location);
    records.setHash(record, hash);
    records.setOlder(record, 0);
    records.setChange(record, 0, 0, 0, 0);
    return record;
  }

  /**
   * Fills `out` with the record's key, valid until a record is added or removed or keys are moved.
   */
  keyOf(record: number, out: ByteSpan): void {
    spanOfStored(this.#keys, this.records.keyLocation(record), out);
  }

  keyBytesOf(record: number): number {
    return this.#keys.length(this.records.keyLocation(record));
  }

  /** Whether the record's newest change left the key there. */
  isLive(record: number): boolean {
    return !isTombstone(this.records.flags(record));
  }

  /** What the next put of the record's key gets as create revision and version (REV5). */
  lifeOfNextPut(record: number, main: number, out: KnownLife): void {
    const { records } = this;
    const isNew = record === 0 || records.mod(record) === 0 || !this.isLive(record);
    out.create = isNew ? main : records.create(record);
    out.version = isNew ? 1 : records.version(record) + 1;
  }

  /** Makes `change` the newest of the record; `life` is ignored for a tombstone. */
  apply(record: number, change: IndexChange, life: KnownLife): void {
    const { records } = this;
    const { leaves } = this.tree;
    const leaf = records.leaf(record);
    if (records.mod(record) > 0 && this.isLive(record)) this.#count(leaf, record, -1);
    this.#replace(record, change, life);
    leaves.raiseMaxMod(leaf, change.main);
    if (!isTombstone(change.flags)) this.#count(leaf, record, 1);
  }

  /** The record's key at `revision` (REV7): fills `out`, or false when absent. */
  stateAt(record: number, revision: number, out: KeyState): boolean {
    const { records } = this;
    const mod = records.mod(record);
    if (mod > revision) return this.#olderStateAt(records.older(record), revision, out);
    const flags = records.flags(record);
    if (isTombstone(flags)) return false;
    out.modRevision = mod;
    out.sub = records.sub(record);
    out.createRevision = records.create(record);
    out.version = records.version(record);
    out.sizeBytes = records.size(record);
    out.hasLease = (flags & FLAG_LEASE) !== 0;
    return true;
  }

  /** Whether the index still has the change (main, sub) of a key. */
  has(key: ByteSpan, main: number, sub: number): boolean {
    const record = this.find(key);
    if (record === 0) return false;
    const { records } = this;
    if (records.mod(record) === main && records.sub(record) === sub) return true;
    return this.history.has(records.older(record), main, sub);
  }

  /**
   * Drops the record's changes that a compaction at `revision` drops (CMP3), and the record when
   * nothing is left. Of a key that is deleted exactly at `revision` the oldest tombstone there
   * stays (as in etcd: that of the generation that ended first), and nothing else; of one that was
   * deleted and put again there, the oldest tombstone and what follows it.
   */
  compact(record: number, revision: number): void {
    const { records, history } = this;
    if (records.mod(record) <= revision) {
      this.#compactNewest(record, revision);
      return;
    }
    const older = records.older(record);
    const place = this.#place;
    if (older === 0 || !history.findAt(older, revision, place)) return;
    const { block, at } = place;
    const isDead = isTombstone(history.flags(block, at));
    const isGone = isDead && history.main(block, at) < revision;
    const hasTombstone = this.#toOldestTombstone(older, revision);
    if (hasTombstone && isDead) history.setSub(block, at, history.sub(place.block, place.at));
    if (!hasTombstone || isDead) {
      place.block = block;
      place.at = at;
    }
    records.setOlder(record, history.cut(older, place, isGone));
  }

  /** `compact` for a record whose newest change is at or below `revision`. */
  #compactNewest(record: number, revision: number): void {
    const { records, history } = this;
    const mod = records.mod(record);
    const older = records.older(record);
    const isLive = this.isLive(record);
    if (mod < revision && !isLive) {
      this.#remove(record);
      return;
    }
    if (older === 0) return;
    const place = this.#place;
    const hasTombstone = this.#toOldestTombstone(older, revision);
    if (hasTombstone && isLive) {
      records.setOlder(record, history.cut(older, place, false));
      return;
    }
    if (hasTombstone) {
      // Tombstones of one key and revision differ in nothing else.
      const sub = history.sub(place.block, place.at);
      records.setChange(record, mod, sub, records.flags(record), records.size(record));
    }
    history.dropAll(older);
    records.setOlder(record, 0);
  }

  /**
   * Whether HashKV at `revision` keeps the change (main, sub) of a key though it is compacted: it
   * is the newest one ≤ revision of the first generation whose end is ≥ revision, and not that end.
   */
  isInHashSet(key: ByteSpan, revision: number, change: { main: number; sub: number }): boolean {
    const record = this.find(key);
    if (record === 0) return false;
    const { records, history } = this;
    const place = this.#place;
    const older = records.older(record);
    if (older !== 0 && this.#toOldestTombstone(older, revision)) return false;
    if (records.mod(record) <= revision) {
      if (!this.isLive(record)) return false;
      return records.mod(record) === change.main && records.sub(record) === change.sub;
    }
    if (older === 0 || !history.findAt(older, revision, place)) return false;
    if (isTombstone(history.flags(place.block, place.at))) return false;
    const main = history.main(place.block, place.at);
    return main === change.main && history.sub(place.block, place.at) === change.sub;
  }

  /** Moves keys out of sparse memory; true while there is more to do. */
  reclaim(maxBytes: number): boolean {
    return this.#keys.reclaim(maxBytes, this.#moveKey);
  }

  readonly #moveKey = (location: number): void => {
    const keys = this.#keys;
    spanOfStored(keys, location, this.#scratch);
    const record = this.find(this.#scratch);
    const moved = keys.alloc(keys.length(location));
    const { bytes, start, end } = this.#scratch;
    copyBytes(bytes, start, end, keys.bytes(moved), keys.start(moved));
    this.records.setKeyLocation(record, moved);
    keys.free(location);
  };

  /** `apply` without the sums of the leaf. */
  #replace(record: number, change: IndexChange, life: KnownLife): void {
    const { records } = this;
    const mod = records.mod(record);
    const wasLive = mod > 0 && this.isLive(record);
    if (mod > 0) this.#pushOld(record, mod);
    records.setChange(record, change.main, change.sub, change.flags, change.sizeBytes);
    const isDead = isTombstone(change.flags);
    records.setLife(record, isDead ? 0 : life.create, isDead ? 0 : life.version);
    this.#liveCount += (isDead ? 0 : 1) - (wasLive ? 1 : 0);
  }

  #findHashed(key: ByteSpan, hash: number): number {
    const { records } = this;
    const keys = this.#keys;
    let record = this.#hash.first(hash);
    while (record !== 0) {
      if (records.hash(record) === hash) {
        if (compareToStored(key, keys, records.keyLocation(record), 0) === 0) return record;
      }
      record = records.hashNext(record);
    }
    return 0;
  }

  #olderStateAt(older: number, revision: number, out: KeyState): boolean {
    const { history } = this;
    const place = this.#place;
    if (older === 0 || !history.findAt(older, revision, place)) return false;
    const { block, at } = place;
    const flags = history.flags(block, at);
    if (isTombstone(flags)) return false;
    out.modRevision = history.main(block, at);
    out.sub = history.sub(block, at);
    out.createRevision = history.create(block, at);
    out.version = history.version(block, at);
    out.sizeBytes = history.size(block, at);
    out.hasLease = (flags & FLAG_LEASE) !== 0;
    return true;
  }

  /**
   * Puts the place at the oldest tombstone of a chain with main = revision; false when there is
   * none. (Only a transaction that deletes a key and writes it again leaves more than one change
   * there.)
   */
  #toOldestTombstone(older: number, revision: number): boolean {
    const { history } = this;
    const place = this.#place;
    if (!history.findAt(older, revision, place)) return false;
    let found = 0;
    let foundAt = 0;
    while (history.main(place.block, place.at) === revision) {
      if (isTombstone(history.flags(place.block, place.at))) {
        found = place.block;
        foundAt = place.at;
      }
      if (!history.stepOlder(place)) break;
    }
    place.block = found;
    place.at = foundAt;
    return found !== 0;
  }

  #pushOld(record: number, mod: number): void {
    const { records } = this;
    const old = this.#old;
    const version = records.version(record);
    old.main = mod;
    old.create = records.create(record);
    old.versionLow = version % TWO_32;
    old.versionHigh = packVersionHigh(version, records.flags(record));
    old.sub = records.sub(record);
    old.size = records.size(record);
    records.setOlder(record, this.history.push(records.older(record), old));
  }

  #remove(record: number): void {
    const { records } = this;
    this.history.dropAll(records.older(record));
    this.tree.remove(record);
    this.#hash.remove(record);
    this.#keys.free(records.keyLocation(record));
    records.release(record);
  }

  /** Adds a live record to its leaf's sums, or with `sign` −1 takes it out. */
  #count(leaf: number, record: number, sign: number): void {
    const { records } = this;
    const bare = bareKeyValueBytes(
      this.keyBytesOf(record),
      records.create(record),
      records.mod(record),
      records.version(record),
    );
    const framed = framedBytes(records.size(record));
    this.tree.leaves.add(leaf, sign, sign * framed, sign * framedBytes(bare));
  }

  #resum(leaf: number): void {
    const { leaves } = this.tree;
    const { records } = this;
    leaves.clearSums(leaf);
    const count = leaves.count(leaf);
    for (let i = 0; i < count; i++) {
      const record = leaves.slot(leaf, i);
      const mod = records.mod(record);
      leaves.raiseMaxMod(leaf, mod);
      if (mod > 0 && this.isLive(record)) this.#count(leaf, record, 1);
    }
  }
}
