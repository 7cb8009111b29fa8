/**
 * `npm test [-- PATTERN…]`: the checks and every `*.test.ts`, in parallel. With patterns only the
 * test files whose path contains one of them. The last line is `N passed, N failed`.
 */
import { globSync } from "node:fs";
import path from "node:path";
import { run } from "node:test";
import { runChecks } from "./check.ts";

const root = path.join(import.meta.dirname, "..");

/** A test file that takes longer hangs. */
const FILE_TIMEOUT_MS = 180_000;
/** Processes at a time: our machines have two cores. */
const CONCURRENCY = 2;
const SLOWEST_SHOWN = 5;

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface TestError extends Error {
  readonly cause?: unknown;
}

function findTests(patterns: readonly string[]): string[] {
  return globSync("{src,test,bench,scripts}/**/*.test.ts", {
    cwd: root,
    exclude: ["**/node_modules/**"],
  })
    .filter((file) => patterns.length === 0 || patterns.some((each) => file.includes(each)))
    .sort();
}

function relative(file: string | undefined): string {
  return file === undefined ? "?" : path.relative(root, file);
}

function describe(error: TestError): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? cause.message;
}

/** Runs the files, prints failures as they happen, and counts tests (suites are not counted). */
async function runFiles(files: readonly string[], tally: Tally): Promise<void> {
  const secondsOf = new Map<string, number>();
  const outputOf = new Map<string, string>();
  const failedFiles = new Set<string>();
  const stream = run({
    files: files.map((file) => path.join(root, file)),
    concurrency: CONCURRENCY,
    timeout: FILE_TIMEOUT_MS,
  });
  const keepOutput = (event: { file?: string; message: string }): void => {
    const file = relative(event.file);
    outputOf.set(file, (outputOf.get(file) ?? "") + event.message);
  };
  stream.on("test:stdout", keepOutput);
  stream.on("test:stderr", keepOutput);
  stream.on("test:pass", (event) => {
    if (event.details.type === "suite") return;
    const file = relative(event.file);
    secondsOf.set(file, (secondsOf.get(file) ?? 0) + event.details.duration_ms / 1000);
    if (event.skip === undefined && event.todo === undefined) tally.passed += 1;
    else {
      tally.skipped += 1;
      console.log(`SKIPPED ${file}: ${event.name}: ${String(event.skip ?? event.todo)}`);
    }
  });
  stream.on("test:fail", (event) => {
    if (event.details.type === "suite") return;
    tally.failed += 1;
    const file = relative(event.file);
    failedFiles.add(file);
    console.log(`\nFAILED ${file}: ${event.name}\n${describe(event.details.error)}\n`);
  });
  for await (const event of stream) void event;
  for (const file of failedFiles) {
    const output = outputOf.get(file);
    if (output !== undefined) console.log(`output of ${file}:\n${output}`);
  }
  const slowest = [...secondsOf].sort((a, b) => b[1] - a[1]).slice(0, SLOWEST_SHOWN);
  for (const [file, seconds] of slowest) console.log(`${seconds.toFixed(1).padStart(6)} s ${file}`);
}

async function main(patterns: readonly string[]): Promise<void> {
  const startMs = performance.now();
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  if (patterns.length === 0) {
    for (const check of await runChecks()) {
      if (check.passed) tally.passed += 1;
      else tally.failed += 1;
    }
  }
  const files = findTests(patterns);
  if (files.length > 0) await runFiles(files, tally);
  if (tally.passed + tally.failed === 0) {
    console.log(`no test matches ${patterns.join(" ")}`);
    tally.failed += 1;
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  console.log(`${files.length} test files, ${tally.skipped} tests skipped, ${seconds} s`);
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  // A leaked handle of a test must not keep the runner; what it means is already counted.
  process.exit(tally.failed === 0 ? 0 : 1);
}

await main(process.argv.slice(2));
