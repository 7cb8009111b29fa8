import { assert } from "../../base/assert.ts";
import type { ByteSpan } from "../../base/span.ts";
import type { Records } from "./records.ts";

/** Bucket heads in one typed array (64 KiB). */
const PAGE_SHIFT = 14;
const PAGE_BUCKETS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_BUCKETS - 1;
/**
 * Shrinks when there are this many buckets per key; above 1, the growing rule, by enough not to
 * swing.
 */
const BUCKETS_PER_KEY_MAX = 3;

/** A 32-bit hash of the bytes that a span names; `seed` changes all of it. */
export function hashKey(key: ByteSpan, seed: number): number {
  const { bytes, end } = key;
  let at = key.start;
  let h = Math.imul(seed ^ (end - at), 0x9e3779b1);
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    h = Math.imul(h ^ word, 0x85ebca6b);
    h ^= h >>> 15;
  }
  let tail = 0;
  for (; at < end; at++) tail = (tail << 8) | bytes[at];
  h = Math.imul(h ^ tail, 0xc2b2ae35);
  h ^= h >>> 13;
  h = Math.imul(h, 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Chains of records by hash, one bucket per key, as linear hashing: every insert splits at most one
 * bucket, every removal joins at most one, so nothing here ever takes long, whatever the key count.
 */
export class KeyHash {
  readonly #records: Records;
  readonly #pages: Uint32Array[] = [new Uint32Array(PAGE_BUCKETS)];
  /** Buckets in use: `#low` plus those already split. */
  #buckets = 1;
  /** The largest power of two ≤ #buckets. */
  #low = 1;
  #count = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  get count(): number {
    return this.#count;
  }

  get capacityBytes(): number {
    return this.#pages.length * PAGE_BUCKETS * 4;
  }

  /** Makes room for `count` keys at once, while there are none. */
  reserve(count: number): void {
    assert(this.#count === 0, "hash: room is made before the first key");
    const buckets = Math.max(1, count);
    while (this.#pages.length * PAGE_BUCKETS < buckets) {
      this.#pages.push(new Uint32Array(PAGE_BUCKETS));
    }
    this.#buckets = buckets;
    while (this.#low * 2 <= buckets) this.#low *= 2;
  }

  /** The first record of the chain that `hash` belongs to, 0 for none; go on with `hashNext`. */
  first(hash: number): number {
    const bucket = this.#bucketOf(hash);
    return this.#pages[bucket >>> PAGE_SHIFT][bucket & PAGE_MASK];
  }

  /** Adds a record, whose hash is set already. */
  add(record: number): void {
    this.#count += 1;
    if (this.#count > this.#buckets) this.#split();
    this.#link(this.#bucketOf(this.#records.hash(record)), record);
  }

  remove(record: number): void {
    const records = this.#records;
    const bucket = this.#bucketOf(records.hash(record));
    const page = this.#pages[bucket >>> PAGE_SHIFT];
    const next = records.hashNext(record);
    let previous = page[bucket & PAGE_MASK];
    if (previous === record) {
      page[bucket & PAGE_MASK] = next;
    } else {
      while (records.hashNext(previous) !== record) previous = records.hashNext(previous);
      records.setHashNext(previous, next);
    }
    this.#count -= 1;
    if (this.#buckets > BUCKETS_PER_KEY_MAX * this.#count && this.#buckets > 1) this.#join();
  }

  #bucketOf(hash: number): number {
    const wide = (hash & (this.#low * 2 - 1)) >>> 0;
    return wide < this.#buckets ? wide : (hash & (this.#low - 1)) >>> 0;
  }

  #link(bucket: number, record: number): void {
    const page = this.#pages[bucket >>> PAGE_SHIFT];
    this.#records.setHashNext(record, page[bucket & PAGE_MASK]);
    page[bucket & PAGE_MASK] = record;
  }

  #split(): void {
    const added = this.#buckets;
    const source = added - this.#low;
    if (added >>> PAGE_SHIFT === this.#pages.length) {
      this.#pages.push(new Uint32Array(PAGE_BUCKETS));
    }
    this.#buckets = added + 1;
    let record = this.#take(source);
    if (this.#buckets === this.#low * 2) this.#low = this.#buckets;
    while (record !== 0) {
      const next = this.#records.hashNext(record);
      this.#link(this.#bucketOf(this.#records.hash(record)), record);
      record = next;
    }
  }

  #join(): void {
    const removed = this.#buckets - 1;
    let record = this.#take(removed);
    if (removed < this.#low) this.#low /= 2;
    this.#buckets = removed;
    while (record !== 0) {
      const next = this.#records.hashNext(record);
      this.#link(this.#bucketOf(this.#records.hash(record)), record);
      record = next;
    }
    // One page stays in reserve, so that a count that goes up and down allocates nothing.
    if ((removed >>> PAGE_SHIFT) + 2 < this.#pages.length) this.#pages.pop();
  }

  #take(bucket: number): number {
    const page = this.#pages[bucket >>> PAGE_SHIFT];
    const first = page[bucket & PAGE_MASK];
    page[bucket & PAGE_MASK] = 0;
    return first;
  }
}
