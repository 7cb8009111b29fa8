import { assert } from "./assert.ts";

/** 1 MiB: one allocation does not pause, and a thousand of them hold a gigabyte. */
const SEGMENT_BYTES = 1 << 20;
/** A larger block gets a segment of its own, so that a segment's unused tail is below a quarter. */
const BLOCK_BYTES_MAX = SEGMENT_BYTES / 4;
/** Empty segments kept for reuse instead of going back to the collector. */
const SPARE_SEGMENTS_MAX = 4;
/** Before each block: its length, the top bit set once it is free. */
const HEADER_BYTES = 4;
const FREED = 0x8000_0000;
/** Reclaiming begins when more than this share of the live bytes is waste … */
const WASTE_SHARE_MAX = 1 / 3;
/** … and more than this at all. */
const WASTE_BYTES_MAX = 4 * SEGMENT_BYTES;

interface Segment {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** Bytes handed out so far, headers and padding included. */
  usedBytes: number;
  /** Of those in blocks that are not free. */
  liveBytes: number;
}

/**
 * Blocks of bytes outside the garbage-collected heap: bump allocation in segments, a segment is
 * reused once all its blocks are free, and `reclaim` empties sparse ones by asking the owner to
 * move what lives there. A block is named by a location: a number in [1, 2^32), 0 never.
 *
 * Invariant S1: waste after `reclaim` has run to its end ≤ max(4 MiB, a third of the live bytes)
 * and the unused tail of the segment being filled.
 */
export class Slab {
  readonly #segments: (Segment | null)[] = [];
  readonly #freeIndexes: number[] = [];
  readonly #spares: Segment[] = [];
  readonly #unitShift: number;
  readonly #indexShift: number;
  readonly #unitMask: number;
  #current = -1;
  #capacityBytes = 0;
  #liveBytes = 0;
  #victim = -1;
  #victimAt = 0;

  /**
   * Blocks begin at multiples of 2^unitShift bytes, 2 to 6. The larger, the more padding and the
   * more memory can be named: 2^(32 + unitShift) bytes.
   */
  constructor(unitShift: number) {
    assert(unitShift >= 2 && unitShift <= 6, "slab: unit out of range");
    this.#unitShift = unitShift;
    this.#indexShift = 20 - unitShift;
    this.#unitMask = (1 << this.#indexShift) - 1;
  }

