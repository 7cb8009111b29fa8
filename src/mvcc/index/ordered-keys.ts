import { assert } from "../../base/assert.ts";
import type { Slab } from "../../base/slab.ts";
import { newSpan } from "../../base/span.ts";
import type { ByteSpan } from "../../base/span.ts";
import { BRANCH_CHILDREN_MAX, Branches } from "./branches.ts";
import { compareToStored, headAt, headOf, sharedWithStored, spanOfStored } from "./key-bytes.ts";
import { LEAF_KEYS_MAX, Leaves } from "./leaves.ts";
import type { Records } from "./records.ts";

/** A leaf below this many keys is joined with its right neighbour if … */
const JOIN_BELOW_KEYS = LEAF_KEYS_MAX / 4;
/** … both together have no more than this, so that it does not split at once again. */
const JOINED_KEYS_MAX = (LEAF_KEYS_MAX * 3) / 4;
/** Keys that a bulk load puts into a leaf: mostly full, with some room before it splits. */
const LOADED_KEYS = (LEAF_KEYS_MAX * 7) / 8;
/** 64-way branching at the least makes 2^48 keys. */
const DEPTH_MAX = 8;

/** A place in the tree: the record at `at` of `leaf`; leaf 0 is the end. */
export interface TreePlace {
  leaf: number;
  at: number;
}

/**
 * The keys in order: a B+tree over record ids, packed. Nodes compare by four inline bytes behind
 * the prefix that their keys share, and look at a stored key only to confirm.
 *
 * Invariant T1: a record's `leaf` names the leaf that holds it.
 * Invariant T2: a leaf's sums equal those over its records' newest changes (kept by KeyIndex).
 */
export class OrderedKeys {
  readonly leaves = new Leaves();
  readonly #branches = new Branches();
  readonly #records: Records;
  readonly #keys: Slab;
  readonly #onResum: (leaf: number) => void;
  #root = 0;
  readonly #first: number;
  readonly #pathNodes = new Uint32Array(DEPTH_MAX);
  readonly #pathPlaces = new Uint32Array(DEPTH_MAX);
  #depth = 0;
  #version = 0;
  readonly #place: TreePlace = { leaf: 0, at: 0 };
  readonly #locations = new Uint32Array(LOADED_KEYS);
  /** Means nothing; reads that are made for their side effect end here, so that they stay. */
  touched = 0;
  readonly #scratch = newSpan();

  /** `onResum` is asked to compute the sums of a leaf anew after keys moved (T2). */
  constructor(records: Records, keys: Slab, onResum: (leaf: number) => void) {
    this.#records = records;
    this.#keys = keys;
    this.#onResum = onResum;
    this.#first = this.leaves.allocate();
    this.#root = this.#branches.create(true, this.#first);
  }

  /** Rises whenever a place may have moved. */
  get version(): number {
    return this.#version;
  }

  get capacityBytes(): number {
    return this.leaves.capacityBytes + this.#branches.capacityBytes;
  }

  get inUseBytes(): number {
    return this.leaves.inUseBytes + this.#branches.separators.liveBytes;
  }

  /** Goes to the first key ≥ `key`. */
  seek(key: ByteSpan, out: TreePlace): void {
    const leaf = this.#descend(key);
    const at = this.#search(leaf, key);
    out.leaf = leaf;
    out.at = at;
    this.settle(out);
  }

  /** Turns a place behind the last key of a leaf into the first of the next one that has any. */
  settle(place: TreePlace): void {
    while (place.leaf !== 0 && place.at >= this.leaves.count(place.leaf)) {
      place.leaf = this.leaves.next(place.leaf);
      place.at = 0;
    }
  }

  /** Adds a record whose key is stored already and not in the tree; sets the record's leaf. */
  insert(record: number, key: ByteSpan): void {
    this.#version += 1;
    let leaf = this.#descend(key);
    let at = this.#search(leaf, key);
    if (this.leaves.count(leaf) === LEAF_KEYS_MAX) {
      this.#splitAndDescend(leaf, at, key);
      leaf = this.#place.leaf;
      at = this.#place.at;
    }
    this.#insertIntoLeaf(leaf, at, record, key);
  }

