import { unpackVersion } from "./records.ts";
import { FLAG_TOMBSTONE } from "./records.ts";

/** Blocks hold 1, 2, 4 … 256 changes. */
const CLASS_MAX = 8;
const CLASS_BITS = 4;
const CLASS_MASK = (1 << CLASS_BITS) - 1;
/** Blocks of a class in one chunk: 1,024 of the smallest, 4 of the largest (48 and 33 KiB). */
const CHUNK_SHIFTS = [10, 9, 8, 7, 6, 5, 4, 3, 2];
/** A block: next, count, tail, unused; then changes of 32 bytes, oldest first. */
const HEADER_U32 = 4;
const CHANGE_U32 = 8;
const NEXT = 0;
const COUNT = 1;
/** Of a chain's head block only: its last block, where the oldest changes are. */
const TAIL = 2;
const CHANGE_BYTES = 32;
/** A block emptied below this share moves into a smaller one. */
const SHRINK_SHARE = 4;
const SHRINK_CLASS_MIN = 2;

/** Where a change lies; refilled by `findAt` and `findExact`. */
export interface ChangePlace {
  block: number;
  at: number;
}

/** The fields of a change, as in Records: `versionHigh` is packed with the flags. */
export interface OldChange {
  main: number;
  create: number;
  versionLow: number;
  versionHigh: number;
  sub: number;
  size: number;
}

/** Told of each change that a cut drops. */
export type DropVisitor = (main: number, sub: number, isTombstone: boolean) => void;

/**
 * The older changes of keys, in packed chains of blocks, newest block first. A block holds up to
 * 256 changes, so that one key with a million versions is walked in thousands of steps, not a
 * million. A chain is named by its head block, 0 for none; every verb that can change the head
 * returns it.
 */
export class History {
  readonly #f64: Float64Array[][] = CHUNK_SHIFTS.map(() => []);
  readonly #u32: Uint32Array[][] = CHUNK_SHIFTS.map(() => []);
  readonly #tops: number[] = CHUNK_SHIFTS.map(() => 1);
  readonly #free: number[] = CHUNK_SHIFTS.map(() => 0);
  #capacityBytes = 0;
  #changeCount = 0;

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  get inUseBytes(): number {
    return this.#changeCount * CHANGE_BYTES;
  }

  /** Adds a change newer than all of the chain; returns the chain's head. */
  push(head: number, change: OldChange): number {
    let block = head;
    if (head === 0 || this.#count(head) === 1 << (head & CLASS_MASK)) {
      const cls = head === 0 ? 0 : Math.min((head & CLASS_MASK) + 1, CLASS_MAX);
      block = this.#allocate(cls);
      this.#setWord(block, NEXT, head);
      this.#setWord(block, COUNT, 0);
      this.#setWord(block, TAIL, head === 0 ? block : this.#word(head, TAIL));
    }
    const at = this.#count(block);
    this.#setWord(block, COUNT, at + 1);
    this.#changeCount += 1;
    const base = this.#base(block) + HEADER_U32 + at * CHANGE_U32;
    const f64 = this.#f64Of(block);
    const u32 = this.#u32Of(block);
    f64[base >>> 1] = change.main;
    f64[(base >>> 1) + 1] = change.create;
    u32[base + 4] = change.versionLow;
    u32[base + 5] = change.versionHigh;
    u32[base + 6] = change.sub;
    u32[base + 7] = change.size;
    return block;
  }

