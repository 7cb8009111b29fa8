import { assert } from "../../base/assert.ts";
import { Heap } from "../../base/heap.ts";
import { Queue } from "../../base/queue.ts";
import type { Clock, TimerHandle } from "../../platform/clock.ts";

interface Timer {
  readonly atMs: number;
  /** Order among timers of one instant. */
  readonly handle: TimerHandle;
  readonly callback: () => void;
}

/** A run that makes no end is a bug of the code under test; better to name it than to hang. */
const STEPS_MAX = 50_000_000;

/**
 * Time that stands still until it is driven. At one instant, what is due (timers and completions,
 * in order of their registration) runs first, then what was deferred; only when both are empty does
 * time jump to the next timer.
 */
export class VirtualClock implements Clock {
  readonly #timers = new Heap<Timer>((a, b) => a.atMs - b.atMs || a.handle - b.handle);
  readonly #pending = new Set<TimerHandle>();
  readonly #deferred = new Queue<() => void>();
  readonly #wallOriginMs: number;
  #wallJumpMs = 0;
  #nowMs = 0;
  #nextHandle = 1;

  /** `wallOriginMs`: what `wallMs` says at the start; default 2026-01-01T00:00:00Z. */
  constructor(wallOriginMs = 1_767_225_600_000) {
    this.#wallOriginMs = wallOriginMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallOriginMs + this.#wallJumpMs + this.#nowMs;
  }

  /** Sets the wall clock forward (or back) without moving monotonic time. */
  jumpWall(byMs: number): void {
    this.#wallJumpMs += byMs;
  }

  startTimer(delayMs: number, callback: () => void): TimerHandle {
    assert(delayMs >= 0 && Number.isFinite(delayMs), `delay of ${delayMs} ms`);
    const handle = this.#nextHandle++;
    this.#timers.push({ atMs: this.#nowMs + delayMs, handle, callback });
    this.#pending.add(handle);
    return handle;
  }

  cancelTimer(handle: TimerHandle): void {
    this.#pending.delete(handle);
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Timers and deferred callbacks that will still run. */
  get waiting(): number {
    return this.#pending.size + this.#deferred.size;
  }

  /**
   * Runs the next callback due up to `limitMs` (inclusive, monotonic), moving time to it if need
   * be; false when there is none.
   */
  step(limitMs = Number.POSITIVE_INFINITY): boolean {
    this.#dropCancelled();
    let timer = this.#timers.peek();
    if (timer === undefined || timer.atMs > this.#nowMs) {
      const deferred = this.#deferred.shift();
      if (deferred !== undefined) {
        deferred();
        return true;
      }
    }
    if (timer === undefined || timer.atMs > limitMs) return false;
    timer = this.#timers.pop()!;
    this.#pending.delete(timer.handle);
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.callback();
    return true;
  }

  /** Runs everything until nothing is left; returns the number of steps. */
  runUntilIdle(stepsMax = STEPS_MAX): number {
    let steps = 0;
    while (this.step()) assert(++steps <= stepsMax, `no end after ${stepsMax} steps`);
    return steps;
  }

  /** Runs everything due in the next `durationMs`; time then stands at its end. */
  runFor(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    let steps = 0;
    while (this.step(untilMs)) assert(++steps <= STEPS_MAX, `no end after ${steps} steps`);
    this.#nowMs = untilMs;
  }

  /** Runs until `condition` holds; false when nothing is left or `limitMs` more have passed. */
  runUntil(condition: () => boolean, limitMs = Number.POSITIVE_INFINITY): boolean {
    const untilMs = this.#nowMs + limitMs;
    let steps = 0;
    while (!condition()) {
      if (!this.step(untilMs)) return false;
      assert(++steps <= STEPS_MAX, `no end after ${steps} steps`);
    }
    return true;
  }

  #dropCancelled(): void {
    for (let top = this.#timers.peek(); top !== undefined; top = this.#timers.peek()) {
      if (this.#pending.has(top.handle)) return;
      this.#timers.pop();
    }
  }
}
