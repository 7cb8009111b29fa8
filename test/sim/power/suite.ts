import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { runPowerWorld, withoutSync } from "./round.ts";

/** Rounds = crashes; acceptance asks for 300 in the full run and at least 1,000 writes a round. */
const ROUNDS = { ci: 20, full: 300 } as const;
const ACKS_MIN = 1000;
const ACKS_MAX = 1500;
/** A fresh directory now and then, so that restarts do not grow ever longer. */
const ROUNDS_PER_WORLD = 10;
/** Within so many rounds a member whose log is not synced must have lost something. */
const PLANTED_ROUNDS_MAX = 20;

/** Crashes of one member under load in simulated worlds, and the proof that losses are found. */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const rounds = ROUNDS[size];
  let failed = 0;
  let passed = 0;
  let acknowledged = 0;
  for (let done = 0; done < rounds; done += ROUNDS_PER_WORLD) {
    const worldSeed = (seed + done) % 2 ** 32;
    const crashes = Math.min(ROUNDS_PER_WORLD, rounds - done);
    const result = runPowerWorld({
      seed: worldSeed,
      crashes,
      acksMin: ACKS_MIN,
      acksMax: ACKS_MAX,
      modes: ["power", "power", "kill"],
    });
    acknowledged += result.acknowledged;
    passed += result.crashes;
    if (result.problems.length > 0) {
      failed += 1;
      process.stdout.write(`world seed ${worldSeed}, after crash ${result.crashes}:\n`);
      for (const problem of result.problems.slice(0, 5)) process.stdout.write(`  ${problem}\n`);
    }
  }
  const planted = runPowerWorld({
    seed,
    crashes: PLANTED_ROUNDS_MAX,
    acksMin: 100,
    acksMax: 200,
    modes: ["power"],
    wrapDisk: withoutSync,
  });
  const isFound = planted.problems.length > 0;
  const found = isFound ? `found at crash ${planted.crashes}` : "NOT found";
  process.stdout.write(
    `power: ${passed} crashes, ${acknowledged} acknowledged writes verified; ` +
      `without fdatasync the loss was ${found}\n`,
  );
  return { passed: passed + (isFound ? 1 : 0), failed: failed + (isFound ? 0 : 1) };
}
