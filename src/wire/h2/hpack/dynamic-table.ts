import { DecodedField } from "../headers/kind.ts";

/**
 * Evicted entries up to this size stay in the ring until their place is needed: a request brings
 * one such entry (`grpc-timeout`), and a store into an old object costs more than it frees.
 */
const keptSizeBytes = 128;

/**
 * Dynamic table of a decoder: a ring of ready-made fields, newest first (RFC 7541 §2.3.2).
 *
 * Invariant: sizeBytes is the sum of the sizes of the entries held and never above maxBytes.
 */
export class DynamicTable {
  maxBytes: number;
  sizeBytes = 0;
  count = 0;
  /** Length is a power of two; `#head` counts all insertions ever and names the next place. */
  #ring: DecodedField[] = [];
  #head = 0;
  #mask = -1;
  /** Sizes of the entries in the places of the ring: evicting needs no look at the entry itself. */
  #sizes = new Int32Array(0);
  /** Stands in for evicted entries that are large, so that the ring does not keep their strings. */
  readonly #vacant = new DecodedField("", "", 0);

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The entry at `age` (0 is the newest; must be below `count`). */
  at(age: number): DecodedField {
    return this.#ring[(this.#head - 1 - age) & this.#mask];
  }

  /**
   * Adds an entry, evicting old ones; an entry above the whole size just empties the table (§4.4).
   */
  insert(field: DecodedField): void {
    const size = field.sizeBytes;
    this.#shrinkTo(this.maxBytes - size);
    if (size > this.maxBytes) return;
    if (this.count > this.#mask) this.#grow();
    const place = this.#head & this.#mask;
    this.#ring[place] = field;
    this.#sizes[place] = size;
    this.#head = (this.#head + 1) | 0;
    this.count++;
    this.sizeBytes += size;
  }

  /** Sets the size that the peer asked for (§4.3). */
  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#shrinkTo(maxBytes);
  }

  /** Evicts until at most `bytes` are held. */
  #shrinkTo(bytes: number): void {
    while (this.sizeBytes > bytes && this.count > 0) {
      const place = (this.#head - this.count) & this.#mask;
      const size = this.#sizes[place];
      this.sizeBytes -= size;
      if (size > keptSizeBytes) this.#ring[place] = this.#vacant;
      this.count--;
    }
  }

  #grow(): void {
    const bigger = new Array<DecodedField>(Math.max(16, 2 * (this.#mask + 1)));
    const sizes = new Int32Array(bigger.length);
    for (let age = this.count - 1, i = 0; age >= 0; age--, i++) {
      bigger[i] = this.at(age);
      sizes[i] = bigger[i].sizeBytes;
    }
    bigger.fill(this.#vacant, this.count);
    this.#ring = bigger;
    this.#sizes = sizes;
    this.#mask = bigger.length - 1;
    this.#head = this.count;
  }
}
