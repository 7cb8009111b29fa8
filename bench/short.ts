/** The short form for CI: four rows, CPU per operation judged by what is recorded. */
import { compare } from "./compare.ts";
import { terminalTable } from "./report.ts";
import { compareCpu, readResults, WORSE_MAX, writeResults } from "./results.ts";
import type { Medians, Regression } from "./results.ts";
import { isAvailable } from "./servers.ts";
import type { ServerName } from "./servers.ts";
import { rowId, SHORT, SHORT_ROWS } from "./workloads.ts";
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

export const SHORT_ROUNDS = 5;

/** Measures the rows and prints the table; throws when an answer was wrong or a server failed. */
async function measure(options: ShortOptions, other: ServerName, rows: readonly Row[]) {
  const { recorded, lowest, faults } = await compare({
    servers: ["skein", other],
    rows,
    scale: SHORT,
    rounds: options.rounds,
    seed: options.seed,
    command: "npm run bench -- --short",
    ...(options.baseDir === undefined ? {} : { baseDir: options.baseDir }),
  });
  console.log(`\n${terminalTable(recorded.medians)}\n`);
  if (faults.length > 0) throw new Error(`${faults.length} faults, see above`);
  return { recorded, lowest };
}

function judge(now: Medians, other: ServerName): readonly Regression[] {
  const found = compareCpu(now, readResults().short?.medians ?? {}, other);
  for (const each of found) {
    const verdict = each.isWorse ? "WORSE" : "ok";
    const change = `${each.recorded.toFixed(3)} → ${each.now.toFixed(3)}`;
    console.log(`${each.row.padEnd(14)} CPU ÷ ${other} ${change}  ${verdict}`);
  }
  return found;
}

/**
 * Runs the short form and prints what it found. Rows that look worse are measured once more before
 * they count, since a busy machine can make a row look worse but not twice.
 */
export async function runShort(options: ShortOptions): Promise<ShortResult> {
  const other: ServerName | undefined = (["etcd-3.7.1", "etcd-3.4"] as const).find(isAvailable);
  if (other === undefined) throw new Error("no etcd to compare with: npm run oracles");
  const rows = options.rows ?? SHORT_ROWS;
  const { recorded, lowest } = await measure(options, other, rows);
  if (options.isRecording) {
    writeResults({ short: recorded });
    console.log("recorded in bench/results.json");
    return { passed: rows.length, failed: 0 };
  }
  const found = judge(lowest, other);
  if (found.length === 0) {
    console.log(`no recorded ratios against ${other}: npm run bench -- --short --record`);
    return { passed: 0, failed: 1 };
  }
  const worse = new Set(found.filter((each) => each.isWorse).map((each) => each.row));
  if (worse.size === 0) return { passed: found.length, failed: 0 };
  console.log("\nonce more:");
  const suspects = rows.filter((each) => worse.has(rowId(each)));
  const again = judge((await measure(options, other, suspects)).lowest, other);
  const failed = again.filter((each) => each.isWorse).length;
  if (failed > 0) console.log(`more than ${WORSE_MAX} × the recorded CPU per operation`);
  return { passed: found.length - failed, failed };
}
