import { Prng } from "../../../src/base/prng.ts";
import type { CrashMode } from "../../../src/sim/world/disk.ts";
import { defragment } from "../../../src/storage/restore/defragment.ts";
import { DB_PATH } from "./bbolt.ts";
import { Ledger } from "./ledger.ts";
import { type Crashed, crashNow, Life, type LifeOptions, newWorld, type World } from "./life.ts";

/** A process without power is the harder case, so two of three. */
const MODES: readonly CrashMode[] = ["power", "kill", "power"];

/** A scenario whose every step is a place to crash. */
export interface ScenarioOptions extends LifeOptions {
  readonly seed: number;
  /** Requests answered in each of the two lives. */
  readonly answers: number;
  /** Looks at what a crash left. */
  readonly look: (crash: Crashed) => Promise<void>;
}

/**
 * One scenario: a start on an empty disk, load with commits, cuts, log snapshots, purges and
 * compactions, an orderly end, a defragmentation, and all of it again on what is there. Before each
 * step of the disk the machine is copied, and the copy crashes. Returns what went wrong without
 * any crash.
 */
export async function crashAtEveryStep(options: ScenarioOptions): Promise<readonly string[]> {
  const prng = new Prng(options.seed);
  const crashes: Crashed[] = [];
  let ledger = new Ledger();
  let step = 0;
  const world = newWorld(prng.uint32(), (name) => {
    const mode = MODES[step % MODES.length]!;
    const crashed = crashNow(world.disk, { mode, seed: prng.uint32() });
    crashes.push({ ...crashed, ledger: ledger.clone(), step: `step ${step} (${mode}): ${name}` });
    step += 1;
  });
  const lookAtAll = async (): Promise<void> => {
    for (const crash of crashes.splice(0)) await options.look(crash);
  };
  for (let at = 0; at < 2; at += 1) {
    const life = new Life(world, ledger, prng.uint32(), options);
    life.verify();
    await lookAtAll();
    const target = ledger.acknowledged + options.answers;
    // Burst by burst, for each step on the way is a whole machine.
    while (ledger.acknowledged < target && !life.isOver) {
      life.loadBurst(prng);
      await lookAtAll();
    }
    life.close();
    await lookAtAll();
    if (life.isOver) return life.problems;
    ledger = life.ledger;
    defragmentOffline(world);
    await lookAtAll();
  }
  return [];
}

/** What `skeinutl defrag` does, while no member runs. */
function defragmentOffline({ disk }: World): void {
  const file = disk.openSync(DB_PATH, {});
  defragment({ disk, file, path: DB_PATH, onProgress: () => {} });
  disk.closeSync(file);
}
