import { compareToStored } from "./key-bytes.ts";
import type { ByteSpan } from "../../base/span.ts";
import type { Slab } from "../../base/slab.ts";
import type { Records } from "./records.ts";

const SLOTS_INITIAL = 1 << 16;
/** A fuller table makes for long ways to a free slot. */
const LOAD_MAX = 3 / 4;
/** Hash and record. */
const SLOT_WORDS = 2;

/**
 * Records by hash while an index is loaded in bulk. A key that is not there, nearly every one,
 * costs one wait for memory, and none with `touch` some time before; the chains of KeyHash cost
 * three, for they lead through the records.
 */
export class LoadTable {
  readonly #records: Records;
  readonly #keys: Slab;
  /** Open addressing; record 0: free. */
  #slots = new Uint32Array(SLOTS_INITIAL * SLOT_WORDS);
  #mask = SLOTS_INITIAL - 1;
  #count = 0;

  constructor(records: Records, keys: Slab) {
    this.#records = records;
    this.#keys = keys;
  }

  /** Reads what `find` will, so that many such waits go side by side; the result means nothing. */
  touch(hash: number): number {
    return this.#slots[(hash & this.#mask) * SLOT_WORDS]!;
  }

  /** The record of a key, 0 when there is none. */
  find(key: ByteSpan, hash: number): number {
    const slots = this.#slots;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const record = slots[slot * SLOT_WORDS + 1]!;
      if (record === 0) return 0;
      if (slots[slot * SLOT_WORDS] !== hash) continue;
      if (compareToStored(key, this.#keys, this.#records.keyLocation(record), 0) === 0) {
        return record;
      }
    }
  }

  /** Adds a record that is not there. */
  add(record: number, hash: number): void {
    this.#count += 1;
    if (this.#count > (this.#mask + 1) * LOAD_MAX) this.#grow();
    this.#put(record, hash);
  }

  #put(record: number, hash: number): void {
    const slots = this.#slots;
    let slot = hash & this.#mask;
    while (slots[slot * SLOT_WORDS + 1] !== 0) slot = (slot + 1) & this.#mask;
    slots[slot * SLOT_WORDS] = hash;
    slots[slot * SLOT_WORDS + 1] = record;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < before.length; at += SLOT_WORDS) {
      const record = before[at + 1]!;
      if (record !== 0) this.#put(record, before[at]!);
    }
  }
}
