import {
  type Backend,
  COMMIT_BYTES_MAX,
  COMMIT_INTERVAL_MS,
  COMMIT_OPS_MAX,
  OPEN_BYTES_MAX,
} from "../storage/backend/backend.ts";
import { type ConsistentIndex, writeConsistentIndex } from "../storage/schema/consistent-index.ts";

/** Bytes that background maintenance may move at a time: well below a millisecond. */
export const MAINTAIN_BYTES = 256 * 1024;

const NOTHING_APPLIED: ConsistentIndex = { index: 0, term: 0 };

/** When a batch is closed at the latest, as operators may set it; its bytes are bounded anyway. */
export interface CommitLimits {
  /** Of the oldest change in it. */
  readonly intervalMs: number;
  readonly ops: number;
}

const LIMITS_DEFAULT: CommitLimits = { intervalMs: COMMIT_INTERVAL_MS, ops: COMMIT_OPS_MAX };

/**
 * Decides when the backend's batch is closed, and puts the consistent index into it, so that data
 * and index are of one commit (storage.md 8, C1). Never inside an entry (C5). One batch is on its
 * way to the disk at a time; meanwhile the next one gathers.
 */
export class Committer {
  readonly #backend: Backend;
  readonly #limits: CommitLimits;
  #index: number;
  #term: number;
  #openedMs = 0;
  /** The batch that was closed last, and what it covers. */
  #batch = 0;
  #closed: ConsistentIndex;
  #durable: ConsistentIndex;

  /** `start`: what the backend already has. */
  constructor(backend: Backend, start = NOTHING_APPLIED, limits = LIMITS_DEFAULT) {
    this.#backend = backend;
    this.#limits = limits;
    this.#index = start.index;
    this.#term = start.term;
    this.#closed = start;
    this.#durable = start;
  }

  /** Entries up to this index (inclusive) have had their effect. */
  get consistentIndex(): number {
    return this.#index;
  }

  /** Entries up to this one (inclusive) would be in the backend after a crash. */
  get durable(): ConsistentIndex {
    if (this.isFree) this.#durable = this.#closed;
    return this.#durable;
  }

  /** The disk does not follow: nothing more should be applied for now. */
  get isBehind(): boolean {
    return this.#backend.pendingBytes >= OPEN_BYTES_MAX && !this.isFree;
  }

  /** An entry was applied to its end. */
  advance(index: number, term: number): void {
    // An entry delivered again, which apply skips, does not make those after it new again.
    if (index <= this.#index) return;
    this.#index = index;
    this.#term = term;
    const backend = this.#backend;
    const { pendingOps, pendingBytes } = backend;
    const isDue = pendingOps >= this.#limits.ops || pendingBytes >= COMMIT_BYTES_MAX;
    if (isDue && this.isFree) this.commit();
  }

  /** To be called now and then, between entries: commits what is old enough. */
  tick(nowMs: number): void {
    if (this.#backend.pendingOps === 0) this.#openedMs = nowMs;
    else if (nowMs - this.#openedMs >= this.#limits.intervalMs && this.isFree) this.commit();
  }

  /** Cleans up a little, between entries; true while there is more to do. */
  maintain(): boolean {
    return this.#backend.maintain(MAINTAIN_BYTES);
  }

  /** Closes the batch, between entries; returns its number. */
  commit(): number {
    if (this.isFree) this.#durable = this.#closed;
    this.#closed = { index: this.#index, term: this.#term };
    writeConsistentIndex(this.#backend, this.#closed);
    this.#batch = this.#backend.commit();
    return this.#batch;
  }

  /** No batch is on its way. */
  get isFree(): boolean {
    return this.#backend.durableBatch >= this.#batch;
  }
}
