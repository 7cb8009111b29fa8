/**
 * `npm run long -- SUITE [--seed N] [--size ci|full] [ARGS…]`: suites that take minutes. Every run
 * prints its seed and the command that runs it again. `--list` prints the names for CI.
 */
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { LONG_SUITES } from "./long-suites.ts";

const root = path.join(import.meta.dirname, "..");
const SEED_MAX = 2 ** 32;

/** How much a suite does: `ci` fits into the check of every submission, `full` is all of it. */
export type LongSize = "ci" | "full";

/** What a suite is given. All randomness comes from `seed`, an integer in [0, 2^32). */
export interface LongOptions {
  readonly seed: number;
  readonly size: LongSize;
  /** Arguments that the runner does not know, as given. */
  readonly args: readonly string[];
}

/** How many scenarios (rounds, files, comparisons …) passed and failed; at least one in sum. */
export interface LongResult {
  readonly passed: number;
  readonly failed: number;
}

/** A suite's module exports `run`; a thrown error counts as one failure. */
export interface LongSuite {
  run(options: LongOptions): Promise<LongResult>;
}

/** The command line taken apart, or a message for the user. */
export function parseLongArgs(
  argv: readonly string[],
): { readonly suite: string; readonly options: LongOptions } | { readonly error: string } {
  let suite: string | undefined;
  let seed = randomInt(SEED_MAX);
  let size: LongSize = "full";
  const args: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at]!;
    const [flag, inline] = word.split("=", 2);
    if (flag === "--seed" || flag === "--size") {
      const value = inline ?? argv[(at += 1)] ?? "";
      if (flag === "--size") {
        if (value !== "ci" && value !== "full") return { error: `--size ${value}: ci or full` };
        size = value;
        continue;
      }
      seed = Number(value);
      if (value === "" || !Number.isInteger(seed) || seed < 0 || seed >= SEED_MAX) {
        return { error: `--seed ${value}: an integer from 0 to ${SEED_MAX - 1}` };
      }
    } else if (suite === undefined && !word.startsWith("-")) suite = word;
    else args.push(word);
  }
  if (suite === undefined) return { error: "which suite?" };
  return { suite, options: { seed, size, args } };
}

function present(): readonly string[] {
  return Object.keys(LONG_SUITES).filter((name) =>
    existsSync(path.join(root, LONG_SUITES[name]!.module)),
  );
}

function usage(): string {
  const lines = Object.entries(LONG_SUITES).map(
    ([name, suite]) => `  ${name.padEnd(14)} ${suite.what}`,
  );
  return `npm run long -- SUITE [--seed N] [--size ci|full]\nsuites:\n${lines.join("\n")}`;
}

async function runSuite(name: string, options: LongOptions): Promise<LongResult> {
  const entry = LONG_SUITES[name]!;
  const extra = options.args.length === 0 ? "" : ` ${options.args.join(" ")}`;
  const replay = `npm run long -- ${name} --seed ${options.seed} --size ${options.size}${extra}`;
  console.log(`suite ${name}, seed ${options.seed}; run again with: ${replay}`);
  try {
    const url = pathToFileURL(path.join(root, entry.module)).href;
    const suite = (await import(url)) as LongSuite;
    const result = await suite.run(options);
    if (result.passed + result.failed === 0) throw new Error("the suite did nothing");
    if (result.failed > 0) console.log(`FAILED; run again with: ${replay}`);
    return result;
  } catch (error) {
    console.error(error);
    console.log(`FAILED; run again with: ${replay}`);
    return { passed: 0, failed: 1 };
  }
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "--list") {
    for (const name of present()) if (LONG_SUITES[name]!.inCi) console.log(name);
    return 0;
  }
  const parsed = parseLongArgs(argv);
  if ("error" in parsed || !(parsed.suite in LONG_SUITES)) {
    const message = "error" in parsed ? parsed.error : `no suite ${parsed.suite}`;
    console.error(`${message}\n${usage()}`);
    return 2;
  }
  const { passed, failed } = await runSuite(parsed.suite, parsed.options);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

// A suite may leave a handle behind; what it found is already counted.
if (import.meta.main) process.exit(await main(process.argv.slice(2)));
