import { newSpan } from "../../base/span.ts";
import { bareKeyValueBytes, framedBytes } from "../index/framed-size.ts";
import type { TreePlace } from "../index/ordered-keys.ts";
import { newKeyState } from "../types.ts";
import type { KeyRange } from "../types.ts";
import type { KeySpace } from "./key-space.ts";
import { RangeBounds } from "./range-bounds.ts";
import type { RangeMeasure } from "./store.ts";

/** RangeMeasure over the packed index: a leaf's sums stand for its keys where they can. */
export class IndexMeasure implements RangeMeasure {
  count = 0;
  kvs = 0;
  framedBytes = 0;
  framedKeysBytes = 0;
  isCompacted = false;
  readonly #space: KeySpace;
  readonly #bounds = new RangeBounds();
  readonly #place: TreePlace = { leaf: 0, at: 0 };
  readonly #state = newKeyState();
  readonly #key = newSpan();
  #revision = 0;
  #kvsMax = 0;
  #isDone = true;

  constructor(space: KeySpace) {
    this.#space = space;
  }

  open(range: KeyRange, atRevision: number, kvsMax: number): void {
    this.#bounds.set(range);
    this.#revision = atRevision;
    this.#kvsMax = kvsMax;
    this.count = 0;
    this.kvs = 0;
    this.framedBytes = 0;
    this.framedKeysBytes = 0;
    this.isCompacted = false;
    this.#isDone = this.#bounds.isEmpty;
  }

  step(keysMax: number): boolean {
    if (this.#isDone) return true;
    const { index, removedBelow } = this.#space;
    const bounds = this.#bounds;
    if (this.#revision < removedBelow) {
      this.isCompacted = true;
      this.#isDone = true;
      return true;
    }
    if (bounds.isSingle) {
      this.#measureOne(index.find(bounds.from));
      this.#isDone = true;
      return true;
    }
    const place = this.#place;
    if (!bounds.isCurrent(index)) bounds.locate(index, place);
    let budget = keysMax;
    while (place.leaf !== 0 && budget > 0) budget -= this.#measureLeaf(budget);
    index.tree.settle(place);
    const { leaf, at } = bounds.endPlace;
    const isAtEnd = place.leaf === 0 || (place.leaf === leaf && place.at >= at);
    if (isAtEnd) {
      this.#isDone = true;
      return true;
    }
    // Whatever happens to the tree meanwhile, the rest of the range begins at this key.
    index.keyOf(index.tree.leaves.slot(place.leaf, place.at), this.#key);
    bounds.resumeAt(this.#key);
    return false;
  }

  /** Measures what the place's leaf has of the range, or a part of it; returns what it cost. */
  #measureLeaf(budget: number): number {
    const { leaves } = this.#space.index.tree;
    const place = this.#place;
    const { endPlace } = this.#bounds;
    const { leaf } = place;
    const isLast = leaf === endPlace.leaf;
    const end = isLast ? endPlace.at : leaves.count(leaf);
    const isWhole = !isLast && place.at === 0 && leaves.maxMod(leaf) <= this.#revision;
    if (isWhole && this.#takeSums(leaf)) {
      place.leaf = leaves.next(leaf);
      return 1;
    }
    const stop = Math.min(end, place.at + budget);
    const cost = stop - place.at + 1;
    while (place.at < stop) this.#measureOne(leaves.slot(leaf, place.at++));
    if (place.at < end) return cost;
    place.leaf = isLast ? 0 : leaves.next(leaf);
    place.at = 0;
    return cost;
  }

  /** Takes a leaf's sums; false when only some of its keys count for the sizes. */
  #takeSums(leaf: number): boolean {
    const { leaves } = this.#space.index.tree;
    const live = leaves.live(leaf);
    if (this.kvs < this.#kvsMax) {
      if (this.kvs + live > this.#kvsMax) return false;
      this.kvs += live;
      this.framedBytes += leaves.framed(leaf);
      this.framedKeysBytes += leaves.framedKeys(leaf);
    }
    this.count += live;
    return true;
  }

  #measureOne(record: number): void {
    const { index } = this.#space;
    const state = this.#state;
    if (record === 0 || !index.stateAt(record, this.#revision, state)) return;
    this.count += 1;
    if (this.kvs >= this.#kvsMax) return;
    this.kvs += 1;
    this.framedBytes += framedBytes(state.sizeBytes);
    const bare = bareKeyValueBytes(
      index.keyBytesOf(record),
      state.createRevision,
      state.modRevision,
      state.version,
    );
    this.framedKeysBytes += framedBytes(bare);
  }
}
