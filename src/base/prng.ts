import { assert } from "./assert.ts";

/**
 * A small fast generator (sfc32 by Chris Doty-Humphrey), for simulation and jitter; not for
 * secrets. The same seed gives the same sequence on every machine.
 */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any finite number; its integer part modulo 2^64 counts. */
  constructor(seed: number) {
    this.#a = 0x9e3779b9;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = seed | 0;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** Uniform over [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform over [0, 1), 32 bits of it. */
  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** Uniform over the integers [0, bound), for bounds up to 2^32; bias below 2^-32 a value. */
  below(bound: number): number {
    assert(bound >= 1 && bound <= 0x1_0000_0000, `bound ${bound} of a random number`);
    return Math.floor(this.float() * bound);
  }

  /** Uniform over the integers [low, high], both inclusive. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with `probability`. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** Fills `target` with random bytes. */
  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.uint32() >>> 24;
  }

  /** A generator of its own, so that one part drawing more does not change another part. */
  fork(): Prng {
    return new Prng(this.uint32() * 0x20_0000 + (this.uint32() >>> 11));
  }
}