  /**
   * Adds a leaf's worth of `records`, from `from` on, behind all keys that are there; returns where
   * the next call goes on. Their keys rise. For a tree without removals so far.
   */
  append(records: Uint32Array, from: number): number {
    this.#version += 1;
    const to = Math.min(records.length, from + LOADED_KEYS);
    spanOfStored(this.#keys, this.#records.keyLocation(records[from]), this.#scratch);
    const leaf = this.#leafBehind(this.#scratch);
    const last = this.#records.keyLocation(records[to - 1]);
    const prefix = to - from < 2 ? 0 : sharedWithStored(this.#scratch, this.#keys, last, Infinity);
    this.leaves.setPrefix(leaf, prefix);
    this.#touch(records, from, to);
    for (let i = from; i < to; i++) {
      const record = records[i];
      const head = headAt(this.#keys, this.#records.keyLocation(record), prefix);
      this.leaves.insertAt(leaf, i - from, record, head);
      this.#records.setLeaf(record, leaf);
    }
    this.#onResum(leaf);
    return to;
  }

  /** Reads what `append` will need, so that the waits for memory go side by side. */
  #touch(records: Uint32Array, from: number, to: number): void {
    const locations = this.#locations;
    for (let i = from; i < to; i++) locations[i - from] = this.#records.keyLocation(records[i]);
    let touched = 0;
    for (let i = 0; i < to - from; i++) touched ^= this.#keys.length(locations[i]);
    this.touched ^= touched;
  }

  /** Takes a record out; its newest change must not count in the leaf's sums any more. */
  remove(record: number): void {
    this.#version += 1;
    const leaf = this.#records.leaf(record);
    const at = this.leaves.indexOf(leaf, record);
    assert(at >= 0, "tree: record not in its leaf");
    this.leaves.removeAt(leaf, at);
    const count = this.leaves.count(leaf);
    if (count > JOIN_BELOW_KEYS || (count > 0 && (count & 7) !== 0)) return;
    spanOfStored(this.#keys, this.#records.keyLocation(record), this.#scratch);
    const found = this.#descend(this.#scratch);
    assert(found === leaf, "tree: separators disagree with a leaf");
    this.#join(leaf, count);
  }

  /** An empty last leaf, for keys from `key` on, which is above all that are there. */
  #leafBehind(key: ByteSpan): number {
    const { leaves } = this;
    const last = this.#descend(key);
    const count = leaves.count(last);
    if (count === 0) return last;
    const added = leaves.allocate();
    leaves.linkAfter(last, added);
    const lastKey = this.#records.keyLocation(leaves.slot(last, count - 1));
    const shared = sharedWithStored(key, this.#keys, lastKey, Infinity);
    this.#addChild(this.#depth - 1, added, this.#branches.newSeparator(key, shared + 1));
    return added;
  }

  #descend(key: ByteSpan): number {
    let id = this.#root;
    let depth = 0;
    for (;;) {
      const node = this.#branches.node(id);
      const at = this.#branches.childFor(node, key);
      this.#pathNodes[depth] = id;
      this.#pathPlaces[depth] = at;
      depth += 1;
      id = node.children[at];
      if (node.isLowest) break;
    }
    this.#depth = depth;
    return id;
  }

  /** The place of the first key ≥ `key` in a leaf. */
  #search(leaf: number, key: ByteSpan): number {
    const { leaves } = this;
    const count = leaves.count(leaf);
    if (count === 0) return 0;
    const keys = this.#keys;
    const prefix = leaves.prefix(leaf);
    const words = leaves.words(leaf);
    const slots = leaves.slotBase(leaf);
    const heads = leaves.headBase(leaf);
    if (prefix > 0) {
      const first = this.#records.keyLocation(words[slots]);
      const shared = sharedWithStored(key, keys, first, prefix);
      if (shared < prefix) return compareToStored(key, keys, first, shared) < 0 ? 0 : count;
    }
    const head = headOf(key.bytes, key.start + prefix, key.end);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = words[heads + middle];
      const isAfter =
        head === other ? this.#isAfter(key, words[slots + middle], prefix) : head > other;
      if (isAfter) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isAfter(key: ByteSpan, record: number, prefix: number): boolean {
    return compareToStored(key, this.#keys, this.#records.keyLocation(record), prefix) > 0;
  }

  #insertIntoLeaf(leaf: number, at: number, record: number, key: ByteSpan): void {
    const { leaves } = this;
    this.#records.setLeaf(record, leaf);
    if (leaves.count(leaf) === 0) {
      leaves.setPrefix(leaf, 0);
      leaves.insertAt(leaf, at, record, headOf(key.bytes, key.start, key.end));
      return;
    }
    const prefix = leaves.prefix(leaf);
    const first = this.#records.keyLocation(leaves.slot(leaf, 0));
    const shared = prefix === 0 ? 0 : sharedWithStored(key, this.#keys, first, prefix);
    leaves.insertAt(leaf, at, record, headOf(key.bytes, key.start + prefix, key.end));
    if (shared < prefix) this.#rehead(leaf, shared);
    else if (leaves.count(leaf) === 2) this.#rehead(leaf, this.#sharedPrefix(leaf));
  }

  #sharedPrefix(leaf: number): number {
    const { leaves } = this;
    const count = leaves.count(leaf);
    if (count < 2) return 0;
    spanOfStored(this.#keys, this.#records.keyLocation(leaves.slot(leaf, 0)), this.#scratch);
    const last = this.#records.keyLocation(leaves.slot(leaf, count - 1));
    return sharedWithStored(this.#scratch, this.#keys, last, Infinity);
  }

  #rehead(leaf: number, prefix: number): void {
    const { leaves } = this;
    leaves.setPrefix(leaf, prefix);
    const words = leaves.words(leaf);
    const slots = leaves.slotBase(leaf);
    const heads = leaves.headBase(leaf);
    const count = leaves.count(leaf);
    for (let i = 0; i < count; i++) {
      words[heads + i] = headAt(this.#keys, this.#records.keyLocation(words[slots + i]), prefix);
    }
  }

  /** Splits a full leaf on the current path and leaves in `#place` where `key` now belongs. */
  #splitAndDescend(leaf: number, at: number, key: ByteSpan): void {
    const { leaves } = this;
    const right = leaves.allocate();
    leaves.linkAfter(leaf, right);
    // Keys that come in order fill their leaves; others leave room on both sides.
    const cut = at === LEAF_KEYS_MAX ? at : LEAF_KEYS_MAX / 2;
    leaves.moveTail(leaf, cut, right);
    if (cut < LEAF_KEYS_MAX) this.#afterMove(leaf, right);
    const firstRight = this.#scratch;
    if (cut === LEAF_KEYS_MAX) {
      firstRight.bytes = key.bytes;
      firstRight.start = key.start;
      firstRight.end = key.end;
    } else {
      const location = this.#records.keyLocation(leaves.slot(right, 0));
      spanOfStored(this.#keys, location, firstRight);
    }
    const lastLeft = this.#records.keyLocation(leaves.slot(leaf, cut - 1));
    const shared = sharedWithStored(firstRight, this.#keys, lastLeft, Infinity);
    const separator = this.#branches.newSeparator(firstRight, shared + 1);
    const isRight = compareToStored(key, this.#branches.separators, separator, 0) >= 0;
    this.#addChild(this.#depth - 1, right, separator);
    this.#place.leaf = isRight ? right : leaf;
    this.#place.at = isRight ? at - cut : at;
  }

  /** Gives both halves their sums, prefixes and heads, and the moved records their leaf. */
  #afterMove(leaf: number, right: number): void {
    const { leaves } = this;
    const count = leaves.count(right);
    for (let i = 0; i < count; i++) this.#records.setLeaf(leaves.slot(right, i), right);
    this.#rehead(leaf, this.#sharedPrefix(leaf));
    this.#rehead(right, this.#sharedPrefix(right));
    this.#onResum(leaf);
    this.#onResum(right);
  }

  /** Adds a child behind the one on the current path at `level`. */
  #addChild(level: number, child: number, separator: number): void {
    const branches = this.#branches;
    const id = this.#pathNodes[level];
    const at = this.#pathPlaces[level];
    const node = branches.node(id);
    if (node.count < BRANCH_CHILDREN_MAX) {
      branches.insertAfter(node, at, child, separator);
      return;
    }
    const cut = at === BRANCH_CHILDREN_MAX - 1 ? at : BRANCH_CHILDREN_MAX / 2;
    const rightId = branches.split(id, cut);
    const right = branches.node(rightId);
    const upper = right.separators[0];
    right.separators[0] = 0;
    if (at >= cut) branches.insertAfter(right, at - cut, child, separator);
    else branches.insertAfter(node, at, child, separator);
    if (level > 0) {
      this.#addChild(level - 1, rightId, upper);
      return;
    }
    this.#root = branches.create(false, id);
    branches.insertAfter(branches.node(this.#root), 0, rightId, upper);
  }

  /** Joins a small leaf on the current path with its right neighbour, or takes an empty one out. */
  #join(leaf: number, count: number): void {
    const { leaves } = this;
    const level = this.#depth - 1;
    const node = this.#branches.node(this.#pathNodes[level]);
    const at = this.#pathPlaces[level];
    if (count === 0) {
      if (leaf !== this.#first) this.#dropLeaf(leaf, level, at);
      return;
    }
    if (at + 1 >= node.count) return;
    const right = node.children[at + 1];
    if (count + leaves.count(right) > JOINED_KEYS_MAX) return;
    leaves.moveTail(right, 0, leaf);
    for (let i = count; i < leaves.count(leaf); i++) {
      this.#records.setLeaf(leaves.slot(leaf, i), leaf);
    }
    this.#rehead(leaf, this.#sharedPrefix(leaf));
    this.#onResum(leaf);
    this.#dropLeaf(right, level, at + 1);
  }

  #dropLeaf(leaf: number, level: number, at: number): void {
    this.leaves.unlink(leaf);
    this.leaves.release(leaf);
    this.#dropChild(level, at);
  }

  #dropChild(level: number, at: number): void {
    const branches = this.#branches;
    const id = this.#pathNodes[level];
    const node = branches.node(id);
    branches.remove(node, at);
    if (node.count > 0) {
      this.#lowerRoot();
      return;
    }
    assert(level > 0, "tree: the root lost its last child");
    branches.release(id);
    this.#dropChild(level - 1, this.#pathPlaces[level - 1]);
  }

  #lowerRoot(): void {
    let node = this.#branches.node(this.#root);
    while (!node.isLowest && node.count === 1) {
      this.#branches.release(this.#root);
      this.#root = node.children[0];
      node = this.#branches.node(this.#root);
    }
  }
}
