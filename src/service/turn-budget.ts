import type { Clock } from "../platform/clock.ts";

/** Time in one turn of the event loop for work that is done as it comes. */
export class TurnBudget {
  readonly #clock: Clock;
  readonly #turnMs: number;
  /** 0: nothing was done in this turn. */
  #endMs = 0;

  constructor(clock: Clock, turnMs: number) {
    this.#clock = clock;
    this.#turnMs = turnMs;
  }

  /** The time runs from the first question in a turn on. */
  isOver(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#endMs !== 0) return nowMs >= this.#endMs;
    this.#endMs = nowMs + this.#turnMs;
    this.#clock.defer(this.#nextTurn);
    return false;
  }

  readonly #nextTurn = (): void => {
    this.#endMs = 0;
  };
}
