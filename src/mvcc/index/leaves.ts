/** Keys of one leaf. Larger leaves cost moves on insert, smaller ones steps on seek. */
export const LEAF_KEYS_MAX = 128;

const CHUNK_SHIFT = 8;
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
/** Header of 6 words and 3 doubles, then the records and the heads. */
const SLOTS = 12;
const HEADS = SLOTS + LEAF_KEYS_MAX;
const STRIDE_U32 = HEADS + LEAF_KEYS_MAX;
const STRIDE_F64 = STRIDE_U32 / 2;
const COUNT = 0;
const NEXT = 1;
const PREVIOUS = 2;
const PREFIX = 3;
const LIVE = 4;
const MAX_MOD = 3;
const FRAMED = 4;
const FRAMED_KEYS = 5;

/**
 * Leaves of the ordered tree in packed chunks, named by ids from 1 and linked in key order. A leaf
 * holds record ids in key order, for each a head (the four bytes of its key after the prefix that
 * all keys of the leaf share), and sums over its records' newest changes.
 */
export class Leaves {
  readonly #f64: Float64Array[] = [];
  readonly #u32: Uint32Array[] = [];
  #freeHead = 0;
  #freeCount = 0;
  #top = 1;

  get capacityBytes(): number {
    return (this.#u32.length * STRIDE_U32 * 4) << CHUNK_SHIFT;
  }

  get inUseBytes(): number {
    return (this.#top - 1 - this.#freeCount) * STRIDE_U32 * 4;
  }

  /** An empty leaf with zeroed sums and links. */
  allocate(): number {
    let leaf = this.#freeHead;
    if (leaf === 0) {
      leaf = this.#top++;
      if (leaf >>> CHUNK_SHIFT === this.#u32.length) {
        const buffer = new ArrayBuffer((STRIDE_U32 * 4) << CHUNK_SHIFT);
        this.#f64.push(new Float64Array(buffer));
        this.#u32.push(new Uint32Array(buffer));
      }
    } else {
      this.#freeHead = this.next(leaf);
      this.#freeCount -= 1;
    }
    const base = (leaf & CHUNK_MASK) * STRIDE_U32;
    this.#u32[leaf >>> CHUNK_SHIFT].fill(0, base, base + SLOTS);
    return leaf;
  }

  /** Gives an unlinked leaf back. */
  release(leaf: number): void {
    this.#setWord(leaf, NEXT, this.#freeHead);
    this.#freeHead = leaf;
    this.#freeCount += 1;
  }

  /** The words that hold the leaf, with `slotBase` and `headBase`; for searches. */
  words(leaf: number): Uint32Array {
    return this.#u32[leaf >>> CHUNK_SHIFT];
  }

  slotBase(leaf: number): number {
    return (leaf & CHUNK_MASK) * STRIDE_U32 + SLOTS;
  }

  headBase(leaf: number): number {
    return (leaf & CHUNK_MASK) * STRIDE_U32 + HEADS;
  }

  slot(leaf: number, at: number): number {
    return this.#u32[leaf >>> CHUNK_SHIFT][(leaf & CHUNK_MASK) * STRIDE_U32 + SLOTS + at];
  }

  count(leaf: number): number {
    return this.#word(leaf, COUNT);
  }

  next(leaf: number): number {
    return this.#word(leaf, NEXT);
  }

  /** Bytes that all keys of the leaf begin with. */
  prefix(leaf: number): number {
    return this.#word(leaf, PREFIX);
  }

  setPrefix(leaf: number, length: number): void {
    this.#setWord(leaf, PREFIX, length);
  }

  /** Records whose newest change is not a tombstone. */
  live(leaf: number): number {
    return this.#word(leaf, LIVE);
  }

  /** No record of the leaf changed after this revision. */
  maxMod(leaf: number): number {
    return this.#double(leaf, MAX_MOD);
  }

  framed(leaf: number): number {
    return this.#double(leaf, FRAMED);
  }

  framedKeys(leaf: number): number {
    return this.#double(leaf, FRAMED_KEYS);
  }

  /** Adds to the sums: live records, their framed sizes with value and without. */
  add(leaf: number, live: number, framed: number, framedKeys: number): void {
    const base = (leaf & CHUNK_MASK) * STRIDE_F64;
    const f64 = this.#f64[leaf >>> CHUNK_SHIFT];
    this.#u32[leaf >>> CHUNK_SHIFT][base * 2 + LIVE] += live;
    f64[base + FRAMED] += framed;
    f64[base + FRAMED_KEYS] += framedKeys;
  }

  raiseMaxMod(leaf: number, revision: number): void {
    const at = (leaf & CHUNK_MASK) * STRIDE_F64 + MAX_MOD;
    const f64 = this.#f64[leaf >>> CHUNK_SHIFT];
    if (f64[at] < revision) f64[at] = revision;
  }

  clearSums(leaf: number): void {
    const base = (leaf & CHUNK_MASK) * STRIDE_F64;
    const f64 = this.#f64[leaf >>> CHUNK_SHIFT];
    this.#u32[leaf >>> CHUNK_SHIFT][base * 2 + LIVE] = 0;
    f64[base + MAX_MOD] = 0;
    f64[base + FRAMED] = 0;
    f64[base + FRAMED_KEYS] = 0;
  }

  /** Makes room at `at` and sets slot and head there. */
  insertAt(leaf: number, at: number, record: number, head: number): void {
    const words = this.words(leaf);
    const count = this.count(leaf);
    const slots = this.slotBase(leaf) + at;
    const heads = this.headBase(leaf) + at;
    if (at < count) {
      words.copyWithin(slots + 1, slots, slots + count - at);
      words.copyWithin(heads + 1, heads, heads + count - at);
    }
    words[slots] = record;
    words[heads] = head;
    this.#setWord(leaf, COUNT, count + 1);
  }

  removeAt(leaf: number, at: number): void {
    const words = this.words(leaf);
    const count = this.count(leaf);
    const slots = this.slotBase(leaf) + at;
    const heads = this.headBase(leaf) + at;
    words.copyWithin(slots, slots + 1, slots + count - at);
    words.copyWithin(heads, heads + 1, heads + count - at);
    this.#setWord(leaf, COUNT, count - 1);
  }

  /** Where `record` is in the leaf, −1 when it is not. */
  indexOf(leaf: number, record: number): number {
    const words = this.words(leaf);
    const base = this.slotBase(leaf);
    const end = base + this.count(leaf);
    for (let i = base; i < end; i++) if (words[i] === record) return i - base;
    return -1;
  }

  /** Moves the slots from `at` on to the end of another leaf; heads are to be computed anew. */
  moveTail(from: number, at: number, to: number): void {
    const count = this.count(from);
    const source = this.words(from);
    const target = this.words(to);
    let next = this.slotBase(to) + this.count(to);
    const base = this.slotBase(from);
    for (let i = at; i < count; i++) target[next++] = source[base + i];
    this.#setWord(from, COUNT, at);
    this.#setWord(to, COUNT, this.count(to) + count - at);
  }

  /** Links `added` behind `leaf`. */
  linkAfter(leaf: number, added: number): void {
    const next = this.next(leaf);
    this.#setWord(added, NEXT, next);
    this.#setWord(added, PREVIOUS, leaf);
    this.#setWord(leaf, NEXT, added);
    if (next !== 0) this.#setWord(next, PREVIOUS, added);
  }

  unlink(leaf: number): void {
    const next = this.next(leaf);
    const previous = this.#word(leaf, PREVIOUS);
    if (previous !== 0) this.#setWord(previous, NEXT, next);
    if (next !== 0) this.#setWord(next, PREVIOUS, previous);
  }

  #word(leaf: number, field: number): number {
    return this.#u32[leaf >>> CHUNK_SHIFT][(leaf & CHUNK_MASK) * STRIDE_U32 + field];
  }

  #setWord(leaf: number, field: number, value: number): void {
    this.#u32[leaf >>> CHUNK_SHIFT][(leaf & CHUNK_MASK) * STRIDE_U32 + field] = value;
  }

  #double(leaf: number, field: number): number {
    return this.#f64[leaf >>> CHUNK_SHIFT][(leaf & CHUNK_MASK) * STRIDE_F64 + field];
  }
}
