import {
  type Backend,
  COMMIT_BYTES_MAX,
  COMMIT_INTERVAL_MS,
  COMMIT_OPS_MAX,
} from "../storage/backend/backend.ts";

const KEY_CONSISTENT_INDEX = new TextEncoder().encode("consistent_index");
const KEY_TERM = new TextEncoder().encode("term");
/** Bytes that background maintenance may move at a time: well below a millisecond. */
export const MAINTAIN_BYTES = 256 * 1024;

/**
 * Decides when the backend's batch is closed, and puts the consistent index into it, so that data
 * and index are of one commit (storage.md 8, C1). Never inside an entry (C5).
 */
export class Committer {
  readonly #backend: Backend;
  readonly #value = new DataView(new ArrayBuffer(8));
  #index = 0;
  #term = 0;
  #openedMs = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Entries up to this index (inclusive) have had their effect. */
  get consistentIndex(): number {
    return this.#index;
  }

  /** An entry was applied to its end. */
  advance(index: number, term: number): void {
    // An entry delivered again, which apply skips, does not make those after it new again.
    if (index <= this.#index) return;
    this.#index = index;
    this.#term = term;
    const backend = this.#backend;
    if (backend.pendingOps >= COMMIT_OPS_MAX || backend.pendingBytes >= COMMIT_BYTES_MAX) {
      this.commit();
    }
  }

  /** To be called now and then, between entries: commits what is old enough. */
  tick(nowMs: number): void {
    if (this.#backend.pendingOps === 0) this.#openedMs = nowMs;
    else if (nowMs - this.#openedMs >= COMMIT_INTERVAL_MS) this.commit();
  }

  /** Cleans up a little, between entries; true while there is more to do. */
  maintain(): boolean {
    return this.#backend.maintain(MAINTAIN_BYTES);
  }

  commit(): void {
    if (this.#index > 0) {
      this.#put(KEY_CONSISTENT_INDEX, this.#index);
      this.#put(KEY_TERM, this.#term);
    }
    this.#backend.commit();
  }

  #put(key: Uint8Array, value: number): void {
    this.#value.setBigUint64(0, BigInt(value));
    this.#backend.put("meta", key, new Uint8Array(this.#value.buffer));
  }
}
