import { type LeaseTable, NO_SLOT } from "./lease-table.ts";

/** Keys in one typed array; a growing store allocates chunks where keys have leases. */
const CHUNK_SHIFT = 12;
const CHUNK_KEYS = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_KEYS - 1;

/** Words of one key: its lease, and its neighbours among the lease's keys. */
const STRIDE = 3;
const LEASE = 0;
const NEXT = 1;
const PREVIOUS = 2;

/**
 * Which key has which lease: per lease a list of keys, linked both ways, in typed arrays by key id
 * (mvcc's LeaseChange.keyId). A key has at most one lease (semantics.md L9).
 */
export class Attachments {
  readonly #table: LeaseTable;
  readonly #chunks: (Uint32Array | undefined)[] = [];

  constructor(table: LeaseTable) {
    this.#table = table;
  }

  /** Slot of the key's lease, or NO_SLOT. */
  leaseOf(keyId: number): number {
    const chunk = this.#chunks[keyId >>> CHUNK_SHIFT];
    return chunk === undefined ? NO_SLOT : chunk[(keyId & CHUNK_MASK) * STRIDE + LEASE]!;
  }

  /** Gives the key this lease instead of the one it had; NO_SLOT takes it away. */
  set(keyId: number, slot: number): void {
    const before = this.leaseOf(keyId);
    if (before === slot) return;
    if (before !== NO_SLOT) this.#unlink(keyId, before);
    if (slot !== NO_SLOT) this.#link(keyId, slot);
  }

  /** The key after this one in its lease's list, 0 at the end. `firstKey` of the table begins. */
  next(keyId: number): number {
    return this.#word(keyId, NEXT);
  }

  /** Every key that has or had a lease has an id below it. */
  get keyIdsEnd(): number {
    return this.#chunks.length * CHUNK_KEYS;
  }

  #link(keyId: number, slot: number): void {
    const { firstKey, keyCount } = this.#table;
    const second = firstKey[slot]!;
    const at = keyId >>> CHUNK_SHIFT;
    const chunk = (this.#chunks[at] ??= new Uint32Array(CHUNK_KEYS * STRIDE));
    const word = (keyId & CHUNK_MASK) * STRIDE;
    chunk[word + LEASE] = slot;
    chunk[word + NEXT] = second;
    chunk[word + PREVIOUS] = 0;
    if (second !== 0) this.#setWord(second, PREVIOUS, keyId);
    firstKey[slot] = keyId;
    keyCount[slot]! += 1;
  }

  #unlink(keyId: number, slot: number): void {
    const { firstKey, keyCount } = this.#table;
    const next = this.#word(keyId, NEXT);
    const previous = this.#word(keyId, PREVIOUS);
    if (previous === 0) firstKey[slot] = next;
    else this.#setWord(previous, NEXT, next);
    if (next !== 0) this.#setWord(next, PREVIOUS, previous);
    this.#setWord(keyId, LEASE, NO_SLOT);
    keyCount[slot]! -= 1;
  }

  #word(keyId: number, word: number): number {
    return this.#chunks[keyId >>> CHUNK_SHIFT]![(keyId & CHUNK_MASK) * STRIDE + word]!;
  }

  #setWord(keyId: number, word: number, value: number): void {
    this.#chunks[keyId >>> CHUNK_SHIFT]![(keyId & CHUNK_MASK) * STRIDE + word] = value;
  }
}
