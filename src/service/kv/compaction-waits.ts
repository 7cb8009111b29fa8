import type { Token } from "../rpc.ts";

/**
 * Calls of Compact with physical = true: they are answered, well or badly, when no compaction work
 * is left (semantics.md CMP2).
 */
export class CompactionWaits {
  readonly #physical = new Set<Token>();
  readonly #waiting = new Map<Token, () => void>();
  readonly #isWorking: () => boolean;

  /** `isWorking`: a compaction that was accepted is not carried out and committed yet. */
  constructor(isWorking: () => boolean) {
    this.#isWorking = isWorking;
  }

  /** Calls that are known here. */
  get size(): number {
    return this.#physical.size + this.#waiting.size;
  }

  expect(token: Token): void {
    this.#physical.add(token);
  }

  /** Calls `answer` now, unless `token` is physical and there is work. */
  afterWork(token: Token, answer: () => void): void {
    if (this.#physical.delete(token) && this.#isWorking()) this.#waiting.set(token, answer);
    else answer();
  }

  /** The work is done. */
  finished(): void {
    const answers = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of answers) answer();
  }

  /** The call is over without an answer from here. */
  cancel(token: Token): void {
    this.#physical.delete(token);
    this.#waiting.delete(token);
  }
}
