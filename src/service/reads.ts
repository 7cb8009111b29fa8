import type { Clock } from "../platform/clock.ts";
import type { Consensus } from "./consensus.ts";
import type { Token } from "./rpc.ts";

/** A read index that was not confirmed for so long is asked for again (etcd: 500 ms). */
const RETRY_MS = 500;

interface PendingRead {
  /** null for reads of the member itself. */
  readonly token: Token | null;
  readonly run: () => void;
  readonly fail: () => void;
  readonly startedMs: number;
  /** When it was asked for and taken; -Infinity when it was not taken. */
  askedMs: number;
}

/** Linearizable reads that wait for their read index (semantics.md R1). */
export class PendingReads {
  readonly #consensus: Consensus;
  readonly #clock: Clock;
  /** By context, oldest first. */
  readonly #reads = new Map<number, PendingRead>();
  readonly #contexts = new Map<Token, number>();
  #lastContext = 0;

  constructor(consensus: Consensus, clock: Clock) {
    this.#consensus = consensus;
    this.#clock = clock;
  }

  /** Reads that wait. */
  get size(): number {
    return this.#reads.size;
  }

  /**
   * Calls `run` once the applied state has everything acknowledged before now, or `fail` if never.
   * `token`: the call it is for, so that `cancel` finds it.
   */
  add(run: () => void, fail: () => void, token: Token | null = null): void {
    this.#lastContext += 1;
    const context = this.#lastContext;
    const startedMs = this.#clock.monotonicMs();
    const read = { token, run, fail, startedMs, askedMs: Number.NEGATIVE_INFINITY };
    this.#reads.set(context, read);
    if (token !== null) this.#contexts.set(token, context);
    this.#ask(context, read);
  }

  /** Consensus confirmed `context`, and it is applied. */
  readable(context: number): void {
    this.#remove(context)?.run();
  }

  /** The call is dead: its read is not run any more. */
  cancel(token: Token): void {
    const context = this.#contexts.get(token);
    if (context !== undefined) this.#remove(context);
  }

  /**
   * Fails what began before `beforeMs`; asks again for what was not taken, and now and then for the
   * rest, which a leader change may have lost.
   */
  expire(beforeMs: number): void {
    const retryMs = this.#clock.monotonicMs() - RETRY_MS;
    for (const [context, read] of this.#reads) {
      if (read.startedMs < beforeMs) this.#remove(context)?.fail();
      else if (read.askedMs <= retryMs) this.#ask(context, read);
    }
  }

  #ask(context: number, read: PendingRead): void {
    if (this.#consensus.readIndex(context)) read.askedMs = this.#clock.monotonicMs();
  }

  #remove(context: number): PendingRead | undefined {
    const read = this.#reads.get(context);
    if (read === undefined) return undefined;
    this.#reads.delete(context);
    if (read.token !== null) this.#contexts.delete(read.token);
    return read;
  }
}
