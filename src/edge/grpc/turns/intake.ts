import { copyOf } from "../../../base/span.ts";
import type { Clock } from "../../../platform/clock.ts";
import { intakeSliceBytes, intakeTurnMs } from "../limits.ts";

/** A connection whose input may have to wait. */
export interface Intaking {
  /** Input that waits, in order. Managed by the intake only. */
  readonly held: Uint8Array[];
  /** Handles bytes from the socket. */
  process(bytes: Uint8Array): void;
  /** `held` has changed: while there is something in it, the socket should bring no more. */
  heldChanged(): void;
}

/**
 * Shares the time of a turn of the event loop among connections that send much at once: one read of
 * a socket brings a thousand requests if they are small, and all sockets are read before anything
 * is sent or a timer runs. Beyond the turn's time input waits, and goes on in the next turn, a
 * slice of each connection after the other; what arrives meanwhile waits behind it.
 */
export class Intake {
  readonly #clock: Clock;
  /** Round robin. */
  readonly #waiting: Intaking[] = [];
  /** 0: the clock was not looked at in this turn. */
  #turnEndMs = 0;
  /** Bytes that may be handled before it is. */
  #unwatchedBytes = intakeSliceBytes;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Bytes from the socket of `connection`, lent: handled now as far as time allows, the rest is
   * copied. `nextTurn` must be called at the end of this turn.
   */
  receive(connection: Intaking, chunk: Uint8Array): void {
    if (chunk.length <= this.#unwatchedBytes && this.#waiting.length === 0) {
      this.#unwatchedBytes -= chunk.length;
      connection.process(chunk);
      return;
    }
    if (connection.held.length > 0) {
      connection.held.push(new Uint8Array(chunk));
      connection.heldChanged();
      return;
    }
    let at = 0;
    if (this.#waiting.length === 0) {
      while (at < chunk.length && !this.#isTurnOver()) {
        const end = Math.min(at + intakeSliceBytes, chunk.length);
        connection.process(end - at === chunk.length ? chunk : chunk.subarray(at, end));
        at = end;
      }
    }
    if (at === chunk.length) return;
    connection.held.push(copyOf(chunk, at));
    this.#waiting.push(connection);
    connection.heldChanged();
  }

  /** A turn is over: what waits goes on. True when there is more after that. */
  nextTurn(): boolean {
    this.#turnEndMs = 0;
    this.#unwatchedBytes = intakeSliceBytes;
    while (this.#waiting.length > 0 && !this.#isTurnOver()) {
      const connection = this.#waiting.shift()!;
      const { held } = connection;
      const first = held[0];
      // Its connection was closed meanwhile.
      if (first === undefined) continue;
      const isWhole = first.length <= intakeSliceBytes;
      if (isWhole) held.shift();
      else held[0] = first.subarray(intakeSliceBytes);
      connection.process(isWhole ? first : first.subarray(0, intakeSliceBytes));
      if (held.length > 0) this.#waiting.push(connection);
      connection.heldChanged();
    }
    return this.#waiting.length > 0;
  }

  #isTurnOver(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#turnEndMs !== 0) return nowMs >= this.#turnEndMs;
    this.#turnEndMs = nowMs + intakeTurnMs;
    return false;
  }
}
