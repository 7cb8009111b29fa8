import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { confchangeCommands } from "./confchange-commands.ts";
import { interactionCommands } from "./interaction/commands.ts";
import { quorumCommands } from "./quorum-commands.ts";
import type { Interpreter } from "./replay.ts";

const ROOT = path.join(import.meta.dirname, "../../..");

/** Recordings of the Go library; they are data beside the clone and never part of it. */
export const GIVEN_GOLDEN_DIR: string = path.join(ROOT, "../shared/raft-testdata");
/** How many files they are. */
export const GIVEN_GOLDEN_FILES = 19;
/** Our own scenarios in the same language. */
export const SCENARIOS_DIR: string = path.join(ROOT, "test/raft/scenarios");

/** Each folder has its commands; a file starts from nothing. */
export const SUITES: Readonly<Record<string, () => Interpreter>> = {
  quorum: quorumCommands,
  confchange: confchangeCommands,
  interaction: interactionCommands,
};

/** One file to replay. */
export interface GoldenFile {
  /** Suite and file name. */
  readonly name: string;
  readonly suite: string;
  readonly text: string;
}

/** The files below `dir` of the suites, by name; none when the folder is not there. */
export function findGoldenFiles(
  dir: string,
  suites: readonly string[] = Object.keys(SUITES),
): readonly GoldenFile[] {
  return suites.flatMap((suite) => {
    const folder = path.join(dir, suite);
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => path.basename(file).endsWith(".txt"))
      .toSorted()
      .map((file) => ({
        name: `${suite}/${file}`,
        suite,
        text: readFileSync(path.join(folder, file), "utf8"),
      }));
  });
}
