import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { generateProgram } from "./generate.ts";
import { Laboratory } from "./laboratory.ts";
import { Pair, printDifference } from "./pair.ts";
import { printStep, type Step } from "./steps.ts";

const PROGRAMS = { ci: 200, full: 5000 } as const;
/** Programs on one pair of servers: the first meets a store that was never compacted. */
const BLOCK_PROGRAMS = 25;
/** Pairs that work side by side. */
const LANES = 2;
/** CI starts no program after this, so that a busy machine ends in time with fewer of them. */
const CI_LIMIT_MS = 75_000;
/** After that many there is enough to repair. */
const FAILURES_MAX = 5;

interface Tally {
  passed: number;
  failed: number;
  steps: number;
  etcdDeaths: number;
}

interface Work {
  /** Seeds of all programs. */
  readonly seeds: readonly number[];
  readonly replay: string;
  readonly tally: Tally;
  /** Enough was found, or the time is over. */
  readonly isOver: () => boolean;
}

/**
 * The same random programs to etcd 3.7.1 and to Skein, step by step, on stores that go through the
 * same revisions: the answers must be equal. `--from A --to B` runs programs A to B (inclusive) on
 * one pair, as a report says; `--programs N` as many instead of what the size says.
 */
export async function run({ seed, size, args }: LongOptions): Promise<LongResult> {
  const count = argument(args, "--programs") ?? PROGRAMS[size];
  const from = argument(args, "--from") ?? 0;
  const to = argument(args, "--to") ?? count - 1;
  const isReplay = args.includes("--from");
  const prng = new Prng(seed);
  const seeds = Array.from({ length: to + 1 }, () => prng.uint32());
  const replay = `npm run long -- differential --seed ${seed}`;
  const tally: Tally = { passed: 0, failed: 0, steps: 0, etcdDeaths: 0 };
  const endMs =
    size === "ci" && !isReplay ? performance.now() + CI_LIMIT_MS : Number.POSITIVE_INFINITY;
  const isOver = (): boolean => tally.failed >= FAILURES_MAX || performance.now() >= endMs;
  const work: Work = { seeds, replay, tally, isOver };
  let next = from;
  const lane = async (): Promise<void> => {
    while (next <= to && !isOver()) {
      const first = next;
      const last = isReplay ? to : Math.min(to, first + BLOCK_PROGRAMS - 1);
      next = last + 1;
      await runBlock(work, first, last);
    }
  };
  await Promise.all(Array.from({ length: isReplay ? 1 : LANES }, lane));
  const { passed, failed, steps, etcdDeaths } = tally;
  if (performance.now() >= endMs) {
    console.log(`differential: out of time after ${passed + failed} of ${to + 1} programs`);
  }
  console.log(`differential: ${passed} programs agree, ${failed} differ, ${steps} steps`);
  if (etcdDeaths > 0) console.log(`differential: etcd itself died in ${etcdDeaths} programs`);
  return { passed, failed };
}

function argument(args: readonly string[], name: string): number | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : Number(args[at + 1]);
}

/** Programs `first` to `last` on one pair; a fresh one after each that left the stores apart. */
async function runBlock(
  { seeds, replay, tally, isOver }: Work,
  first: number,
  last: number,
): Promise<void> {
  let pair = await Pair.start();
  let pairFirst = first;
  const ran: (readonly Step[])[] = [];
  try {
    for (let number = first; number <= last && !isOver(); number += 1) {
      const program = generateProgram(seeds[number]!);
      const { difference, etcdDied, steps } = await pair.run(program);
      tally.steps += steps;
      if (difference === null && !etcdDied) {
        tally.passed += 1;
        ran.push(program);
        continue;
      }
      await pair.stop();
      if (etcdDied) tally.etcdDeaths += 1;
      if (difference !== null) {
        tally.failed += 1;
        const lines = [`program ${number} differs:`, ...printDifference(difference)];
        const again = `${replay} --from ${pairFirst} --to ${number}`;
        console.log([...lines, `again: ${again}`].join("\n"));
        await report(number, [...ran, program.slice(0, difference.at + 1)]);
      }
      pair = await Pair.start();
      pairFirst = number + 1;
      ran.length = 0;
    }
  } finally {
    await pair.stop();
  }
}

async function report(number: number, programs: readonly (readonly Step[])[]): Promise<void> {
  const { steps, difference } = await new Laboratory().examine(programs);
  if (difference === null) {
    console.log(`program ${number}: the difference did not show again`);
    return;
  }
  const lines = steps.map((step, at) => `  ${at}. ${printStep(step)}`);
  console.log(
    [`program ${number} made small:`, ...lines, ...printDifference(difference)].join("\n"),
  );
}
