import type { Clock, TimerHandle } from "../../platform/clock.ts";

/**
 * The clock of one simulated process: when the process dies, its timers die with it, while the
 * world's time goes on.
 */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  #isDead = false;

  constructor(world: Clock) {
    this.#world = world;
  }

  /** No callback registered here runs any more. */
  die(): void {
    this.#isDead = true;
  }

  monotonicMs(): number {
    return this.#world.monotonicMs();
  }

  wallMs(): number {
    return this.#world.wallMs();
  }

  startTimer(delayMs: number, callback: () => void): TimerHandle {
    return this.#world.startTimer(delayMs, this.#whileAlive(callback));
  }

  cancelTimer(handle: TimerHandle): void {
    this.#world.cancelTimer(handle);
  }

  defer(callback: () => void): void {
    this.#world.defer(this.#whileAlive(callback));
  }

  #whileAlive(callback: () => void): () => void {
    return () => {
      if (!this.#isDead) callback();
    };
  }
}
