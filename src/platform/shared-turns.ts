import { Queue } from "../base/queue.ts";
import type { Clock } from "./clock.ts";

/** Time for all of them together in one turn of the event loop, ms; at least one has its. */
export const SHARED_TURN_MS = 1;

/** Lets many (connections, requests) share the turns, in the order in which they ask for one. */
export class SharedTurns {
  readonly #clock: Clock;
  readonly #waiting = new Queue<() => void>();
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `work` in a later turn that has time for it. */
  add(work: () => void): void {
    this.#waiting.push(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const endMs = this.#clock.monotonicMs() + SHARED_TURN_MS;
    // What asks again meanwhile waits for the next turn.
    for (let left = this.#waiting.size; left > 0; left -= 1) {
      this.#waiting.shift()?.();
      if (this.#clock.monotonicMs() >= endMs) break;
    }
    if (this.#waiting.size > 0) this.#schedule();
  };
}
