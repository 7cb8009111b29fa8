import { copyBytes } from "../../base/byte-writer.ts";
import type { ByteSpan } from "../../base/span.ts";
import { newSpan } from "../../base/span.ts";
import { bareKeyValueBytes, framedBytes } from "../index/framed-size.ts";
import { newChangeBatch } from "../../storage/backend/backend.ts";
import type { TreePlace } from "../index/ordered-keys.ts";
import { readKeyOf, writeNumbers, writeTombstone, writeVarint } from "../key-value.ts";
import type { KeyRange } from "../types.ts";
import type { KeySpace } from "./key-space.ts";
import { RangeBounds } from "./range-bounds.ts";
import type { FramedCopy, RangeCursor } from "./store.ts";

/** Entries read together by a copy: enough that their waits for memory overlap. */
const BATCH_KVS = 32;

/** RangeCursor over the packed index. */
export class IndexCursor implements RangeCursor {
  modRevision = 0;
  sub = 0;
  createRevision = 0;
  version = 0;
  sizeBytes = 0;
  hasLease = false;
  skipsLeft = Number.POSITIVE_INFINITY;
  readonly #space: KeySpace;
  readonly #bounds = new RangeBounds();
  readonly #place: TreePlace = { leaf: 0, at: 0 };
  readonly #batch = newChangeBatch(BATCH_KVS);
  readonly #stored = newSpan();
  readonly #key = newSpan();
  #revision = 0;
  #record = 0;
  #isCompacted = false;
  #isPaused = false;
  #isAtEnd = true;
  /** The last entry consumed, whose stored value tells its key; 0 before the first. */
  #lastMod = 0;
  #lastSub = 0;

  constructor(space: KeySpace) {
    this.#space = space;
  }

  get isCompacted(): boolean {
    return this.#isCompacted;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  open(range: KeyRange, atRevision: number): void {
    this.#bounds.set(range);
    this.#revision = atRevision;
    this.#isCompacted = false;
    this.#isPaused = false;
    this.#isAtEnd = this.#bounds.isEmpty;
    this.#lastMod = 0;
    this.skipsLeft = Number.POSITIVE_INFINITY;
  }

