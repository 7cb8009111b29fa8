/** The short form for CI: four rows, CPU per operation judged by what is recorded. */
import { compare } from "./compare.ts";
import { terminalTable } from "./report.ts";
import { compareCpu, readResults, WORSE_MAX, writeResults } from "./results.ts";
import { isAvailable } from "./servers.ts";
import type { ServerName } from "./servers.ts";
import { SHORT, SHORT_ROWS } from "./workloads.ts";
import type { Row } from "./workloads.ts";

/** How the short form is run. */
export interface ShortOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly baseDir?: string;
  readonly rows?: readonly Row[];
  /** Write the ratios down as the new measure instead of judging by the old. */
  readonly isRecording: boolean;
}

/** Rows that are as good as recorded, and those that are worse or faulty. */
export interface ShortResult {
  readonly passed: number;
  readonly failed: number;
}

export const SHORT_ROUNDS = 3;

/** Runs the short form and prints what it found. */
export async function runShort(options: ShortOptions): Promise<ShortResult> {
  const other: ServerName | undefined = (["etcd-3.7.1", "etcd-3.4"] as const).find(isAvailable);
  if (other === undefined) throw new Error("no etcd to compare with: npm run oracles");
  const { recorded, faults } = await compare({
    servers: ["skein", other],
    rows: options.rows ?? SHORT_ROWS,
    scale: SHORT,
    rounds: options.rounds,
    seed: options.seed,
    command: "npm run bench -- --short",
    ...(options.baseDir === undefined ? {} : { baseDir: options.baseDir }),
  });
  console.log(`\n${terminalTable(recorded.medians)}\n`);
  if (faults.length > 0) return { passed: 0, failed: faults.length };
  if (options.isRecording) {
    writeResults({ short: recorded });
    console.log("recorded in bench/results.json");
    return { passed: Object.keys(recorded.medians).length, failed: 0 };
  }
  const found = compareCpu(recorded.medians, readResults().short?.medians ?? {}, other);
  if (found.length === 0) {
    console.log(`no recorded ratios against ${other}: npm run bench -- --short --record`);
    return { passed: 0, failed: 1 };
  }
  for (const each of found) {
    const verdict = each.isWorse ? "WORSE" : "ok";
    const change = `${each.recorded.toFixed(3)} → ${each.now.toFixed(3)}`;
    console.log(`${each.row.padEnd(14)} CPU ÷ ${other} ${change}  ${verdict}`);
  }
  const failed = found.filter((each) => each.isWorse).length;
  if (failed > 0) console.log(`more than ${WORSE_MAX} × the recorded CPU per operation`);
  return { passed: found.length - failed, failed };
}
