/** Names one pending timer; 0 is never a handle. */
export type TimerHandle = number;

/**
 * Time, the only way to it. The member sees no other clock, so the simulator can own time.
 * Callbacks never run inside the call that registers them.
 */
export interface Clock {
  /** Milliseconds since an arbitrary origin, fractional, never going back. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Calls back once, not before `delayMs` have passed. */
  startTimer(delayMs: number, callback: () => void): TimerHandle;
  /** The callback of `handle` will not run any more; unknown handles are ignored. */
  cancelTimer(handle: TimerHandle): void;
  /** Calls back once, after the socket and disk completions that are already due were delivered. */
  defer(callback: () => void): void;
}
