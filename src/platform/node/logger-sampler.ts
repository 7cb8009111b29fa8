/** As zap's production setting in etcd: the first hundred of a second, then each hundredth. */
const FIRST_LINES = 100;
const THEN_EVERY = 100;
const WINDOW_MS = 1000;
/** Messages are constants, so there are few; more than this is a bug that must not eat memory. */
const MESSAGES_MAX = 4096;

/** Keeps a message that repeats itself from filling the disk. */
export class LineSampler {
  readonly #counts = new Map<string, number>();
  #windowStartMs = Number.NEGATIVE_INFINITY;

  /** Whether the next line with this level and message is to be written. */
  admits(level: string, message: string, nowMs: number): boolean {
    const isNew = nowMs - this.#windowStartMs >= WINDOW_MS || nowMs < this.#windowStartMs;
    if (isNew || this.#counts.size >= MESSAGES_MAX) {
      this.#counts.clear();
      this.#windowStartMs = nowMs;
    }
    const key = `${level} ${message}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count <= FIRST_LINES || (count - FIRST_LINES) % THEN_EVERY === 0;
  }
}