  /** Memory held, in bytes. */
  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  /** Memory in blocks that are not free, headers and padding included. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** A block of `length` bytes, not zeroed. */
  alloc(length: number): number {
    const unitBytes = 1 << this.#unitShift;
    const size = (length + HEADER_BYTES + unitBytes - 1) & -unitBytes;
    if (size > BLOCK_BYTES_MAX) return this.#allocLarge(length, size);
    let segment = this.#current < 0 ? null : this.#segments[this.#current];
    if (segment === null || segment.usedBytes + size > SEGMENT_BYTES) {
      segment = this.#openSegment();
    }
    const at = segment.usedBytes;
    segment.usedBytes = at + size;
    segment.liveBytes += size;
    this.#liveBytes += size;
    segment.words[(at >>> 2) - 1] = length;
    return ((this.#current << this.#indexShift) | (at >>> this.#unitShift)) >>> 0;
  }

  /** The memory that holds the block, from `start(location)` for `length(location)` bytes. */
  bytes(location: number): Uint8Array {
    return this.#segments[location >>> this.#indexShift]!.bytes;
  }

  start(location: number): number {
    return (location & this.#unitMask) << this.#unitShift;
  }

  length(location: number): number {
    const segment = this.#segments[location >>> this.#indexShift]!;
    return segment.words[(((location & this.#unitMask) << this.#unitShift) >>> 2) - 1];
  }

  /** Gives the block back. Its bytes stay readable until the next `alloc`. */
  free(location: number): void {
    const index = location >>> this.#indexShift;
    const segment = this.#segments[index]!;
    const word = (this.start(location) >>> 2) - 1;
    const length = segment.words[word];
    assert(length < FREED, "slab: block freed twice");
    segment.words[word] = (length | FREED) >>> 0;
    const unitBytes = 1 << this.#unitShift;
    const size = (length + HEADER_BYTES + unitBytes - 1) & -unitBytes;
    segment.liveBytes -= size;
    this.#liveBytes -= size;
    if (segment.liveBytes === 0) this.#emptied(index, segment);
  }

  /**
   * Empties sparse segments when there is too much waste: calls `move` for at most about `maxBytes`
   * of live blocks. `move` must allocate a new block, copy, and free the old one. True while there
   * is more to do.
   */
  reclaim(maxBytes: number, move: (location: number) => void): boolean {
    let budget = maxBytes;
    while (budget > 0) {
      if (this.#victim < 0 && !this.#pickVictim()) return false;
      budget -= this.#emptyVictim(budget, move);
    }
    return true;
  }

  #emptied(index: number, segment: Segment): void {
    if (index === this.#current) {
      segment.usedBytes = 1 << this.#unitShift;
      return;
    }
    this.#segments[index] = null;
    this.#freeIndexes.push(index);
    if (index === this.#victim) this.#victim = -1;
    if (segment.bytes.length === SEGMENT_BYTES && this.#spares.length < SPARE_SEGMENTS_MAX) {
      this.#spares.push(segment);
    } else {
      this.#capacityBytes -= segment.bytes.length;
    }
  }

  #openSegment(): Segment {
    const last = this.#current;
    let segment = this.#spares.pop();
    if (segment === undefined) {
      segment = this.#newSegment(SEGMENT_BYTES);
    } else {
      segment.usedBytes = 1 << this.#unitShift;
    }
    this.#current = this.#place(segment);
    if (last >= 0) {
      const full = this.#segments[last]!;
      if (full.liveBytes === 0) this.#emptied(last, full);
    }
    return segment;
  }

  #allocLarge(length: number, size: number): number {
    const first = 1 << this.#unitShift;
    const segment = this.#newSegment(first + size);
    segment.usedBytes += size;
    segment.liveBytes = size;
    this.#liveBytes += size;
    segment.words[(first >>> 2) - 1] = length;
    return ((this.#place(segment) << this.#indexShift) | 1) >>> 0;
  }

  #newSegment(size: number): Segment {
    const buffer = new ArrayBuffer(size);
    this.#capacityBytes += size;
    return {
      bytes: new Uint8Array(buffer),
      words: new Uint32Array(buffer),
      usedBytes: 1 << this.#unitShift,
      liveBytes: 0,
    };
  }

  #place(segment: Segment): number {
    const index = this.#freeIndexes.pop() ?? this.#segments.length;
    assert(index < 2 ** (32 - this.#indexShift), "slab: more segments than locations can name");
    this.#segments[index] = segment;
    return index;
  }

  #pickVictim(): boolean {
    const waste = this.#capacityBytes - this.#liveBytes - this.#spares.length * SEGMENT_BYTES;
    if (waste <= WASTE_BYTES_MAX || waste <= this.#liveBytes * WASTE_SHARE_MAX) return false;
    let leastLive = SEGMENT_BYTES * (1 - WASTE_SHARE_MAX / 2);
    for (let i = 0; i < this.#segments.length; i++) {
      const segment = this.#segments[i];
      if (segment === null || i === this.#current) continue;
      if (segment.bytes.length !== SEGMENT_BYTES || segment.liveBytes >= leastLive) continue;
      leastLive = segment.liveBytes;
      this.#victim = i;
    }
    this.#victimAt = 1 << this.#unitShift;
    return this.#victim >= 0;
  }

  #emptyVictim(budget: number, move: (location: number) => void): number {
    const index = this.#victim;
    const segment = this.#segments[index]!;
    const unitBytes = 1 << this.#unitShift;
    let spent = 0;
    while (this.#victim === index && spent < budget) {
      assert(this.#victimAt < segment.usedBytes, "slab: a block was not moved");
      const header = segment.words[(this.#victimAt >>> 2) - 1];
      const at = this.#victimAt;
      const size = ((header & ~FREED) + HEADER_BYTES + unitBytes - 1) & -unitBytes;
      this.#victimAt = at + size;
      // Skipping a free block costs something too: without it a pass over them has no bound.
      spent += header >= FREED ? unitBytes : size;
      if (header < FREED) move(((index << this.#indexShift) | (at >>> this.#unitShift)) >>> 0);
    }
    return spent;
  }
}
