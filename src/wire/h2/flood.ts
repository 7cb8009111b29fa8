/** A purse of tokens that time refills; looks at the clock only when it runs empty. */
class Purse {
  tokens: number;
  readonly #burst: number;
  readonly #perMs: number;
  #sinceMs: number;

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.tokens = burst;
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#sinceMs = nowMs;
  }

  /** False when not even time has earned that many. */
  spend(cost: number, nowMs: () => number): boolean {
    if (this.tokens < cost) {
      const now = nowMs();
      const earned = Math.max(0, now - this.#sinceMs) * this.#perMs;
      this.tokens = Math.min(this.#burst, this.tokens + earned);
      this.#sinceMs = now;
      if (this.tokens < cost) return false;
    }
    this.tokens -= cost;
    return true;
  }

  earn(tokens: number): void {
    if (this.tokens < this.#burst) this.tokens += tokens;
  }
}

/** What a `FloodGuard` watches: tokens in the purse at most, and its refill. */
export interface FloodRates {
  readonly controlFramesBurst: number;
  readonly controlFramesPerSecond: number;
  readonly controlFramesEarned: number;
  readonly resetsBurst: number;
  readonly resetsPerSecond: number;
}

/**
 * Tells floods from use: frames that cost us work and carry nothing, and streams that are opened
 * only to be reset, are paid for from purses that time and real traffic refill.
 */
export class FloodGuard {
  readonly #control: Purse;
  readonly #resets: Purse;
  readonly #nowMs: () => number;
  readonly #earned: number;

  constructor(rates: FloodRates, nowMs: () => number) {
    const now = nowMs();
    this.#control = new Purse(rates.controlFramesBurst, rates.controlFramesPerSecond, now);
    this.#resets = new Purse(rates.resetsBurst, rates.resetsPerSecond, now);
    this.#nowMs = nowMs;
    this.#earned = rates.controlFramesEarned;
  }

  /** A frame without content came. False: too many. */
  control(cost: number): boolean {
    return this.#control.spend(cost, this.#nowMs);
  }

  /** A stream died by the peer's doing. False: too many. */
  reset(): boolean {
    return this.#resets.spend(1, this.#nowMs);
  }

  /** A frame with content passed, in either direction. */
  traffic(): void {
    this.#control.earn(this.#earned);
  }

  /** A stream ended well. */
  streamDone(): void {
    this.#resets.earn(1);
  }
}
