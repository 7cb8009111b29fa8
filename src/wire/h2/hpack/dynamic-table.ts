import { DecodedField } from "../headers/kind.ts";

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
  /** Stands in for evicted entries, so that the ring does not keep their strings. */
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
    this.#ring[this.#head & this.#mask] = field;
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
      this.sizeBytes -= this.at(this.count - 1).sizeBytes;
      this.#ring[(this.#head - this.count) & this.#mask] = this.#vacant;
      this.count--;
    }
  }

  #grow(): void {
    const bigger = new Array<DecodedField>(Math.max(16, 2 * (this.#mask + 1)));
    for (let age = this.count - 1, i = 0; age >= 0; age--, i++) bigger[i] = this.at(age);
    bigger.fill(this.#vacant, this.count);
    this.#ring = bigger;
    this.#mask = bigger.length - 1;
    this.#head = this.count;
  }
}
