import { newSpan } from "../../base/span.ts";
import type { Slab } from "../../base/slab.ts";
import type { Sliced } from "../../base/sliced.ts";
import {
  compareToStored,
  HEAD_BYTES,
  headAt,
  sharedWithStored,
  spanOfStored,
} from "./key-bytes.ts";
import type { Records } from "./records.ts";

/** Up to so many keys are put in order one by one. */
const INSERTED_MAX = 16;
/** Up to so many are sorted at once: a millisecond, and 128 KiB of scratch space. */
const SORTED_MAX = 16 * 1024;
/** Bytes by which more than that are parted. */
const DIGIT_BYTES = 2;
const DIGITS = 1 << (8 * DIGIT_BYTES);
/** Keys that are looked at between two pauses. */
const PAUSE_KEYS = 4096;
/** Which half of a word of 64 bits counts more. */
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0]!;

/**
 * All records by key, while none was removed. Sorts by the bytes of the keys (most significant
 * first): large sets are parted by two bytes, small ones sorted as numbers of 64 bits, four bytes
 * of the key above the record's id.
 */
export function* recordsInOrder(records: Records, keys: Slab): Sliced<Uint32Array> {
  const order = new Uint32Array(records.top - 1);
  for (let i = 0; i < order.length; i++) order[i] = i + 1;
  yield* new KeySort(records, keys, order).run();
  return order;
}

/** Invariant: the keys of a range on the stack are equal in their first `prefix` bytes. */
class KeySort {
  readonly #records: Records;
  readonly #keys: Slab;
  readonly #order: Uint32Array;
  /** Where keys are, by record: records themselves lie too far apart. */
  readonly #locations: Uint32Array;
  /** Where large ranges are parted, and the two bytes that each of their keys goes by. */
  readonly #spare: Uint32Array;
  readonly #digits: Uint16Array;
  /** The four bytes behind those two, so that most keys are not looked at again. */
  readonly #heads: Uint32Array;
  readonly #spareHeads: Uint32Array;
  readonly #starts = new Uint32Array(DIGITS + 1);
  readonly #words: BigUint64Array;
  readonly #halves: Uint32Array;
  /** Begin, end and prefix of each range that is not in order yet. */
  readonly #stack: number[] = [];
  readonly #key = newSpan();
  #untilPause = PAUSE_KEYS;

  constructor(records: Records, keys: Slab, order: Uint32Array) {
    this.#keys = keys;
    this.#order = order;
    this.#records = records;
    this.#locations = new Uint32Array(records.top);
    const partedKeys = order.length > SORTED_MAX ? order.length : 0;
    this.#spare = new Uint32Array(partedKeys);
    this.#digits = new Uint16Array(partedKeys);
    this.#heads = new Uint32Array(partedKeys);
    this.#spareHeads = new Uint32Array(partedKeys);
    this.#words = new BigUint64Array(Math.min(order.length, SORTED_MAX));
    this.#halves = new Uint32Array(this.#words.buffer);
  }

