/** Records in one typed array; a growing index allocates chunks, it never copies what it has. */
const CHUNK_SHIFT = 14;
const CHUNK_RECORDS = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_RECORDS - 1;
/** One record is seven 8-byte words: nearly a cache line. */
const STRIDE_F64 = 7;
const STRIDE_U32 = STRIDE_F64 * 2;
/** Bytes of one record. */
export const RECORD_BYTES = STRIDE_F64 * 8;

const MOD = 0;
const CREATE = 1;
const VERSION_LOW = 4;
const VERSION_HIGH_AND_FLAGS = 5;
const SUB = 6;
const SIZE = 7;
const OLDER = 8;
const KEY = 9;
const HASH = 10;
const HASH_NEXT = 11;
const LEAF = 12;

/** The change deleted the key. */
export const FLAG_TOMBSTONE = 1;
/** The KeyValue has a lease. */
export const FLAG_LEASE = 2;
const FLAG_BITS = 2;
const FLAG_MASK = (1 << FLAG_BITS) - 1;
/** Beyond 32 bits a number needs a second word. */
export const TWO_32 = 4294967296;

/** High 30 bits of a version and the flags in one word. */
export function packVersionHigh(version: number, flags: number): number {
  return ((Math.floor(version / TWO_32) << FLAG_BITS) | flags) >>> 0;
}

/** The inverse of `packVersionHigh`. */
export function unpackVersion(low: number, highAndFlags: number): number {
  return (highAndFlags >>> FLAG_BITS) * TWO_32 + low;
}

/**
 * One record per key: its newest change, and its places in the hash, the tree and the history.
 * Records are named by ids from 1, reused after `release`; a released record has keyLocation 0.
 */
export class Records {
  readonly f64: Float64Array[] = [];
  readonly u32: Uint32Array[] = [];
  #freeHead = 0;
  #freeCount = 0;
  /** Ids handed out so far are below it. */
  #top = 1;

  /** Every id is below it. */
  get top(): number {
    return this.#top;
  }

  get capacityBytes(): number {
    return this.f64.length * CHUNK_RECORDS * RECORD_BYTES;
  }

  get inUseBytes(): number {
    return (this.#top - 1 - this.#freeCount) * RECORD_BYTES;
  }

  /** A record with arbitrary contents. */
  allocate(): number {
    const id = this.#freeHead;
    if (id !== 0) {
      this.#freeHead = this.hashNext(id);
      this.#freeCount -= 1;
      return id;
    }
    const fresh = this.#top;
    this.#top = fresh + 1;
    if (fresh >>> CHUNK_SHIFT === this.f64.length) {
      const buffer = new ArrayBuffer(CHUNK_RECORDS * RECORD_BYTES);
      this.f64.push(new Float64Array(buffer));
      this.u32.push(new Uint32Array(buffer));
    }
    return fresh;
  }

  release(id: number): void {
    this.setKeyLocation(id, 0);
    this.setHashNext(id, this.#freeHead);
    this.#freeHead = id;
    this.#freeCount += 1;
  }

  /** Sets the newest change: revision, flags, size of the encoded KeyValue in bytes. */
  setChange(id: number, main: number, sub: number, flags: number, sizeBytes: number): void {
    this.f64[id >>> CHUNK_SHIFT][(id & CHUNK_MASK) * STRIDE_F64 + MOD] = main;
    const words = this.u32[id >>> CHUNK_SHIFT];
    const at = (id & CHUNK_MASK) * STRIDE_U32;
    words[at + SUB] = sub;
    words[at + SIZE] = sizeBytes;
    words[at + VERSION_HIGH_AND_FLAGS] = flags;
    words[at + VERSION_LOW] = 0;
  }

  /** Sets create revision and version, after `setChange`. */
  setLife(id: number, createRevision: number, version: number): void {
    this.f64[id >>> CHUNK_SHIFT][(id & CHUNK_MASK) * STRIDE_F64 + CREATE] = createRevision;
    const words = this.u32[id >>> CHUNK_SHIFT];
    const at = (id & CHUNK_MASK) * STRIDE_U32;
    words[at + VERSION_LOW] = version % TWO_32;
    const flags = words[at + VERSION_HIGH_AND_FLAGS] & FLAG_MASK;
    words[at + VERSION_HIGH_AND_FLAGS] = packVersionHigh(version, flags);
  }

  mod(id: number): number {
    return this.f64[id >>> CHUNK_SHIFT][(id & CHUNK_MASK) * STRIDE_F64 + MOD];
  }

  create(id: number): number {
    return this.f64[id >>> CHUNK_SHIFT][(id & CHUNK_MASK) * STRIDE_F64 + CREATE];
  }

  version(id: number): number {
    const words = this.u32[id >>> CHUNK_SHIFT];
    const at = (id & CHUNK_MASK) * STRIDE_U32;
    return unpackVersion(words[at + VERSION_LOW], words[at + VERSION_HIGH_AND_FLAGS]);
  }

  flags(id: number): number {
    return this.#word(id, VERSION_HIGH_AND_FLAGS) & FLAG_MASK;
  }

  sub(id: number): number {
    return this.#word(id, SUB);
  }

  size(id: number): number {
    return this.#word(id, SIZE);
  }

  older(id: number): number {
    return this.#word(id, OLDER);
  }

  setOlder(id: number, block: number): void {
    this.#setWord(id, OLDER, block);
  }

  keyLocation(id: number): number {
    return this.#word(id, KEY);
  }

  setKeyLocation(id: number, location: number): void {
    this.#setWord(id, KEY, location);
  }

  hash(id: number): number {
    return this.#word(id, HASH);
  }

  setHash(id: number, hash: number): void {
    this.#setWord(id, HASH, hash);
  }

  hashNext(id: number): number {
    return this.#word(id, HASH_NEXT);
  }

  setHashNext(id: number, next: number): void {
    this.#setWord(id, HASH_NEXT, next);
  }

  leaf(id: number): number {
    return this.#word(id, LEAF);
  }

  setLeaf(id: number, leaf: number): void {
    this.#setWord(id, LEAF, leaf);
  }

  #word(id: number, field: number): number {
    return this.u32[id >>> CHUNK_SHIFT][(id & CHUNK_MASK) * STRIDE_U32 + field];
  }

  #setWord(id: number, field: number, value: number): void {
    this.u32[id >>> CHUNK_SHIFT][(id & CHUNK_MASK) * STRIDE_U32 + field] = value;
  }
}
