import type { World } from "./world.ts";

/** Often enough to be seen moving, seldom enough to cost nothing. */
const SHOW_EVERY_MS = 200;
/** Goes to the start of the line and clears it. */
const CLEAR_LINE = "\r\u001b[K";

/** How far long work is, on one line of a terminal; nothing when standard error is none. */
export class Progress {
  readonly #world: World;
  #shownMs: number;
  #isShown = false;

  constructor(world: World) {
    this.#world = world;
    this.#shownMs = world.clock.monotonicMs();
  }

  /** `what` as in "reading pages"; both numbers in the same unit. */
  show(what: string, done: number, total: number): void {
    if (!this.#world.isTerminal) return;
    const nowMs = this.#world.clock.monotonicMs();
    if (nowMs - this.#shownMs < SHOW_EVERY_MS) return;
    this.#shownMs = nowMs;
    this.#isShown = true;
    const percent = total === 0 ? 100 : Math.floor((done / total) * 100);
    this.#world.err(`${CLEAR_LINE}${what}: ${percent} %`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#world.err(CLEAR_LINE);
    this.#isShown = false;
  }
}
