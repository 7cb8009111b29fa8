import { VirtualClock } from "./clock.ts";

/**
 * A clock as somebody sees it who works: time passes by `spentMs`, which the work may raise, and
 * with each look by `lookMs`. Timers and what is deferred are those of a VirtualClock.
 */
export class BusyClock extends VirtualClock {
  spentMs = 0;
  /** How often it was asked. */
  looks = 0;
  readonly #lookMs: number;
  readonly #turns: (() => void)[] = [];

  constructor(lookMs = 0) {
    super();
    this.#lookMs = lookMs;
  }

  override monotonicMs(): number {
    this.looks += 1;
    return super.monotonicMs() + this.spentMs + this.looks * this.#lookMs;
  }

  override defer(callback: () => void): void {
    this.#turns.push(callback);
    super.defer(() => this.#turns.shift()?.());
  }

  /** Runs what was deferred up to now; false when there was nothing. */
  turn(): boolean {
    const due = this.#turns.length;
    for (let left = due; left > 0; left -= 1) this.step(super.monotonicMs());
    return due > 0;
  }
}