  openAfter(range: KeyRange, atRevision: number, key: ByteSpan): void {
    this.open(range, atRevision);
    if (this.#bounds.isSingle) this.#isAtEnd = true;
    this.#bounds.goOnAfter(key);
    if (this.#bounds.isEmpty) this.#isAtEnd = true;
  }

  next(): boolean {
    if (!this.#prepare() || !this.#advance()) return false;
    this.#consume();
    return true;
  }

  readKey(out: ByteSpan): void {
    this.#space.index.keyOf(this.#record, out);
  }

  copyFramed(copy: FramedCopy): void {
    copy.kvs = 0;
    copy.isAtEnd = !this.#prepare();
    let isFull = false;
    while (copy.kvs < copy.kvsMax && !copy.isAtEnd && !isFull && !this.#isPaused) {
      isFull = this.#gather(copy);
      const { count } = this.#batch;
      const found = count === 0 ? 0 : this.#space.backend.getChanges(this.#batch);
      this.#copyGathered(copy, found);
      if (found < count) {
        this.#isCompacted = true;
        this.#isAtEnd = true;
      }
      copy.isAtEnd = this.#isAtEnd;
    }
  }

  /** Collects the next entries that fit; true when the one after them does not. */
  #gather(copy: FramedCopy): boolean {
    const batch = this.#batch;
    const countMax = Math.min(BATCH_KVS, copy.kvsMax - copy.kvs);
    let room = copy.limit - copy.offset;
    batch.count = 0;
    while (batch.count < countMax) {
      if (!this.#advance()) return false;
      room -= framedBytes(this.sizeBytes);
      if (room < 0) {
        this.#unread();
        return true;
      }
      batch.mains[batch.count] = this.modRevision;
      batch.subs[batch.count] = this.sub;
      batch.count += 1;
      this.#consume();
    }
    return false;
  }

  #copyGathered(copy: FramedCopy, found: number): void {
    const { bytes, starts, ends } = this.#batch;
    const { target, tag } = copy;
    let at = copy.offset;
    for (let i = 0; i < found; i++) {
      target[at] = tag;
      at = writeVarint(target, at + 1, ends[i] - starts[i]);
      copyBytes(bytes[i], starts[i], ends[i], target, at);
      at += ends[i] - starts[i];
    }
    copy.offset = at;
    copy.kvs += found;
  }

  copyFramedKeys(copy: FramedCopy): void {
    copy.kvs = 0;
    copy.isAtEnd = !this.#prepare();
    const { target, limit, tag, kvsMax } = copy;
    const { index } = this.#space;
    const room = this.#stored;
    const key = this.#key;
    let at = copy.offset;
    while (copy.kvs < kvsMax && !copy.isAtEnd) {
      if (!this.#advance()) {
        copy.isAtEnd = this.#isAtEnd;
        break;
      }
      const { createRevision, modRevision, version } = this;
      index.keyOf(this.#record, key);
      const size = bareKeyValueBytes(key.end - key.start, createRevision, modRevision, version);
      if (at + framedBytes(size) > limit) {
        this.#unread();
        break;
      }
      target[at] = tag;
      room.bytes = target;
      room.start = writeVarint(target, at + 1, size);
      at = writeNumbers(target, writeTombstone(room, key), createRevision, modRevision, version);
      copy.kvs += 1;
      this.#consume();
    }
    copy.offset = at;
  }

  #consume(): void {
    this.#lastMod = this.modRevision;
    this.#lastSub = this.sub;
    if (this.#bounds.isSingle) this.#isAtEnd = true;
  }

  /** Goes back before the entry just found: `#advance` leaves the place right behind it. */
  #unread(): void {
    if (!this.#bounds.isSingle) this.#place.at -= 1;
  }

  /** Makes the place valid again; false when there is nothing to go on with. */
  #prepare(): boolean {
    this.#isPaused = false;
    if (this.#isAtEnd) return false;
    const { index, removedBelow } = this.#space;
    if (this.#revision < removedBelow) {
      this.#isCompacted = true;
      this.#isAtEnd = true;
      return false;
    }
    const bounds = this.#bounds;
    if (bounds.isSingle || bounds.isCurrent(index)) return true;
    if (this.#lastMod > 0) {
      if (!this.#space.backend.getChange(this.#lastMod, this.#lastSub, this.#stored)) {
        this.#isCompacted = true;
        this.#isAtEnd = true;
        return false;
      }
      readKeyOf(this.#stored, this.#key);
      bounds.goOnAfter(this.#key);
      if (bounds.isEmpty) {
        this.#isAtEnd = true;
        return false;
      }
    }
    bounds.locate(index, this.#place);
    return true;
  }

  /** Goes to the next key that is there at the revision; false at the end or when it pauses. */
  #advance(): boolean {
    if (this.#isAtEnd) return false;
    const { index } = this.#space;
    if (this.#bounds.isSingle) {
      this.#record = index.find(this.#bounds.from);
      const isThere = this.#record !== 0 && index.stateAt(this.#record, this.#revision, this);
      this.#isAtEnd = !isThere;
      return isThere;
    }
    const { leaves } = index.tree;
    const place = this.#place;
    const { endPlace } = this.#bounds;
    while (place.leaf !== 0) {
      const { leaf } = place;
      const isLast = leaf === endPlace.leaf;
      const end = isLast ? endPlace.at : leaves.count(leaf);
      const isDead = leaves.live(leaf) === 0 && leaves.maxMod(leaf) <= this.#revision;
      if (isDead) place.at = end;
      while (place.at < end) {
        const record = leaves.slot(leaf, place.at++);
        if (index.stateAt(record, this.#revision, this)) {
          this.#record = record;
          return true;
        }
        // Only what is passed over is counted: a list of keys that are there pays nothing.
        this.skipsLeft -= 1;
        if (this.skipsLeft <= 0) return this.#pause();
      }
      if (isLast) break;
      place.leaf = leaves.next(leaf);
      place.at = 0;
      this.skipsLeft -= 1;
      if (this.skipsLeft <= 0) return this.#pause();
    }
    this.#isAtEnd = true;
    return false;
  }

  /** Stops where it is, unless that is the end; always false, as `#advance` then returns. */
  #pause(): false {
    const { tree } = this.#space.index;
    const place = this.#place;
    tree.settle(place);
    const { leaf, at } = this.#bounds.endPlace;
    if (place.leaf === 0 || (place.leaf === leaf && place.at >= at)) {
      this.#isAtEnd = true;
      return false;
    }
    this.#isPaused = true;
    // Should the tree change, it goes on at this key: not after the last entry, or writers could
    // make it pass over the same keys for ever.
    this.#space.index.keyOf(tree.leaves.slot(place.leaf, place.at), this.#key);
    this.#bounds.resumeAt(this.#key);
    this.#lastMod = 0;
    return false;
  }
}
