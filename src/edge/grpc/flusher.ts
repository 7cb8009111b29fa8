import type { Clock } from "../../platform/clock.ts";
import { flushTurnMs } from "./limits.ts";

/** A connection that may have bytes to send. */
export interface Flushable {
  /** Managed by the flusher only. */
  flushDue: boolean;
  /** Sends a slice; true when there is more that the socket would take. */
  flush(): boolean;
}

/** Connections flushed between two looks at the clock. */
const clockEvery = 16;

/**
 * One flush for all that a turn of the event loop produced: each connection gets one write with all
 * its frames. Connections with more than a slice, and those the time did not suffice for, go on in
 * the next turn, after everything that arrived meanwhile was read.
 */
export class Flusher {
  readonly #clock: Clock;
  #due: Flushable[] = [];
  #spare: Flushable[] = [];
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `connection` is flushed at the end of this turn. */
  add(connection: Flushable): void {
    if (connection.flushDue) return;
    connection.flushDue = true;
    this.#due.push(connection);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    const due = this.#due;
    this.#due = this.#spare;
    const startMs = this.#clock.monotonicMs();
    const heavy: Flushable[] = [];
    let at = 0;
    while (at < due.length) {
      const connection = due[at++] as Flushable;
      connection.flushDue = false;
      if (connection.flush()) heavy.push(connection);
      if (heavy.length === 0 && at % clockEvery !== 0) continue;
      if (this.#clock.monotonicMs() - startMs > flushTurnMs) break;
    }
    // Those that were not reached come before those that had their slice.
    for (; at < due.length; at++) {
      const connection = due[at] as Flushable;
      connection.flushDue = false;
      this.add(connection);
    }
    for (const connection of heavy) this.add(connection);
    due.length = 0;
    this.#spare = due;
  };
}
