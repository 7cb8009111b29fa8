import type { Clock, TimerHandle } from "../clock.ts";

/** Node turns longer delays into 1 ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
  timeout: NodeJS.Timeout;
}

/** The machine's clocks and Node's timers. Timers keep the process alive; `close` cancels all. */
export class NodeClock implements Clock {
  readonly #timers = new Map<TimerHandle, Pending>();
  #nextHandle = 1;

  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  startTimer(delayMs: number, callback: () => void): TimerHandle {
    const handle = this.#nextHandle++;
    const dueMs = performance.now() + delayMs;
    this.#timers.set(handle, { dueMs, callback, timeout: this.#arm(handle, delayMs) });
    return handle;
  }

  cancelTimer(handle: TimerHandle): void {
    const pending = this.#timers.get(handle);
    if (pending === undefined) return;
    clearTimeout(pending.timeout);
    this.#timers.delete(handle);
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }

  /** Cancels every timer; deferred callbacks still run. */
  close(): void {
    for (const pending of this.#timers.values()) clearTimeout(pending.timeout);
    this.#timers.clear();
  }

  #arm(handle: TimerHandle, delayMs: number): NodeJS.Timeout {
    const wholeMs = Math.min(Math.max(Math.ceil(delayMs), 0), DELAY_MS_MAX);
    return setTimeout(() => this.#fire(handle), wholeMs);
  }

  #fire(handle: TimerHandle): void {
    const pending = this.#timers.get(handle);
    if (pending === undefined) return;
    // Node rounds to its loop's own time and may be early by less than a millisecond.
    const leftMs = pending.dueMs - performance.now();
    if (leftMs > 0) {
      pending.timeout = this.#arm(handle, leftMs);
      return;
    }
    this.#timers.delete(handle);
    pending.callback();
  }
}
