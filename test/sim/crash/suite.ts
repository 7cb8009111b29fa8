import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import type { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { SnapDirectory } from "../../../src/storage/snap/snap-directory.ts";
import {
  validSnapshots,
  WalError,
  walExists,
  type WalSnapshot,
} from "../../../src/storage/wal/wal.ts";
import { BboltChecks } from "./bbolt.ts";
import { crashAtEveryStep } from "./every-step.ts";
import { type Crashed, crashNow, Life, type LifeOptions, type Shape } from "./life.ts";
import { Ledger } from "./ledger.ts";
import { crashRestoring } from "./restore-steps.ts";
import { runRandomWorld } from "./random-world.ts";

/** Crashes: acceptance asks for 500 in CI and 20,000 in the full run. */
const SIZES = {
  ci: { scenarios: 1, answers: 90, worlds: 12 },
  full: { scenarios: 20, answers: 200, worlds: 500 },
} as const;
/** A fresh directory now and then, so that restarts do not grow ever longer. */
const CRASHES_PER_WORLD = 25;
/** So often a member goes on after a crash at a step, and crashes once more. */
const GO_ON_EVERY = 3;
const GO_ON_ANSWERS = 12;
/** Worlds between two lines about how far it is. */
const REPORT_WORLDS = 25;
const FAILURES_SHOWN = 20;
const MIB = 1024 * 1024;
const WAL_DIR = "data/member/wal";
const SNAP_DIR = "data/member/snap";
/** So small that lives of some hundred requests cut, take snapshots, purge and compact. */
const SMALL: Shape = { snapshotCount: 20, walSegmentBytes: 8192, filesMax: 2, clients: 6 };

/**
 * Whole members with a database file crash in the simulator: at every step of their disks in turn,
 * then at random ones. Each restart must show a prefix of what was asked for that contains all that
 * was acknowledged, with a model's HashKV; bbolt's checker looks at each file that a crash left.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const campaign = new Campaign();
  const { scenarios, answers, worlds } = SIZES[size];
  for (let at = 0; at < scenarios; at += 1) {
    await campaign.everyStep(seed + at, answers);
    await campaign.restoring(seed + at, answers);
    campaign.report(`scenario ${at + 1} of ${scenarios}`);
  }
  for (let at = 1; at <= worlds; at += 1) {
    await campaign.randomWorld(seed + at - 1);
    if (at % REPORT_WORLDS === 0) campaign.report(`world ${at} of ${worlds}`);
  }
  return campaign.finish();
}

class Campaign {
  readonly #bbolt = new BboltChecks();
  #crashes = 0;
  #steps = 0;
  #passed = 0;
  #acknowledged = 0;
  readonly #failures: string[] = [];
  /** Crashes before there was a database. */
  #made = 0;

  async everyStep(seed: number, answers: number): Promise<void> {
    const shape = shapeOf(new Prng(seed));
    const look = (crash: Crashed): Promise<void> => this.#lookAtStep(crash, { seed, shape });
    const problems = await crashAtEveryStep({ seed, shape, answers, look });
    for (const problem of problems) this.#fail(`scenario ${seed}: ${problem}`);
  }

  async restoring(seed: number, answers: number): Promise<void> {
    const shape = shapeOf(new Prng(seed));
    const look = async ({ disk, step }: Crashed, problems: readonly string[]): Promise<void> => {
      this.#crashes += 1;
      this.#steps += 1;
      await this.#check(disk, `scenario ${seed}, ${step}`, shape);
      if (problems.length === 0) this.#passed += 1;
      for (const problem of problems) this.#fail(`scenario ${seed}, ${step}: ${problem}`);
    };
    await crashRestoring({ seed, shape, answers, look });
  }

  async randomWorld(seed: number): Promise<void> {
    const shape = shapeOf(new Prng(seed));
    const crashes = CRASHES_PER_WORLD;
    const onCrash = async ({ disk, step }: Crashed): Promise<void> => {
      this.#crashes += 1;
      const missing = missingSnapshot({ disk });
      if (missing !== null) this.#fail(`world ${seed}, ${step}: ${missing}`);
      await this.#check(disk, `world ${seed}, ${step}`, shape);
    };
    const result = await runRandomWorld({ seed, shape, crashes, onCrash });
    this.#passed += result.crashes;
    this.#acknowledged += result.acknowledged;
    for (const problem of result.problems) {
      this.#fail(`world ${seed}, crash ${result.crashes}, ${problem}`);
    }
  }

  /** How far it is, for who waits for half an hour, or ends it before. */
  report(place: string): void {
    const minutes = (process.uptime() / 60).toFixed(1);
    const memory = Math.round(process.memoryUsage.rss() / MIB);
    process.stdout.write(
      `  ${minutes} min, ${place}: ${this.#crashes} crashes, ${this.#passed} restarts right, ` +
        `${this.#failures.length + this.#bbolt.problems.length} failures, ${memory} MiB\n`,
    );
  }

  async finish(): Promise<LongResult> {
    await this.#bbolt.finish();
    const { count, sound, problems } = this.#bbolt;
    for (const problem of problems) this.#fail(problem);
    if (count !== this.#crashes) this.#fail(`${count} bbolt checks of ${this.#crashes} crashes`);
    process.stdout.write(
      `crash: ${this.#crashes} crashes, ${this.#steps} of them at every step in turn; ` +
        `${this.#passed} restarts right, ${this.#acknowledged} acknowledged requests; ` +
        `bbolt check: ${count} files, ${sound} sound (${this.#made} of them made by the next ` +
        "start: there was none yet)\n",
    );
    return { passed: this.#passed, failed: this.#failures.length };
  }

  /** Told at once: a run that takes half an hour may not come to its end. */
  #fail(failure: string): void {
    this.#failures.push(failure);
    if (this.#failures.length <= FAILURES_SHOWN) process.stdout.write(`  ${failure}\n`);
  }

  /** Of a disk without a database the one that the next start makes. */
  async #check(disk: VirtualDisk, name: string, shape: Shape): Promise<void> {
    if (await this.#bbolt.add(disk, name)) return;
    const copy = crashNow(disk, { mode: "kill", seed: 0 });
    const life = new Life(copy, new Ledger(), 0, { shape });
    life.verify();
    life.close();
    this.#made += 1;
    await this.#bbolt.add(copy.disk, `${name}, then started`);
  }

  async #lookAtStep(crash: Crashed, options: LifeOptions & { seed: number }): Promise<void> {
    const name = `scenario ${options.seed}, ${crash.step}`;
    const place = this.#steps;
    this.#crashes += 1;
    this.#steps += 1;
    await this.#check(crash.disk, name, options.shape);
    const problems = restart(crash, place, options);
    if (problems.length === 0) this.#passed += 1;
    for (const problem of problems) this.#fail(`${name}: ${problem}`);
  }
}

/** Starts a member on what a crash left; now and then lets it work and crashes it again. */
function restart(crash: Crashed, place: number, options: LifeOptions): readonly string[] {
  try {
    const missing = missingSnapshot(crash);
    if (missing !== null) return [missing];
    const life = new Life(crash, crash.ledger, place, options);
    life.verify();
    if (life.isOver || place % GO_ON_EVERY !== 0) {
      life.member.die();
      return life.problems;
    }
    life.load(new Prng(place), GO_ON_ANSWERS);
    life.member.die();
    if (life.isOver) return life.problems;
    const mode = place % 2 === 0 ? "power" : "kill";
    const again = crashNow(crash.disk, { mode, seed: place });
    const second = new Life(again, crash.ledger, place, options);
    second.verify();
    second.member.die();
    return second.problems.map((problem) => `and once more by ${mode}: ${problem}`);
  } catch (error) {
    return [`the member does not start: ${String(error)}`];
  }
}

/** etcd 3.5 and 3.6 do not start when the log names a snapshot whose file is not there. */
function missingSnapshot({ disk }: Pick<Crashed, "disk">): string | null {
  const newest = newestSnapshot(disk);
  if (newest === undefined || newest.index === 0) return null;
  // On a copy: what is broken is renamed.
  const copy = crashNow(disk, { mode: "kill", seed: 0 });
  const { snapshot } = new SnapDirectory(copy.disk, SNAP_DIR).loadNewest(
    (index, term) => index === newest.index && term === newest.term,
  );
  return snapshot === null ? `no .snap file for the log's snapshot at ${newest.index}` : null;
}

function newestSnapshot(disk: VirtualDisk): WalSnapshot | undefined {
  const place = { disk, dir: WAL_DIR };
  try {
    return walExists(place) ? validSnapshots(place).at(-1) : undefined;
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    // The start is to say it.
    return undefined;
  }
}

/** Clients and sizes differ from world to world, so that steps fall together in other ways. */
function shapeOf(prng: Prng): Shape {
  const { snapshotCount, walSegmentBytes, filesMax, clients } = SMALL;
  return {
    snapshotCount: snapshotCount + prng.below(40),
    walSegmentBytes: walSegmentBytes + prng.below(3) * 4096,
    filesMax: filesMax + prng.below(2),
    clients: clients + prng.below(10),
  };
}
