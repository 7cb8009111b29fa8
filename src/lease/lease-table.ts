import { leaseHash } from "./lease-hash.ts";
import { type LeaseId, splitLeaseId } from "./lease-id.ts";

/** Leases there is room for at first; doubled when full. A power of two. */
const CAPACITY_INITIAL = 256;
/** Buckets of the hash per lease there is room for: chains stay short. */
const BUCKETS_PER_LEASE = 2;
/** A seed is two words: the low one, and what is above it. */
const WORD = 2 ** 32;
/** An empty bucket, and no lease. */
export const NO_SLOT = 0;

/**
 * All leases in typed arrays, about 60 bytes each, found by id through a hash. A lease is named by
 * its slot, from 1; slots are used again. The heap of the process does not grow with leases.
 *
 * Invariant: a free slot has `ttl` 0, and no bucket names it.
 */
export class LeaseTable {
  #capacity = CAPACITY_INITIAL;
  #high = new Int32Array(CAPACITY_INITIAL);
  #low = new Int32Array(CAPACITY_INITIAL);
  /** Slots by hash of id: open addressing, linear. */
  #buckets = new Uint32Array(CAPACITY_INITIAL * BUCKETS_PER_LEASE);
  /** Granted time to live, seconds. */
  ttl = new Float64Array(CAPACITY_INITIAL);
  /** What was left of it at the last checkpoint, seconds; 0 when there was none. */
  remaining = new Float64Array(CAPACITY_INITIAL);
  /** Checkpoints of it that are in the log, not applied yet. */
  checkpointing = new Uint16Array(CAPACITY_INITIAL);
  /** When it expires, monotonic ms; Infinity while somebody else decides that. */
  expiryMs = new Float64Array(CAPACITY_INITIAL);
  /** The first attached key (see Attachments) and how many there are. */
  firstKey = new Uint32Array(CAPACITY_INITIAL);
  keyCount = new Uint32Array(CAPACITY_INITIAL);
  /** Differs between two leases that had the same slot. */
  life = new Uint32Array(CAPACITY_INITIAL);
  readonly #free: number[] = [];
  readonly #seedLow: number;
  readonly #seedHigh: number;
  readonly #id: LeaseId = { high: 0, low: 0 };
  #top = 1;
  #size = 0;

  /** `seed`: up to 53 unpredictable bits, as clients choose the ids. */
  constructor(seed: number) {
    this.#seedLow = (seed % WORD) | 0;
    this.#seedHigh = Math.floor(seed / WORD) | 0;
  }

  /** Leases there are. */
  get size(): number {
    return this.#size;
  }

  /** Every slot is below it. */
  get top(): number {
    return this.#top;
  }

  /** Half of the id, signed 32 bits. */
  high(slot: number): number {
    return this.#high[slot]!;
  }

  low(slot: number): number {
    return this.#low[slot]!;
  }

  /** Slot of the lease with this id, or NO_SLOT. */
  find(high: number, low: number): number {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    for (let at = this.#hash(high, low) & mask; ; at = (at + 1) & mask) {
      const slot = buckets[at]!;
      if (slot === NO_SLOT) return NO_SLOT;
      if (this.#low[slot] === low && this.#high[slot] === high) return slot;
    }
  }

  /** The same for an id as the wire has it. */
  findId(id: bigint): number {
    splitLeaseId(id, this.#id);
    return this.find(this.#id.high, this.#id.low);
  }

  /** Adds a lease that is not there, with all numbers but its ttl 0. */
  add(id: bigint, ttlSeconds: number): number {
    splitLeaseId(id, this.#id);
    const { high, low } = this.#id;
    const slot = this.#free.pop() ?? this.#takeFresh();
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.ttl[slot] = ttlSeconds;
    this.remaining[slot] = 0;
    this.checkpointing[slot] = 0;
    this.expiryMs[slot] = Number.POSITIVE_INFINITY;
    this.firstKey[slot] = 0;
    this.keyCount[slot] = 0;
    this.life[slot]! += 1;
    this.#size += 1;
    this.#enter(slot);
    return slot;
  }

  /** Takes a lease out. */
  remove(slot: number): void {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    let hole = this.#hash(this.#high[slot]!, this.#low[slot]!) & mask;
    while (buckets[hole] !== slot) hole = (hole + 1) & mask;
    // Whoever could not have its own bucket because of this one moves up.
    for (let at = (hole + 1) & mask; buckets[at] !== NO_SLOT; at = (at + 1) & mask) {
      const other = buckets[at]!;
      const home = this.#hash(this.#high[other]!, this.#low[other]!) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      buckets[hole] = other;
      hole = at;
    }
    buckets[hole] = NO_SLOT;
    this.ttl[slot] = 0;
    this.#size -= 1;
    this.#free.push(slot);
  }

  #enter(slot: number): void {
    const buckets = this.#buckets;
    const mask = buckets.length - 1;
    let at = this.#hash(this.#high[slot]!, this.#low[slot]!) & mask;
    while (buckets[at] !== NO_SLOT) at = (at + 1) & mask;
    buckets[at] = slot;
  }

  #takeFresh(): number {
    if (this.#top === this.#capacity) this.#grow();
    this.#top += 1;
    return this.#top - 1;
  }

  #grow(): void {
    this.#capacity *= 2;
    const capacity = this.#capacity;
    this.#high = grown(this.#high, new Int32Array(capacity));
    this.#low = grown(this.#low, new Int32Array(capacity));
    this.ttl = grown(this.ttl, new Float64Array(capacity));
    this.remaining = grown(this.remaining, new Float64Array(capacity));
    this.checkpointing = grown(this.checkpointing, new Uint16Array(capacity));
    this.expiryMs = grown(this.expiryMs, new Float64Array(capacity));
    this.firstKey = grown(this.firstKey, new Uint32Array(capacity));
    this.keyCount = grown(this.keyCount, new Uint32Array(capacity));
    this.life = grown(this.life, new Uint32Array(capacity));
    this.#buckets = new Uint32Array(capacity * BUCKETS_PER_LEASE);
    for (let slot = 1; slot < this.#top; slot++) if (this.ttl[slot]! > 0) this.#enter(slot);
  }

  #hash(high: number, low: number): number {
    return leaseHash(high, low, this.#seedLow, this.#seedHigh);
  }
}

interface Settable<T> {
  set(from: T): void;
}

function grown<T extends Settable<T>>(from: T, to: T): T {
  to.set(from);
  return to;
}
