import { assert } from "../../base/assert.ts";

/** Slots at the start; doubled when all are in use. A power of two. */
const SLOTS_INITIAL = 1024;
/**
 * `take` found nobody waiting: the entry was proposed elsewhere, before a restart, or timed out.
 */
export const NOBODY = -1;

/**
 * Who waits for which proposal. Request ids are consecutive (raft reference: +1 on the low 48 bits
 * before each use), so the table is a ring indexed by id: no hashing, no object per proposal.
 *
 * Invariant: every waiting id lies in (nextId - slots, nextId].
 */
export class ProposalTable {
  #slots = SLOTS_INITIAL;
  #ids = new Float64Array(SLOTS_INITIAL);
  #tokens = new Float64Array(SLOTS_INITIAL);
  #startedMs = new Float64Array(SLOTS_INITIAL);
  #lastId: number;
  /** No waiting id is below this one. */
  #oldestId: number;
  #waiting = 0;

  /** `firstId`: the low 48 bits before the first use. */
  constructor(firstId: number) {
    this.#lastId = firstId;
    this.#oldestId = firstId + 1;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Gives the next id (low 48 bits) to `token`, which must not be negative. */
  add(token: number, nowMs: number): number {
    assert(token >= 0, "proposal table: token");
    const id = this.#lastId + 1;
    this.#lastId = id;
    if (this.#waiting === 0) this.#oldestId = id;
    if (id - this.#oldestId >= this.#slots) this.#makeRoom();
    const at = this.#slotOf(id);
    this.#ids[at] = id;
    this.#tokens[at] = token;
    this.#startedMs[at] = nowMs;
    this.#waiting += 1;
    return id;
  }

  /** An id nobody waits for. */
  addUnwaited(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Who waits for `id`, or NOBODY; the wait stays. 0, which marks empty slots, is nobody's. */
  peek(id: number): number {
    const at = this.#slotOf(id);
    return id !== 0 && this.#ids[at] === id ? this.#tokens[at]! : NOBODY;
  }

  /** Ends the wait for `id`; returns its token or NOBODY. */
  take(id: number): number {
    const at = this.#slotOf(id);
    if (id === 0 || this.#ids[at] !== id) return NOBODY;
    this.#ids[at] = 0;
    this.#waiting -= 1;
    return this.#tokens[at]!;
  }

  /** Ends every wait that began before `beforeMs`, oldest first. */
  expire(beforeMs: number, expired: (token: number) => void): void {
    while (this.#waiting > 0 && this.#oldestId <= this.#lastId) {
      const at = this.#slotOf(this.#oldestId);
      if (this.#ids[at] === this.#oldestId) {
        if (this.#startedMs[at]! >= beforeMs) return;
        const token = this.take(this.#oldestId);
        this.#oldestId += 1;
        expired(token);
      } else {
        this.#oldestId += 1;
      }
    }
  }

  #slotOf(id: number): number {
    // The bit operator takes the low 32 bits of a larger number, which is all a mask needs.
    return (id & (this.#slots - 1)) >>> 0;
  }

  #makeRoom(): void {
    while (
      this.#oldestId < this.#lastId &&
      this.#ids[this.#slotOf(this.#oldestId)] !== this.#oldestId
    ) {
      this.#oldestId += 1;
    }
    if (this.#lastId - this.#oldestId < this.#slots) return;
    const ids = this.#ids;
    const tokens = this.#tokens;
    const startedMs = this.#startedMs;
    this.#slots *= 2;
    this.#ids = new Float64Array(this.#slots);
    this.#tokens = new Float64Array(this.#slots);
    this.#startedMs = new Float64Array(this.#slots);
    for (let i = 0; i < ids.length; i += 1) {
      const id = ids[i]!;
      if (id === 0) continue;
      const at = this.#slotOf(id);
      this.#ids[at] = id;
      this.#tokens[at] = tokens[i]!;
      this.#startedMs[at] = startedMs[i]!;
    }
  }
}