  *run(): Sliced<void> {
    for (let id = 1; id < this.#records.top; id++) {
      this.#locations[id] = this.#records.keyLocation(id);
      this.#untilPause -= 1;
      if (this.#isPauseDue()) yield;
    }
    const stack = this.#stack;
    stack.push(0, this.#order.length, 0);
    while (stack.length > 0) {
      const prefix = stack.pop()!;
      const end = stack.pop()!;
      const start = stack.pop()!;
      if (end - start > SORTED_MAX) yield* this.#part(start, end, prefix);
      else this.#sort(start, end, prefix);
      this.#untilPause -= end - start;
      if (this.#isPauseDue()) yield;
    }
  }

  #isPauseDue(): boolean {
    if (this.#untilPause > 0) return false;
    this.#untilPause = PAUSE_KEYS;
    return true;
  }

  #location(at: number): number {
    return this.#locations[this.#order[at]!]!;
  }

  #sort(start: number, end: number, prefix: number): void {
    if (end - start <= INSERTED_MAX) {
      this.#insert(start, end, prefix);
      return;
    }
    const count = end - start;
    const shared = this.#shared(start, end, prefix, start + 1, Infinity);
    const halves = this.#halves;
    const order = this.#order;
    for (let i = 0; i < count; i++) {
      halves[2 * i + HIGH] = headAt(this.#keys, this.#location(start + i), shared);
      halves[2 * i + 1 - HIGH] = order[start + i]!;
    }
    this.#sortWords(start, count, shared);
  }

  /** Sorts a range by the words that were filled: four bytes from `shared` on, and the record. */
  #sortWords(start: number, count: number, shared: number): void {
    const halves = this.#halves;
    const order = this.#order;
    this.#words.subarray(0, count).sort();
    let from = start;
    for (let i = 0; i < count; i++) {
      order[start + i] = halves[2 * i + 1 - HIGH]!;
      const head = halves[2 * i + HIGH]!;
      if (i + 1 < count && halves[2 * i + 2 + HIGH] === head) continue;
      const isPadded = (head & 0xff) === 0;
      this.#same(from, start + i + 1, { from: shared, bytes: HEAD_BYTES, isPadded });
      from = start + i + 1;
    }
  }

  /** Puts the keys of a large range in order by their next two bytes. */
  *#part(start: number, end: number, prefix: number): Sliced<void> {
    let shared = Infinity;
    for (let at = start + 1; at < end; at += PAUSE_KEYS) {
      shared = this.#shared(start, Math.min(end, at + PAUSE_KEYS), prefix, at, shared);
      yield;
    }
    const starts = this.#starts.fill(0);
    const digits = this.#digits;
    for (let i = start; i < end; i++) {
      const location = this.#location(i);
      const digit = headAt(this.#keys, location, shared) >>> 16;
      digits[i] = digit;
      this.#heads[i] = headAt(this.#keys, location, shared + DIGIT_BYTES);
      starts[digit + 1]! += 1;
      this.#untilPause -= 1;
      if (this.#isPauseDue()) yield;
    }
    for (let digit = 0; digit < DIGITS; digit++) starts[digit + 1]! += starts[digit]!;
    yield* this.#scatter(start, end);
    // Where a digit begins is now where the one before ends.
    let from = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const to = starts[digit]!;
      this.#parted(start + from, start + to, digit, shared);
      this.#untilPause -= to - from;
      from = to;
      if (this.#isPauseDue()) yield;
    }
  }

  /** Moves the keys of a range to where their digits belong. */
  *#scatter(start: number, end: number): Sliced<void> {
    const starts = this.#starts;
    const digits = this.#digits;
    for (let i = start; i < end; i++) {
      const to = start + starts[digits[i]!]!++;
      this.#spare[to] = this.#order[i]!;
      this.#spareHeads[to] = this.#heads[i]!;
      this.#untilPause -= 1;
      if (this.#isPauseDue()) yield;
    }
    this.#order.set(this.#spare.subarray(start, end), start);
    yield;
  }

  /** Keys with the same digit at `shared`, whose next four bytes are known. */
  #parted(start: number, end: number, digit: number, shared: number): void {
    const count = end - start;
    const isPadded = (digit & 0xff) === 0;
    if (count < 2 || count > SORTED_MAX || isPadded) {
      this.#same(start, end, { from: shared, bytes: DIGIT_BYTES, isPadded });
      return;
    }
    const halves = this.#halves;
    for (let i = 0; i < count; i++) {
      halves[2 * i + HIGH] = this.#spareHeads[start + i]!;
      halves[2 * i + 1 - HIGH] = this.#order[start + i]!;
    }
    this.#sortWords(start, count, shared + DIGIT_BYTES);
  }

  /**
   * Keys that are equal in `bytes` bytes from `from` on, where a key that ends counts as zeros:
   * those that end there come first, the others go on the stack.
   */
  #same(
    start: number,
    end: number,
    where: { readonly from: number; readonly bytes: number; readonly isPadded: boolean },
  ): void {
    if (end - start < 2) return;
    if (end - start <= INSERTED_MAX) {
      this.#insert(start, end, where.from);
      return;
    }
    const prefix = where.from + where.bytes;
    const begin = where.isPadded ? this.#shortFirst(start, end, prefix) : start;
    this.#stack.push(begin, end, prefix);
  }

  /** Keys shorter than `prefix`, one of each length at most, come first; returns their end. */
  #shortFirst(start: number, end: number, prefix: number): number {
    const order = this.#order;
    let begin = start;
    for (let i = start; i < end; i++) {
      if (this.#keys.length(this.#location(i)) >= prefix) continue;
      const short = order[i]!;
      order[i] = order[begin]!;
      order[begin] = short;
      begin += 1;
    }
    this.#insert(start, begin, 0);
    return begin;
  }

  /** How many first bytes, `limit` at most, the keys in [from, end) share with that at `start`. */
  #shared(start: number, end: number, prefix: number, from: number, limit: number): number {
    spanOfStored(this.#keys, this.#location(start), this.#key);
    let shared = limit;
    for (let i = from; i < end && shared > prefix; i++) {
      shared = sharedWithStored(this.#key, this.#keys, this.#location(i), shared);
    }
    return shared;
  }

  #insert(start: number, end: number, prefix: number): void {
    const order = this.#order;
    for (let i = start + 1; i < end; i++) {
      const record = order[i]!;
      spanOfStored(this.#keys, this.#locations[record]!, this.#key);
      let at = i;
      for (; at > start; at--) {
        if (compareToStored(this.#key, this.#keys, this.#location(at - 1), prefix) > 0) break;
        order[at] = order[at - 1]!;
      }
      order[at] = record;
    }
  }
}
