import { continuationFreeFrames, continuationLeastBytes, headerBlockFreeBytes } from "../limits.ts";
import type { HeaderBudget } from "../types.ts";

/** A slack area up to this is kept for the next split block. */
const keptBytes = 16 * 1024;

/**
 * A header block that comes in several frames (RFC 9113 §4.3), with bounds on its size, on how
 * finely it is cut, and on what all connections together hold.
 */
export class HeaderAssembly {
  /** 0: none under way. */
  streamId = 0;
  endStream = false;
  selfDependent = false;
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;
  #frames = 0;
  #chargedBytes = 0;
  readonly #maxBytes: number;
  readonly #budget: HeaderBudget;

  constructor(maxBytes: number, budget: HeaderBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  begin(streamId: number, endStream: boolean, selfDependent: boolean): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.selfDependent = selfDependent;
    this.length = 0;
    this.#frames = 0;
  }

  /** Adds a fragment; false when a bound is passed. */
  add(from: Uint8Array, start: number, end: number): boolean {
    const total = this.length + end - start;
    const framesMax = continuationFreeFrames + total / continuationLeastBytes;
    if (++this.#frames > framesMax || total > this.#maxBytes) return false;
    if (total > this.bytes.length && !this.#grow(total)) return false;
    this.bytes.set(from.subarray(start, end), this.length);
    this.length = total;
    return true;
  }

  /** Ends the block and gives back what it occupied. */
  release(): void {
    this.streamId = 0;
    this.length = 0;
    this.#budget.takenBytes -= this.#chargedBytes;
    this.#chargedBytes = 0;
    if (this.bytes.length > keptBytes) this.bytes = new Uint8Array(0);
  }

  #grow(total: number): boolean {
    const size = Math.max(1024, 2 * total);
    const charge = Math.max(0, size - headerBlockFreeBytes);
    const more = charge - this.#chargedBytes;
    if (more > 0) {
      if (this.#budget.takenBytes + more > this.#budget.maxBytes) return false;
      this.#budget.takenBytes += more;
      this.#chargedBytes = charge;
    }
    const bigger = new Uint8Array(size);
    bigger.set(this.bytes.subarray(0, this.length), 0);
    this.bytes = bigger;
    return true;
  }
}
