import { Prng } from "../../../src/base/prng.ts";
import { Ledger } from "./ledger.ts";
import { type Crashed, crashNow, Life, type LifeOptions, newWorld, type World } from "./life.ts";

/** Steps of the disk after which a process crashes, at most: a start alone has about thirty. */
const STEPS_MAX = 160;
/** Requests after which a process that did not get so far ends orderly. */
const ANSWERS_MAX = 300;

/** One world of a member that crashes again and again. */
export interface RandomWorldOptions extends LifeOptions {
  readonly seed: number;
  readonly crashes: number;
  /** Told of each crash, before the next start. */
  readonly onCrash: (crash: Crashed) => Promise<void>;
}

/** What became of a world. */
export interface RandomWorldResult {
  /** After which the state was right. */
  readonly crashes: number;
  readonly acknowledged: number;
  readonly problems: readonly string[];
}

/**
 * A member crashes at a random step of its disk, of the start, of the work or of the end, loses
 * power or only its process, and starts again on what is left.
 */
export async function runRandomWorld(options: RandomWorldOptions): Promise<RandomWorldResult> {
  const prng = new Prng(options.seed);
  let ledger = new Ledger();
  let crashed: Crashed | null = null;
  let stepsLeft = 0;
  let world: World;
  const crash = (step: string): void => {
    const mode = prng.chance(0.7) ? "power" : "kill";
    const next = crashNow(world.disk, { mode, seed: prng.uint32() }, hook);
    crashed = { ...next, ledger: ledger.clone(), step: `${mode}, ${step}` };
  };
  const hook = (step: string): void => {
    if (crashed === null && (stepsLeft -= 1) < 0) crash(step);
  };
  world = newWorld(prng.uint32(), hook);
  let last = "an empty disk";
  for (let crashes = 0; ; crashes += 1) {
    stepsLeft = prng.below(STEPS_MAX);
    const isOver = (): boolean => crashed !== null;
    const problems = liveOnce({ ...options, world, ledger, prng, isOver });
    if (problems.length > 0 || crashes === options.crashes) {
      const named = problems.map((problem) => `after ${last}: ${problem}`);
      return { crashes, acknowledged: ledger.acknowledged, problems: named };
    }
    if (crashed === null) crash("after the end");
    const next: Crashed = crashed!;
    crashed = null;
    ({ ledger, step: last } = next);
    world = next;
    await options.onCrash(next);
  }
}

interface OneLife extends LifeOptions {
  readonly world: World;
  readonly ledger: Ledger;
  readonly prng: Prng;
  /** It crashed; what runs on is of another world. */
  readonly isOver: () => boolean;
}

function liveOnce(options: OneLife): readonly string[] {
  const { world, ledger, prng, isOver } = options;
  let life: Life;
  try {
    life = new Life(world, ledger, prng.uint32(), options);
  } catch (error) {
    return [`the member does not start: ${String(error)}`];
  }
  if (!isOver()) life.verify();
  if (!isOver()) life.loadInBursts(prng, ANSWERS_MAX, isOver);
  if (!isOver() && !life.isOver) life.close(isOver);
  life.member.die();
  return life.problems;
}
