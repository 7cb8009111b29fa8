import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { message } from "../errors/proto-writer.ts";
import { generateProgram, type Step } from "./program.ts";
import { WatchPair } from "./watch-pair.ts";

const PROGRAMS = { ci: 10, full: 300 } as const;
const STEPS = 40;
/** CI starts no program after this, so that a busy machine ends in time with fewer of them. */
const CI_LIMIT_MS = 14_000;
const FAILURES_MAX = 5;
/** Values that make events of one revision too large for a fragment: 2 MiB. */
const LARGE_VALUES = [700_000, 800_000, 900_000, 500_000, 100, 1_400_000];
const LARGE_WAIT_MS = 300;

/**
 * The same random programs of writes and watches to etcd 3.7.1 and to Skein: each watcher must be
 * told the same in the same responses. `--from A --to B` runs programs A to B (inclusive).
 */
export async function run({ seed, size, args }: LongOptions): Promise<LongResult> {
  const from = argument(args, "--from") ?? 0;
  const to = argument(args, "--to") ?? PROGRAMS[size] - 1;
  const prng = new Prng(seed);
  const seeds = Array.from({ length: to + 1 }, () => prng.uint32());
  const endMs = performance.now() + (size === "ci" ? CI_LIMIT_MS : Number.POSITIVE_INFINITY);
  let passed = 0;
  let failed = 0;
  const tell = (name: string, difference: string | null): void => {
    if (difference === null) passed += 1;
    else {
      failed += 1;
      console.log(`${name} differs at ${difference}`);
    }
  };
  let pair = await WatchPair.start();
  try {
    tell("large revisions", await largeRevisions(pair));
    for (let number = from; number <= to && failed < FAILURES_MAX; number += 1) {
      if (performance.now() > endMs) break;
      const difference = await runProgram(pair, generateProgram(seeds[number]!, STEPS));
      const again = `npm run long -- watch --seed ${seed} --from ${number} --to ${number}`;
      tell(`program ${number} (again: ${again})`, difference);
      if (difference === null) continue;
      await pair.stop();
      pair = await WatchPair.start();
    }
  } finally {
    await pair.stop();
  }
  console.log(`watch: ${passed} programs agree, ${failed} differ`);
  return { passed, failed };
}

function argument(args: readonly string[], name: string): number | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : Number(args[at + 1]);
}

async function runProgram(pair: WatchPair, steps: readonly Step[]): Promise<string | null> {
  pair.begin();
  for (const [at, step] of steps.entries()) {
    const difference = await pair.step(step);
    if (difference !== null) return `step ${at}, ${JSON.stringify(step, printable)}: ${difference}`;
  }
  const difference = await pair.settle(100);
  return difference === null ? null : `the end: ${difference}`;
}

function printable(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return value;
}

/** A deletion whose events are 4 MB: whole, and in fragments as etcd cuts them. */
async function largeRevisions(pair: WatchPair): Promise<string | null> {
  pair.begin();
  for (const [at, bytes] of LARGE_VALUES.entries()) {
    const request = message([1, `large${at}`], [2, "v".repeat(bytes)]);
    await pair.write("/etcdserverpb.KV/Put", request);
  }
  const range = { key: "large", rangeEnd: "largf", startRevision: 0 };
  for (const fragment of [false, true]) {
    for (const prevKv of [false, true]) {
      const fields = { ...range, fragment, prevKv };
      const difference = await pair.step({ kind: "create", stream: 0, fields });
      if (difference !== null) return `creating: ${difference}`;
    }
  }
  await pair.write("/etcdserverpb.KV/DeleteRange", message([1, "large"], [2, "largf"]));
  const difference = await pair.settle(LARGE_WAIT_MS);
  if (difference !== null) return `the deletion: ${difference}`;
  const [, told] = pair.told(0);
  const fragments = told.filter(({ isFragment }) => isFragment).length;
  return fragments > 1 ? null : `the deletion: ${fragments} fragments`;
}
