import { assert } from "../../base/assert.ts";

/**
 * The window of append messages that are under way to one peer: a ring of last index and payload
 * bytes of each. Grows by doubling up to its limit and allocates nothing otherwise.
 */
export class Inflights {
  readonly #countMax: number;
  readonly #bytesMax: number;
  #start = 0;
  #count = 0;
  #bytes = 0;
  /** Last index and bytes of a message side by side; empty until the first is sent. */
  #ring: Float64Array = new Float64Array(0);

  /** `bytesMax` 0 is no limit; the limit is soft by the message that crosses it. */
  constructor(countMax: number, bytesMax: number) {
    this.#countMax = countMax;
    this.#bytesMax = bytesMax;
  }

  /** Messages under way. */
  get count(): number {
    return this.#count;
  }

  /** True when nothing more may be sent. */
  get isFull(): boolean {
    return (
      this.#count === this.#countMax || (this.#bytesMax !== 0 && this.#bytes >= this.#bytesMax)
    );
  }

  /** A message whose last entry is `lastIndex` left. @throws AssertionError when full. */
  add(lastIndex: number, bytes: number): void {
    assert(!this.isFull, "cannot add into a Full inflights");
    if (this.#count * 2 === this.#ring.length) this.#grow();
    const at = (2 * (this.#start + this.#count)) % this.#ring.length;
    this.#ring[at] = lastIndex;
    this.#ring[at + 1] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Everything up to `index` (inclusive) arrived. */
  freeTo(index: number): void {
    while (this.#count > 0 && this.#ring[2 * this.#start]! <= index) {
      this.#bytes -= this.#ring[2 * this.#start + 1]!;
      this.#start = (this.#start + 1) % (this.#ring.length / 2);
      this.#count -= 1;
    }
  }

  /** Last index of each message under way, oldest first, for inspection. */
  lastIndexes(): number[] {
    const slots = this.#ring.length / 2;
    return Array.from({ length: this.#count }, (_, at) => {
      return this.#ring[2 * ((this.#start + at) % slots)]!;
    });
  }

  /** Forgets all; the memory is kept. */
  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const slots = this.#ring.length / 2;
    const grown = new Float64Array(2 * Math.min(Math.max(1, slots * 2), this.#countMax));
    const head = this.#ring.subarray(2 * this.#start);
    grown.set(head);
    grown.set(this.#ring.subarray(0, 2 * this.#start), head.length);
    this.#ring = grown;
    this.#start = 0;
  }
}