  /** The newest change with main ≤ revision; false when there is none. */
  findAt(head: number, revision: number, out: ChangePlace): boolean {
    let block = head;
    while (block !== 0 && this.main(block, 0) > revision) block = this.#word(block, NEXT);
    if (block === 0) return false;
    let low = 0;
    let high = this.#count(block) - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.main(block, middle) <= revision) low = middle;
      else high = middle - 1;
    }
    out.block = block;
    out.at = low;
    return true;
  }

  /**
   * Whether the chain has the change (main, sub). Looks at the oldest block first, where the
   * changes are that a compaction kept.
   */
  has(head: number, main: number, sub: number): boolean {
    if (head === 0) return false;
    const tail = this.#word(head, TAIL);
    if (this.main(tail, this.#count(tail) - 1) > main) return this.#blockHas(tail, main, sub);
    for (let block = head; block !== 0; block = this.#word(block, NEXT)) {
      if (this.main(block, 0) <= main && this.#blockHas(block, main, sub)) return true;
      if (this.main(block, 0) < main) return false;
    }
    return false;
  }

  main(block: number, at: number): number {
    const base = this.#base(block) + HEADER_U32 + at * CHANGE_U32;
    return this.#f64Of(block)[base >>> 1];
  }

  create(block: number, at: number): number {
    const base = this.#base(block) + HEADER_U32 + at * CHANGE_U32;
    return this.#f64Of(block)[(base >>> 1) + 1];
  }

  version(block: number, at: number): number {
    return unpackVersion(this.#changeWord(block, at, 4), this.#changeWord(block, at, 5));
  }

  flags(block: number, at: number): number {
    return this.#changeWord(block, at, 5) & 3;
  }

  sub(block: number, at: number): number {
    return this.#changeWord(block, at, 6);
  }

  size(block: number, at: number): number {
    return this.#changeWord(block, at, 7);
  }

  /** Renumbers a change within its main; the order of the chain must stay. */
  setSub(block: number, at: number, sub: number): void {
    this.#u32Of(block)[this.#base(block) + HEADER_U32 + at * CHANGE_U32 + 6] = sub;
  }

  /** Changes in the chain. */
  length(head: number): number {
    let length = 0;
    for (let block = head; block !== 0; block = this.#word(block, NEXT)) {
      length += this.#count(block);
    }
    return length;
  }

  /** Blocks in the chain: what a cut must walk. */
  blocks(head: number): number {
    let count = 0;
    for (let block = head; block !== 0; block = this.#word(block, NEXT)) count += 1;
    return count;
  }

  /**
   * Goes from a place to the next older change; false at the end of the chain. For walks that
   * follow `findAt`.
   */
  stepOlder(place: ChangePlace): boolean {
    if (place.at > 0) {
      place.at -= 1;
      return true;
    }
    const next = this.#word(place.block, NEXT);
    if (next === 0) return false;
    place.block = next;
    place.at = this.#count(next) - 1;
    return true;
  }

  /** Goes to the newest change of the chain; false when there is none. */
  toNewest(head: number, place: ChangePlace): boolean {
    if (head === 0) return false;
    place.block = head;
    place.at = this.#count(head) - 1;
    return true;
  }

  /** Drops the whole chain. */
  dropAll(head: number): void {
    let block = head;
    while (block !== 0) {
      const next = this.#word(block, NEXT);
      this.#changeCount -= this.#count(block);
      this.#release(block);
      block = next;
    }
  }

  /**
   * Drops what is older than `place`, and with `inclusive` the change there too; returns the head.
   */
  cut(head: number, place: ChangePlace, inclusive: boolean): number {
    const drop = place.at + (inclusive ? 1 : 0);
    const { block } = place;
    const count = this.#count(block);
    this.dropAll(this.#word(block, NEXT));
    this.#setWord(block, NEXT, 0);
    if (drop === count) return this.#dropBlock(head, block);
    const base = this.#base(block) + HEADER_U32;
    const from = base + drop * CHANGE_U32;
    if (drop > 0) this.#u32Of(block).copyWithin(base, from, base + count * CHANGE_U32);
    this.#setWord(block, COUNT, count - drop);
    this.#changeCount -= drop;
    return this.#shrink(head, block);
  }

  #dropBlock(head: number, block: number): number {
    const previous = this.#previous(head, block);
    this.#changeCount -= this.#count(block);
    this.#release(block);
    if (previous === 0) return 0;
    this.#setWord(previous, NEXT, 0);
    this.#setWord(head, TAIL, previous);
    return head;
  }

  /** Moves the last block of a chain into a smaller one when it is nearly empty. */
  #shrink(head: number, block: number): number {
    this.#setWord(head, TAIL, block);
    const count = this.#count(block);
    const cls = block & CLASS_MASK;
    if (cls <= SHRINK_CLASS_MIN || count * SHRINK_SHARE > 1 << cls) return head;
    const small = this.#allocate(32 - Math.clz32(count - 1));
    const from = this.#base(block);
    const words = this.#u32Of(block).subarray(from, from + HEADER_U32 + count * CHANGE_U32);
    this.#u32Of(small).set(words, this.#base(small));
    const previous = this.#previous(head, block);
    this.#release(block);
    if (previous !== 0) this.#setWord(previous, NEXT, small);
    const newHead = previous === 0 ? small : head;
    this.#setWord(newHead, TAIL, small);
    return newHead;
  }

  #previous(head: number, block: number): number {
    if (head === block) return 0;
    let previous = head;
    while (this.#word(previous, NEXT) !== block) previous = this.#word(previous, NEXT);
    return previous;
  }

  #blockHas(block: number, main: number, sub: number): boolean {
    for (let at = this.#count(block) - 1; at >= 0; at--) {
      const found = this.main(block, at);
      if (found === main && this.sub(block, at) === sub) return true;
      if (found < main) return false;
    }
    return false;
  }

  #allocate(cls: number): number {
    const id = this.#free[cls];
    if (id !== 0) {
      this.#free[cls] = this.#word(id, NEXT);
      return id;
    }
    const index = this.#tops[cls]++;
    const shift = CHUNK_SHIFTS[cls];
    if (index >>> shift === this.#u32[cls].length) {
      const size = (HEADER_U32 + (CHANGE_U32 << cls)) * 4 * (1 << shift);
      const buffer = new ArrayBuffer(size);
      this.#f64[cls].push(new Float64Array(buffer));
      this.#u32[cls].push(new Uint32Array(buffer));
      this.#capacityBytes += size;
    }
    return ((index << CLASS_BITS) | cls) >>> 0;
  }

  #release(block: number): void {
    this.#setWord(block, NEXT, this.#free[block & CLASS_MASK]);
    this.#free[block & CLASS_MASK] = block;
  }

  #count(block: number): number {
    return this.#word(block, COUNT);
  }

  #word(block: number, field: number): number {
    return this.#u32Of(block)[this.#base(block) + field];
  }

  #setWord(block: number, field: number, value: number): void {
    this.#u32Of(block)[this.#base(block) + field] = value;
  }

  #changeWord(block: number, at: number, field: number): number {
    return this.#u32Of(block)[this.#base(block) + HEADER_U32 + at * CHANGE_U32 + field];
  }

  #base(block: number): number {
    const cls = block & CLASS_MASK;
    const inChunk = (block >>> CLASS_BITS) & ((1 << CHUNK_SHIFTS[cls]) - 1);
    return inChunk * (HEADER_U32 + (CHANGE_U32 << cls));
  }

  #u32Of(block: number): Uint32Array {
    const cls = block & CLASS_MASK;
    return this.#u32[cls][(block >>> CLASS_BITS) >>> CHUNK_SHIFTS[cls]];
  }

  #f64Of(block: number): Float64Array {
    const cls = block & CLASS_MASK;
    return this.#f64[cls][(block >>> CLASS_BITS) >>> CHUNK_SHIFTS[cls]];
  }
}

/** Whether flags, of a record or an old change, say that the key was deleted. */
export function isTombstone(flags: number): boolean {
  return (flags & FLAG_TOMBSTONE) !== 0;
}
