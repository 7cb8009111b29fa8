import { writeFileSync } from "node:fs";
import path from "node:path";
import { Prng } from "../../../src/base/prng.ts";
import { DataFileError } from "../../../src/raft/testing/data-file.ts";
import {
  findGoldenFiles,
  type GoldenFile,
  SCENARIOS_DIR,
  SUITES,
} from "../../../src/raft/testing/golden-folders.ts";
import { describeMismatch, type Mismatch, replay } from "../../../src/raft/testing/replay.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { recordWithLibrary } from "./recorder.ts";
import { randomScenario, scenarioFile } from "./scenario.ts";
import { shrink } from "./shrink.ts";

const SCENARIOS = { ci: 2_000, full: 50_000 } as const;
/** Scenarios that the library is given at a time. */
const BATCH = 250;

/**
 * Our Raft core beside the library of etcd 3.7: what our scenario files say is what the library
 * prints, and random scenarios go the same way in both, message by message and line by line.
 * `--scenarios N` sets how many; `--record` writes into our files what the library prints.
 */
export async function run({ seed, size, args }: LongOptions): Promise<LongResult> {
  const asked = args[args.indexOf("--scenarios") + 1];
  const count = args.includes("--scenarios") ? Number(asked) : SCENARIOS[size];
  if (args.includes("--record")) record(findGoldenFiles(SCENARIOS_DIR));
  const files = checkFiles(findGoldenFiles(SCENARIOS_DIR));
  const random = checkRandom(seed, count);
  return { passed: files.passed + random.passed, failed: files.failed + random.failed };
}

/** A new scenario is written as commands, each with a line `----` behind it, and recorded. */
function record(files: readonly GoldenFile[]): void {
  const recorded = recordWithLibrary(new Map(files.map(({ name, text }) => [name, text])));
  for (const { name, text } of files) {
    if (recorded.get(name) === text) continue;
    writeFileSync(path.join(SCENARIOS_DIR, name), recorded.get(name)!);
    console.log(`recorded ${name}`);
  }
}

/** Our files must say what the library says, to the byte. */
function checkFiles(files: readonly GoldenFile[]): LongResult {
  const recorded = recordWithLibrary(new Map(files.map(({ name, text }) => [name, text])));
  let failed = 0;
  for (const { name, text } of files) {
    if (recorded.get(name) === text) continue;
    failed += 1;
    const lines = text.split("\n");
    const found = recorded.get(name)!.split("\n");
    const at = lines.findIndex((line, index) => line !== found[index]);
    console.log(`${name}:${at + 1}: we say\n  ${lines[at]}\nthe library\n  ${found[at]}`);
  }
  console.log(`${files.length} scenario files, ${failed} of which the library contradicts`);
  return { passed: files.length - failed, failed };
}

function checkRandom(seed: number, count: number): LongResult {
  let failed = 0;
  let commands = 0;
  for (let done = 0; done < count; done += BATCH) {
    const batch = new Map<string, readonly string[]>();
    for (let at = done; at < Math.min(done + BATCH, count); at += 1) {
      batch.set(`interaction/${at}.txt`, randomScenario(new Prng(seed * 2 ** 21 + at)));
    }
    const texts = new Map([...batch].map(([name, scenario]) => [name, scenarioFile(scenario)]));
    for (const [name, text] of recordWithLibrary(texts)) {
      commands += batch.get(name)!.length;
      const { mismatch } = replay(text, SUITES["interaction"]!());
      if (mismatch === null) continue;
      failed += 1;
      report(name, batch.get(name)!);
    }
  }
  console.log(`${count} random scenarios, ${commands} commands, ${failed} went another way`);
  return { passed: count - failed, failed };
}

/** Prints the shortest scenario that still goes another way. */
function report(name: string, scenario: readonly string[]): void {
  const mismatchOf = (commands: readonly string[]): Mismatch | null => {
    const text = recordWithLibrary(new Map([[name, scenarioFile(commands)]])).get(name)!;
    return replay(text, SUITES["interaction"]!()).mismatch;
  };
  const fails = (commands: readonly string[]): boolean => {
    // Without its nodes a command makes no sense, and each harness says so in its own way.
    try {
      const mismatch = mismatchOf(commands);
      return mismatch !== null && !mismatch.actual.startsWith(DataFileError.name);
    } catch {
      return false;
    }
  };
  const shortest = shrink(scenario, fails);
  console.log(`${name}:\n${shortest.map((each) => `  ${each}\n`).join("")}`);
  console.log(describeMismatch(mismatchOf(shortest)!));
}
