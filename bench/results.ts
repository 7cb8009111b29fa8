/** Medians over rounds, ratios between servers, and the recorded results. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { median } from "./proc.ts";
import type { Sample, Turn } from "./round.ts";
import type { ServerName } from "./servers.ts";

const FILE = path.join(import.meta.dirname, "results.json");

/** How much worse the CPU ratio of the short form may get before CI fails: a quarter. */
export const WORSE_MAX = 1.25;

/** Medians of one row: by server. */
export type RowMedians = Readonly<Partial<Record<ServerName, Sample>>>;
/** Medians of all rows, by row id. */
export type Medians = Readonly<Record<string, RowMedians>>;

/** One recorded comparison. */
export interface Recorded {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly command: string;
  readonly rounds: number;
  /** Preloaded keys. */
  readonly keys: number;
  readonly medians: Medians;
}

/** What `bench/results.json` holds. */
export interface ResultsFile {
  readonly full?: Recorded;
  readonly short?: Recorded;
}

/** The median of each figure over the rounds, for every row and server. */
export function mediansOf(turns: readonly Turn[]): Medians {
  const found: Record<string, Partial<Record<ServerName, Sample>>> = {};
  const rows = new Set(turns.flatMap((turn) => [...turn.samples.keys()]));
  for (const row of rows) {
    found[row] = {};
    for (const server of new Set(turns.map((turn) => turn.server))) {
      const samples = turns
        .filter((turn) => turn.server === server)
        .flatMap((turn) => turn.samples.get(row) ?? []);
      if (samples.length === 0) continue;
      const of = (pick: (sample: Sample) => number) => round(median(samples.map(pick)));
      found[row][server] = {
        throughput: of((sample) => sample.throughput),
        p50Us: of((sample) => sample.p50Us),
        p99Us: of((sample) => sample.p99Us),
        cpuUsPerOp: of((sample) => sample.cpuUsPerOp),
        rssMib: of((sample) => sample.rssMib),
        clientCpuUsPerOp: of((sample) => sample.clientCpuUsPerOp),
      };
    }
  }
  return found;
}

/**
 * The same with the lowest CPU per operation of all rounds: what else runs on a machine, and a slow
 * disk, only ever add to it, and to each server in other rounds.
 */
export function lowestCpuOf(turns: readonly Turn[]): Medians {
  const found: Record<string, Partial<Record<ServerName, Sample>>> = {};
  for (const [row, servers] of Object.entries(mediansOf(turns))) {
    found[row] = {};
    for (const [name, sample] of Object.entries(servers)) {
      const server = name as ServerName;
      const own = turns.filter((turn) => turn.server === server);
      const all = own.flatMap((turn) => turn.samples.get(row) ?? []);
      const cpuUsPerOp = Math.min(...all.map((each) => each.cpuUsPerOp));
      found[row][server] = { ...sample, cpuUsPerOp };
    }
  }
  return found;
}

/** Four significant digits: more would be noise. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

/** Skein's figure divided by that of `other`; undefined when one is missing. */
export function ratio(
  row: RowMedians | undefined,
  other: ServerName,
  pick: (sample: Sample) => number,
): number | undefined {
  const [ours, theirs] = [row?.skein, row?.[other]];
  if (ours === undefined || theirs === undefined || pick(theirs) === 0) return undefined;
  return pick(ours) / pick(theirs);
}

/** The recorded results; empty when there are none. */
export function readResults(): ResultsFile {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as ResultsFile) : {};
}

/** Replaces one part of the recorded results. */
export function writeResults(part: ResultsFile): void {
  writeFileSync(FILE, `${JSON.stringify({ ...readResults(), ...part }, undefined, 1)}\n`);
}

/** One row of the short form against what was recorded. */
export interface Regression {
  readonly row: string;
  readonly recorded: number;
  readonly now: number;
  readonly isWorse: boolean;
}

/** Compares CPU per operation relative to `other` with the recorded ratios, row by row. */
export function compareCpu(now: Medians, recorded: Medians, other: ServerName): Regression[] {
  const cpu = (sample: Sample) => sample.cpuUsPerOp;
  return Object.keys(now).flatMap((row) => {
    const before = ratio(recorded[row], other, cpu);
    const after = ratio(now[row], other, cpu);
    if (before === undefined || after === undefined) return [];
    return [{ row, recorded: before, now: after, isWorse: after > before * WORSE_MAX }];
  });
}
