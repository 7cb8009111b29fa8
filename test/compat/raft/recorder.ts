import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { oraclePath } from "../oracles/oracles.ts";

/** Longest run of the library over one batch; a scenario takes under a millisecond. */
const TIMEOUT_MS = 20_000;

/**
 * What the Go library prints for files: name (`suite/file.txt`) to text. Comes back with the same
 * names and the library's outputs in place of those in the texts.
 * @throws Error when the oracle is missing, or does not come to an end.
 */
export function recordWithLibrary(files: ReadonlyMap<string, string>): Map<string, string> {
  const program = oraclePath("raft-golden");
  if (program === undefined) throw new Error("raft-golden is missing: npm run oracles");
  const dir = mkdtempSync(path.join(tmpdir(), "raft-golden-"));
  try {
    for (const [name, text] of files) {
      const file = path.join(dir, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const ran = spawnSync(program, [dir], { timeout: TIMEOUT_MS, encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`raft-golden: ${ran.error ?? ran.stdout + ran.stderr}`);
    return new Map(
      Array.from(files.keys(), (name) => [
        name,
        settleSpaces(readFileSync(path.join(dir, name), "utf8")),
      ]),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Between fields of a message Go prints one space or two, as the program's hash has it. */
function settleSpaces(text: string): string {
  return text.replace(/attempted to restore snapshot .*/g, (line) => line.replace(/ {2,}/g, " "));
}
