/** Interleaved rounds over several servers. */
import { mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildLoader } from "./loader.ts";
import { commitLine, fileSystemOf, machineLine } from "./proc.ts";
import { lowestCpuOf, mediansOf } from "./results.ts";
import type { Medians, Recorded } from "./results.ts";
import { runRound } from "./round.ts";
import type { Turn } from "./round.ts";
import { isAvailable, versionOf } from "./servers.ts";
import type { ServerName } from "./servers.ts";
import type { Row, Scale } from "./workloads.ts";

const ROOT = path.join(import.meta.dirname, "..");

/** What to compare. */
export interface CompareOptions {
  readonly servers: readonly ServerName[];
  readonly rows: readonly Row[];
  readonly scale: Scale;
  readonly rounds: number;
  readonly seed: number;
  /** Where data directories are made; default: `chooseDir()`. */
  readonly baseDir?: string;
  /** As the results shall name it. */
  readonly command: string;
}

/** What came out. Any fault means that the figures are not to be trusted. */
export interface Comparison {
  readonly recorded: Recorded;
  /** As the medians, with the lowest CPU per operation. */
  readonly lowest: Medians;
  readonly faults: readonly string[];
}

/** A directory on a real disk: the system's temporary one, else one beside the clone. */
export function chooseDir(): string {
  const candidates = [os.tmpdir(), path.join(ROOT, "..")];
  const found = candidates.find((dir) => fileSystemOf(dir) !== "tmpfs");
  if (found === undefined) throw new Error("only tmpfs here: pass --dir on a real disk");
  return found;
}

/** A line that replaces itself on a terminal, and nothing elsewhere. */
function showStep(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\u001b[2K${text}`);
}

function summary(turn: Turn): string {
  const rows = [...turn.samples];
  const shown = rows.slice(0, 3).map(([row, sample]) => {
    const speed = Math.round(sample.throughput).toLocaleString("en-US");
    return `${row} ${speed}/s ${sample.cpuUsPerOp.toFixed(1)} µs`;
  });
  return `${shown.join(", ")}${rows.length > 3 ? ` … ${rows.length} rows` : ""}`;
}

/** Runs all rounds; the order of the servers turns by one each round. */
export async function compare(options: CompareOptions): Promise<Comparison> {
  const missing = options.servers.filter((name) => !isAvailable(name));
  if (missing.length > 0) {
    throw new Error(`not installed: ${missing.join(", ")} (npm run oracles builds etcd)`);
  }
  const baseDir = options.baseDir ?? chooseDir();
  mkdirSync(baseDir, { recursive: true });
  buildLoader();
  const turns: Turn[] = [];
  for (let at = 0; at < options.rounds; at += 1) {
    const first = at % options.servers.length;
    const label = `round ${at + 1}/${options.rounds}`;
    const startMs = performance.now();
    const round = await runRound({
      servers: [...options.servers.slice(first), ...options.servers.slice(0, first)],
      rows: options.rows,
      scale: options.scale,
      baseDir,
      seed: options.seed + at,
      onStep: (text) => showStep(`${label} ${text}`),
    });
    showStep("");
    console.log(`${label} took ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    for (const turn of round) {
      console.log(`  ${turn.server.padEnd(10)} ${summary(turn)}`);
      for (const fault of turn.faults) console.log(`  FAULT ${fault}`);
    }
    turns.push(...round);
  }
  const versions = options.servers.map((name) => [
    name,
    name === "skein" ? `${versionOf(name)}, commit ${commitLine(ROOT)}` : versionOf(name),
  ]);
  return {
    faults: turns.flatMap((turn) => turn.faults),
    lowest: lowestCpuOf(turns),
    recorded: {
      date: new Date().toISOString().slice(0, 10),
      machine: machineLine(baseDir),
      versions: Object.fromEntries(versions) as Record<string, string>,
      command: options.command,
      rounds: options.rounds,
      keys: options.scale.keys,
      medians: mediansOf(turns),
    },
  };
}
