import type { Clock } from "../platform/clock.ts";
import type { Consensus } from "./consensus.ts";

interface PendingRead {
  readonly run: () => void;
  readonly fail: () => void;
  readonly startedMs: number;
}

/** Linearizable reads that wait for their read index (semantics.md R1). */
export class PendingReads {
  readonly #consensus: Consensus;
  readonly #clock: Clock;
  /** By context, oldest first. */
  readonly #reads = new Map<number, PendingRead>();
  #lastContext = 0;

  constructor(consensus: Consensus, clock: Clock) {
    this.#consensus = consensus;
    this.#clock = clock;
  }

  /**
   * Calls `run` once the applied state has everything acknowledged before now, or `fail` if never.
   */
  add(run: () => void, fail: () => void): void {
    this.#lastContext += 1;
    this.#reads.set(this.#lastContext, { run, fail, startedMs: this.#clock.monotonicMs() });
    this.#consensus.readIndex(this.#lastContext);
  }

  /** Consensus confirmed `context`, and it is applied. */
  readable(context: number): void {
    const read = this.#reads.get(context);
    if (read === undefined) return;
    this.#reads.delete(context);
    read.run();
  }

  /**
   * Fails what began before `beforeMs`; asks again for the rest, which a leader change may have
   * lost.
   */
  expire(beforeMs: number): void {
    for (const [context, read] of this.#reads) {
      if (read.startedMs < beforeMs) {
        this.#reads.delete(context);
        read.fail();
      } else {
        this.#consensus.readIndex(context);
      }
    }
  }
}
