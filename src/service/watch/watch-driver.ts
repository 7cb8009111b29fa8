import type { WatchHub } from "../../mvcc/watch/hub.ts";
import type { Clock } from "../../platform/clock.ts";

/** Time in one turn of the event loop for what is written now; then sockets have their turn. */
const LIVE_TURN_MS = 1;
/** The same for those who catch up, so that neither waits for the other. */
const OTHERS_TURN_MS = 0.5;

/** Has the work of watchers done, in slices, as there is some. */
export class WatchDriver {
  readonly #clock: Clock;
  readonly #hub: WatchHub;
  readonly #onStep: () => void;
  readonly #stepLive = (nowMs: number): boolean => {
    const isBusy = this.#hub.stepLive(nowMs);
    this.#onStep();
    return isBusy;
  };
  readonly #stepOthers = (nowMs: number): boolean => this.#hub.stepOthers(nowMs);
  #scheduled = false;
  #stopped = false;

  /** `onStep`: live watchers may have been told more. */
  constructor(clock: Clock, hub: WatchHub, onStep: () => void) {
    this.#clock = clock;
    this.#hub = hub;
    this.#onStep = onStep;
  }

  /** There is work. */
  wake(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#clock.defer(this.#turn);
  }

  stop(): void {
    this.#stopped = true;
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#stopped) return;
    const isLiveBusy = this.#run(this.#stepLive, LIVE_TURN_MS);
    const areOthersBusy = this.#run(this.#stepOthers, OTHERS_TURN_MS);
    this.#onStep();
    if (isLiveBusy || areOthersBusy) this.wake();
  };

  /** True when there is more to do. */
  #run(step: (nowMs: number) => boolean, turnMs: number): boolean {
    let nowMs = this.#clock.monotonicMs();
    const deadlineMs = nowMs + turnMs;
    while (step(nowMs)) {
      nowMs = this.#clock.monotonicMs();
      if (nowMs >= deadlineMs) return true;
    }
    return false;
  }
}
