import type { Token } from "../rpc.ts";

/**
 * Calls of Compact with physical = true: they are answered, well or badly, when no compaction work
 * is left (semantics.md CMP2).
 */
export class CompactionWaits {
  readonly #physical = new Set<Token>();
  readonly #waiting: (() => void)[] = [];
  readonly #isWorking: () => boolean;

  /** `isWorking`: a compaction that was accepted is not carried out and committed yet. */
  constructor(isWorking: () => boolean) {
    this.#isWorking = isWorking;
  }

  expect(token: Token): void {
    this.#physical.add(token);
  }

  /** Calls `answer` now, unless `token` is physical and there is work. */
  afterWork(token: Token, answer: () => void): void {
    if (this.#physical.delete(token) && this.#isWorking()) this.#waiting.push(answer);
    else answer();
  }

  /** The work is done. */
  finished(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }

  cancel(token: Token): void {
    this.#physical.delete(token);
  }
}
