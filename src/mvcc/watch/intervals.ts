import { type ByteSpan, compareSpans, newSpan } from "../../base/span.ts";
import { type Interest, NO_END, type WatchSpec } from "./watcher.ts";

/** Interests in one range, in a balanced tree by (key, end). */
interface Node {
  interests: Interest;
  readonly key: Uint8Array;
  readonly end: Uint8Array;
  left: Node | null;
  right: Node | null;
  height: number;
  /** The largest end in this subtree. */
  maxEnd: Uint8Array;
}

/**
 * Ranges that are asked which of them hold a key: an AVL tree by first key, in which each node
 * knows the largest end below it. Adding, removing and asking are O(log n), plus what is found.
 */
export class Intervals {
  #root: Node | null = null;
  readonly #a = newSpan();
  readonly #b = newSpan();

  /** The interests in exactly this range, linked by `next`; null when there are none. */
  find({ key, end }: WatchSpec): Interest | null {
    let node = this.#root;
    while (node !== null) {
      const order = this.#compare(key, end!, node);
      if (order === 0) return node.interests;
      node = order < 0 ? node.left : node.right;
    }
    return null;
  }

  /** Makes `interests` (linked by `next`) those of their range; null `interests` removes it. */
  set({ key, end }: WatchSpec, interests: Interest | null): void {
    this.#root =
      interests === null
        ? this.#remove(this.#root, key, end!)
        : this.#put(this.#root, key, end!, interests);
  }

  /** Appends every interest whose range has `key` to `found`. */
  stab(key: ByteSpan, found: Interest[]): void {
    this.#stab(this.#root, key, found);
  }

  #stab(from: Node | null, key: ByteSpan, found: Interest[]): void {
    let node = from;
    while (node !== null && this.#isBelow(key, node.maxEnd)) {
      this.#stab(node.left, key, found);
      setSpan(this.#a, node.key);
      if (compareSpans(this.#a, key) > 0) return;
      if (this.#isBelow(key, node.end)) {
        for (let one: Interest | null = node.interests; one !== null; one = one.next) {
          found.push(one);
        }
      }
      node = node.right;
    }
  }

  #isBelow(key: ByteSpan, end: Uint8Array): boolean {
    if (end === NO_END) return true;
    setSpan(this.#b, end);
    return compareSpans(key, this.#b) < 0;
  }

  #compare(key: Uint8Array, end: Uint8Array, node: Node): number {
    return this.#compareBytes(key, node.key) || this.#compareEnds(end, node.end);
  }

  #compareEnds(a: Uint8Array, b: Uint8Array): number {
    if (a === b) return 0;
    if (a === NO_END) return 1;
    if (b === NO_END) return -1;
    return this.#compareBytes(a, b);
  }

  #compareBytes(a: Uint8Array, b: Uint8Array): number {
    setSpan(this.#a, a);
    setSpan(this.#b, b);
    return compareSpans(this.#a, this.#b);
  }

  #put(node: Node | null, key: Uint8Array, end: Uint8Array, interests: Interest): Node {
    if (node === null) {
      return { interests, key, end, left: null, right: null, height: 1, maxEnd: end };
    }
    const order = this.#compare(key, end, node);
    if (order === 0) {
      node.interests = interests;
      return node;
    }
    if (order < 0) node.left = this.#put(node.left, key, end, interests);
    else node.right = this.#put(node.right, key, end, interests);
    return this.#balanced(node);
  }

  #remove(node: Node | null, key: Uint8Array, end: Uint8Array): Node | null {
    if (node === null) return null;
    const order = this.#compare(key, end, node);
    if (order < 0) node.left = this.#remove(node.left, key, end);
    else if (order > 0) node.right = this.#remove(node.right, key, end);
    else {
      if (node.left === null) return node.right;
      if (node.right === null) return node.left;
      let least = node.right;
      while (least.left !== null) least = least.left;
      const right = this.#remove(node.right, least.key, least.end);
      least.left = node.left;
      least.right = right;
      return this.#balanced(least);
    }
    return this.#balanced(node);
  }

  #balanced(node: Node): Node {
    const lean = heightOf(node.left) - heightOf(node.right);
    if (lean > 1) {
      const left = node.left!;
      if (heightOf(left.left) < heightOf(left.right)) node.left = this.#turnLeft(left);
      return this.#turnRight(node);
    }
    if (lean < -1) {
      const right = node.right!;
      if (heightOf(right.right) < heightOf(right.left)) node.right = this.#turnRight(right);
      return this.#turnLeft(node);
    }
    this.#sumUp(node);
    return node;
  }

  #turnRight(node: Node): Node {
    const top = node.left!;
    node.left = top.right;
    top.right = node;
    this.#sumUp(node);
    this.#sumUp(top);
    return top;
  }

  #turnLeft(node: Node): Node {
    const top = node.right!;
    node.right = top.left;
    top.left = node;
    this.#sumUp(node);
    this.#sumUp(top);
    return top;
  }

  #sumUp(node: Node): void {
    const { left, right } = node;
    node.height = 1 + Math.max(heightOf(left), heightOf(right));
    let max = node.end;
    if (left !== null && this.#compareEnds(left.maxEnd, max) > 0) max = left.maxEnd;
    if (right !== null && this.#compareEnds(right.maxEnd, max) > 0) max = right.maxEnd;
    node.maxEnd = max;
  }
}

function heightOf(node: Node | null): number {
  return node === null ? 0 : node.height;
}

function setSpan(span: ByteSpan, bytes: Uint8Array): void {
  span.bytes = bytes;
  span.start = 0;
  span.end = bytes.length;
}
