import { type Difference, Pair } from "./pair.ts";
import { shrink } from "./shrink.ts";
import type { Step } from "./steps.ts";

/** Time for making one difference small. */
const SHRINK_LIMIT_MS = 60_000;
/** The same with fresh servers for every attempt. */
const FRESH_LIMIT_MS = 20_000;

/** The smallest program that was found, and what it shows; null difference: not shown again. */
export interface Finding {
  readonly steps: readonly Step[];
  readonly difference: Difference | null;
}

/** Repeats programs on fresh servers to make them small. */
export class Laboratory {
  #pair: Pair | null = null;
  /** Emptied stores stand in for fresh ones: much faster, where the difference shows there too. */
  #reuses = false;

  /**
   * Makes the last of `programs`, which showed a difference at its last step, small; with the
   * earlier ones before it when it needs them.
   */
  async examine(programs: readonly (readonly Step[])[]): Promise<Finding> {
    try {
      const alone = programs.at(-1)!;
      const all = programs.flat();
      if (await this.#fails(alone)) return await this.#small(alone);
      if (all.length > alone.length && (await this.#fails(all))) return await this.#small(all);
      return { steps: alone, difference: null };
    } finally {
      await this.#drop();
    }
  }

  async #small(steps: readonly Step[]): Promise<Finding> {
    this.#reuses = true;
    this.#reuses = await this.#fails(steps);
    const deadlineMs = performance.now() + SHRINK_LIMIT_MS;
    const fails = (candidate: readonly Step[]): Promise<boolean> => this.#fails(candidate);
    const small = await shrink(steps, fails, () => performance.now() < deadlineMs);
    // What an emptied store needed to show it, a fresh one may not.
    this.#reuses = false;
    if (!(await this.#fails(small))) return { steps: small, difference: null };
    const freshDeadlineMs = performance.now() + FRESH_LIMIT_MS;
    const smallest = await shrink(small, fails, () => performance.now() < freshDeadlineMs);
    return { steps: smallest, difference: (await this.#run(smallest)).difference };
  }

  async #fails(steps: readonly Step[]): Promise<boolean> {
    return (await this.#run(steps)).difference !== null;
  }

  async #run(steps: readonly Step[]): Promise<{ difference: Difference | null }> {
    if (!this.#reuses) await this.#drop();
    this.#pair ??= await Pair.start();
    if (this.#reuses && !(await this.#pair.reset())) {
      await this.#drop();
      this.#pair = await Pair.start();
      await this.#pair.reset();
    }
    const result = await this.#pair.run(steps);
    if (result.etcdDied) await this.#drop();
    return result;
  }

  async #drop(): Promise<void> {
    await this.#pair?.stop();
    this.#pair = null;
  }
}
