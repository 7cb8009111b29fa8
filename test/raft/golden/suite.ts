import path from "node:path";
import {
  findGoldenFiles,
  GIVEN_GOLDEN_DIR,
  GIVEN_GOLDEN_FILES,
  type GoldenFile,
  SCENARIOS_DIR,
  SUITES,
} from "../../../src/raft/testing/golden-folders.ts";
import { describeMismatch, replay } from "../../../src/raft/testing/replay.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";

/**
 * Replays every file below `--dir D` (`quorum/`, `confchange/`, `interaction/`), a line each.
 * Without it the recordings that we were given, all of which must be there, and our own scenarios.
 */
export async function run({ args }: LongOptions): Promise<LongResult> {
  const dir = dirOf(args);
  if (dir !== undefined) return replayAll(dir, findGoldenFiles(dir));
  const given = findGoldenFiles(GIVEN_GOLDEN_DIR);
  const theirs = replayAll(GIVEN_GOLDEN_DIR, given);
  const ours = replayAll(SCENARIOS_DIR, findGoldenFiles(SCENARIOS_DIR));
  const missing = Math.max(0, GIVEN_GOLDEN_FILES - given.length);
  if (missing > 0) console.log(`FAILED  ${missing} recordings are not in ${GIVEN_GOLDEN_DIR}`);
  return {
    passed: theirs.passed + ours.passed,
    failed: theirs.failed + ours.failed + missing,
  };
}

/** `--dir D` or `--dir=D`. @throws Error for `--dir` without a folder. */
function dirOf(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => arg === "--dir" || arg.startsWith("--dir="));
  if (at < 0) return undefined;
  const dir = args[at] === "--dir" ? args[at + 1] : args[at]!.slice("--dir=".length);
  if (dir === undefined || dir === "") throw new Error("--dir: which folder?");
  return path.resolve(dir);
}

function replayAll(dir: string, files: readonly GoldenFile[]): LongResult {
  let commands = 0;
  let failed = 0;
  for (const { name, suite, text } of files) {
    const outcome = replayFile(suite, text);
    commands += outcome.commands;
    if (outcome.problem === null) {
      console.log(`ok      ${name} (${outcome.commands} commands)`);
      continue;
    }
    failed += 1;
    console.log(`FAILED  ${name}: ${outcome.problem}`);
  }
  console.log(`${dir}: ${files.length} files, ${commands} commands, ${failed} files differ`);
  return { passed: files.length - failed, failed };
}

/** A file that cannot be read is a file that differs. */
function replayFile(
  suite: string,
  text: string,
): { readonly commands: number; readonly problem: string | null } {
  try {
    const { commands, mismatch } = replay(text, SUITES[suite]!());
    return { commands, problem: mismatch === null ? null : describeMismatch(mismatch) };
  } catch (error) {
    return { commands: 0, problem: error instanceof Error ? error.message : String(error) };
  }
}
