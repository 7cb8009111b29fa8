import { Prng } from "../../base/prng.ts";
import type { Random } from "../../platform/random.ts";

/** Random numbers that repeat with the seed. */
export class SeededRandom implements Random {
  readonly #prng: Prng;

  constructor(seed: number | Prng) {
    this.#prng = typeof seed === "number" ? new Prng(seed) : seed;
  }

  uint32(): number {
    return this.#prng.uint32();
  }

  fill(target: Uint8Array): void {
    this.#prng.fill(target);
  }
}
