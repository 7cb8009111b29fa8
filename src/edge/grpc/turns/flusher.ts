import type { Clock } from "../../../platform/clock.ts";
import { flushTurnMs } from "../limits.ts";

/** A connection that may have bytes to send. */
export interface Flushable {
  /** Managed by the flusher only. */
  flushDue: boolean;
  /** Its last flush left something to send: more than a slice, or more than its socket took. */
  readonly bulky: boolean;
  /** Sends a slice; true when there is more that the socket would take. */
  flush(): boolean;
}

/** Connections flushed between two looks at the clock. */
const clockEvery = 16;

/**
 * One flush for all that a turn of the event loop produced: each connection gets one write with all
 * its frames. Small replies go first. Connections with more than a slice share what is left of the
 * turn's time, at least one slice in all, and go on in the next turn, after everything that arrived
 * meanwhile was read.
 */
export class Flusher {
  readonly #clock: Clock;
  #small: Flushable[] = [];
  #spare: Flushable[] = [];
  /** Round robin. */
  readonly #bulky: Flushable[] = [];
  readonly #beforeFlush: () => boolean;
  #scheduled = false;

  /** `beforeFlush` is called at the end of each turn, and of the next one too if it says true. */
  constructor(clock: Clock, beforeFlush: () => boolean = () => false) {
    this.#clock = clock;
    this.#beforeFlush = beforeFlush;
  }

  /** `connection` is flushed at the end of this turn. */
  add(connection: Flushable): void {
    if (connection.flushDue) return;
    connection.flushDue = true;
    if (connection.bulky) this.#bulky.push(connection);
    else this.#small.push(connection);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#flush);
  }

  readonly #flush = (): void => {
    const isMoreInput = this.#beforeFlush();
    this.#scheduled = false;
    const deadlineMs = this.#clock.monotonicMs() + flushTurnMs;
    const bulkyCount = this.#bulky.length;
    this.#flushSmall(deadlineMs);
    for (let done = 0; done < bulkyCount; done++) {
      this.#one(this.#bulky.shift() as Flushable);
      if (this.#clock.monotonicMs() >= deadlineMs) break;
    }
    if (this.#bulky.length > 0 || isMoreInput) this.#schedule();
  };

  #flushSmall(deadlineMs: number): void {
    const small = this.#small;
    this.#small = this.#spare;
    let at = 0;
    while (at < small.length) {
      this.#one(small[at++] as Flushable);
      if (at % clockEvery === 0 && this.#clock.monotonicMs() >= deadlineMs) break;
    }
    for (; at < small.length; at++) {
      const connection = small[at] as Flushable;
      connection.flushDue = false;
      this.add(connection);
    }
    small.length = 0;
    this.#spare = small;
  }

  #one(connection: Flushable): void {
    connection.flushDue = false;
    if (connection.flush()) this.add(connection);
  }
}
