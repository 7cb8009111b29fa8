import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import path from "node:path";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { oraclePath } from "../../compat/oracles/oracles.ts";
import { ServerProcess } from "../server-process.ts";
import { killAgainAndAgain } from "./rounds.ts";

/** Acceptance asks for 500 in the full run. */
const ROUNDS = { ci: 15, full: 500 } as const;
/** So small that a directory's rounds cut the log, take snapshots of it and remove segments. */
const FLAGS = ["--snapshot-count=500", "--wal-segment-bytes=262144"];

/** As the kill suite, with a log that is cut all the time; bbolt checks after each kill. */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const rounds = ROUNDS[size];
  const bbolt = oraclePath("bbolt");
  if (bbolt === undefined) throw new Error("bbolt is missing: npm run oracles");
  let checks = 0;
  const inspect = (dataDir: string): string | null => {
    checks += 1;
    return check(bbolt, dataDir);
  };
  const start = (dataDir: string, port: number): Promise<ServerProcess> =>
    ServerProcess.startWithSmallLog(dataDir, port, FLAGS);
  // Now and then before the first commit of a life, mostly behind some.
  const options = { rounds, start, acksMin: 100, acksMoreMax: 700, inspect };
  const { passed, acknowledged } = await killAgainAndAgain(new Prng(seed), options);
  process.stdout.write(
    `kill with a small log: ${passed} of ${rounds} rounds, ${acknowledged} acknowledged writes ` +
      `verified, ${checks} bbolt checks\n`,
  );
  return { passed, failed: rounds - passed };
}

/** bbolt's verdict on a copy: it would wait for a lock. */
function check(bbolt: string, dataDir: string): string | null {
  const copy = path.join(dataDir, "copy.db");
  copyFileSync(path.join(dataDir, "member", "snap", "db"), copy);
  try {
    const said = execFileSync(bbolt, ["check", copy], { encoding: "utf8" }).trim();
    return said === "OK" ? null : `bbolt says ${said}`;
  } catch (error) {
    return `bbolt says ${String(error)}`;
  } finally {
    rmSync(copy);
  }
}
