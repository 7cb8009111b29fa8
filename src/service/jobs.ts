import type { Clock } from "../platform/clock.ts";

/** Work that is done in slices, between which the sockets have their turn. */
export interface Job {
  /**
   * Works for well below a millisecond; true when the job is over (it then is not called again).
   */
  step(): boolean;
}

/** Time for all jobs together in one turn of the event loop. */
const TURN_MS = 0.5;

/** Runs jobs round robin: a long one delays neither short ones nor requests. */
export class JobRunner {
  readonly #clock: Clock;
  readonly #jobs: Job[] = [];
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(job: Job): void {
    this.#jobs.push(job);
    this.#schedule();
  }

  /** Forgets all: what they work on is about to be closed. */
  stop(): void {
    this.#jobs.length = 0;
  }

  #schedule(): void {
    if (this.#scheduled || this.#jobs.length === 0) return;
    this.#scheduled = true;
    this.#clock.defer(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    const deadlineMs = this.#clock.monotonicMs() + TURN_MS;
    do {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      if (!job.step()) this.#jobs.push(job);
    } while (this.#clock.monotonicMs() < deadlineMs);
    this.#schedule();
  };
}
