import type { ByteSpan } from "../../base/span.ts";
import { Slab } from "../../base/slab.ts";
import { copyBytes } from "../../base/byte-writer.ts";
import { compareToStored, headAt, headOf, HEAD_BYTES } from "./key-bytes.ts";
import { sharedWithStored, spanOfStored } from "./key-bytes.ts";

/** Children of one branch. */
export const BRANCH_CHILDREN_MAX = 128;
/** Separators are few and short: no padding to speak of. */
const SEPARATOR_UNIT_SHIFT = 2;

/**
 * An inner node: child i holds keys ≥ separator i and < separator i + 1; separator 0 does not
 * exist. There is one for every ten thousand keys or so, hence they may be objects.
 */
export interface Branch {
  count: number;
  /** Bytes that all separators share. */
  prefix: number;
  /** Leaves when `isLowest`, else branches. */
  readonly children: Uint32Array;
  readonly separators: Uint32Array;
  readonly heads: Uint32Array;
  readonly isLowest: boolean;
}

/**
 * The inner nodes of the ordered tree, named by ids from 1; they own copies of their separators.
 */
export class Branches {
  readonly separators = new Slab(SEPARATOR_UNIT_SHIFT);
  readonly #nodes: (Branch | null)[] = [null];
  readonly #free: number[] = [];
  readonly #scratch: ByteSpan = { bytes: new Uint8Array(0), start: 0, end: 0 };

  get capacityBytes(): number {
    const each = BRANCH_CHILDREN_MAX * 3 * 4;
    return (this.#nodes.length - this.#free.length) * each + this.separators.capacityBytes;
  }

  node(id: number): Branch {
    return this.#nodes[id]!;
  }

  create(isLowest: boolean, firstChild: number): number {
    const id = this.#free.pop() ?? this.#nodes.length;
    this.#nodes[id] = {
      count: 1,
      prefix: 0,
      children: new Uint32Array(BRANCH_CHILDREN_MAX),
      separators: new Uint32Array(BRANCH_CHILDREN_MAX),
      heads: new Uint32Array(BRANCH_CHILDREN_MAX),
      isLowest,
    };
    this.node(id).children[0] = firstChild;
    return id;
  }

  release(id: number): void {
    this.#nodes[id] = null;
    this.#free.push(id);
  }

  /** A separator: the first `length` bytes of a key. */
  newSeparator(key: ByteSpan, length: number): number {
    const location = this.separators.alloc(length);
    const to = this.separators.start(location);
    copyBytes(key.bytes, key.start, key.start + length, this.separators.bytes(location), to);
    return location;
  }

  /** The place of the child that `key` belongs to. */
  childFor(node: Branch, key: ByteSpan): number {
    if (node.count === 1) return 0;
    const { separators } = this;
    const { prefix, heads } = node;
    const shared = sharedWithStored(key, separators, node.separators[1], prefix);
    if (shared < prefix) {
      const below = compareToStored(key, separators, node.separators[1], shared) < 0;
      return below ? 0 : node.count - 1;
    }
    const head = headOf(key.bytes, key.start + prefix, key.end);
    let low = 0;
    let high = node.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      const other = heads[middle];
      const isAtOrAfter =
        head === other
          ? compareToStored(key, separators, node.separators[middle], prefix) >= 0
          : head > other;
      if (isAtOrAfter) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Adds a child behind place `at`; the branch has room. */
  insertAfter(node: Branch, at: number, child: number, separator: number): void {
    const to = at + 1;
    node.children.copyWithin(to + 1, to, node.count);
    node.separators.copyWithin(to + 1, to, node.count);
    node.heads.copyWithin(to + 1, to, node.count);
    node.children[to] = child;
    node.separators[to] = separator;
    node.count += 1;
    spanOfStored(this.separators, separator, this.#scratch);
    const first = node.separators[to === 1 && node.count > 2 ? 2 : 1];
    const shared = sharedWithStored(this.#scratch, this.separators, first, node.prefix);
    if (shared < node.prefix || node.count === 2) this.#rehead(node);
    else node.heads[to] = headAt(this.separators, separator, node.prefix);
  }

  /**
   * Moves the children from `at` on into a new branch; returns its id. Its separator 0, which
   * belongs to the parent now, stays in `separators[0]` for the caller to take.
   */
  split(id: number, at: number): number {
    const node = this.node(id);
    const rightId = this.create(node.isLowest, node.children[at]);
    const right = this.node(rightId);
    right.count = node.count - at;
    right.children.set(node.children.subarray(at, node.count));
    right.separators.set(node.separators.subarray(at, node.count));
    node.count = at;
    this.#rehead(node);
    this.#rehead(right);
    return rightId;
  }

  /** Takes a child out and frees the separator that goes with it. */
  remove(node: Branch, at: number): void {
    const freed = at > 0 ? at : 1;
    if (freed < node.count) this.separators.free(node.separators[freed]);
    node.children.copyWithin(at, at + 1, node.count);
    node.separators.copyWithin(freed, freed + 1, node.count);
    node.heads.copyWithin(freed, freed + 1, node.count);
    node.count -= 1;
  }

  #rehead(node: Branch): void {
    if (node.count < 2) return;
    spanOfStored(this.separators, node.separators[1], this.#scratch);
    const last = node.separators[node.count - 1];
    // A prefix of whole separators would leave nothing for the heads to tell apart later.
    const limit = this.#scratch.end - this.#scratch.start - HEAD_BYTES;
    node.prefix = sharedWithStored(this.#scratch, this.separators, last, Math.max(0, limit));
    for (let i = 1; i < node.count; i++) {
      node.heads[i] = headAt(this.separators, node.separators[i], node.prefix);
    }
  }
}
