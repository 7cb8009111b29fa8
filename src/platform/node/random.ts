import { randomFillSync } from "node:crypto";
import type { Random } from "../random.ts";

/** Fetching a block at a time makes one number cost a few ns instead of a system call. */
const BLOCK_WORDS = 1024;

/** Random numbers of the operating system, good enough for tokens and ids. */
export class NodeRandom implements Random {
  readonly #block = new Uint32Array(BLOCK_WORDS);
  #used = BLOCK_WORDS;

  uint32(): number {
    if (this.#used === BLOCK_WORDS) {
      randomFillSync(this.#block);
      this.#used = 0;
    }
    const value = this.#block[this.#used];
    this.#block[this.#used++] = 0;
    return value;
  }

  fill(target: Uint8Array): void {
    randomFillSync(target);
  }
}
