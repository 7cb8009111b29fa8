/** One server's turn in a round: start fresh, preload, every row, stop. */
import { load } from "./loader.ts";
import type { LoadResult } from "./loader.ts";
import { memoryOf } from "./proc.ts";
import { startServer } from "./servers.ts";
import type { Server, ServerName } from "./servers.ts";
import { flagsFor, rowId } from "./workloads.ts";
import type { Row, Scale } from "./workloads.ts";

/** One measurement of one row on one server. */
export interface Sample {
  readonly throughput: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly cpuUsPerOp: number;
  readonly rssMib: number;
  readonly clientCpuUsPerOp: number;
}

/** What one turn brought. */
export interface Turn {
  readonly server: ServerName;
  readonly samples: ReadonlyMap<string, Sample>;
  /** Runs whose answers were wrong, or that failed; each makes the whole benchmark fail. */
  readonly faults: readonly string[];
}

export interface TurnOptions {
  readonly server: ServerName;
  readonly rows: readonly Row[];
  readonly scale: Scale;
  readonly baseDir: string;
  readonly seed: number;
  /** Told what is running now. */
  readonly onStep: (text: string) => void;
}

/** Preloads and checks that exactly that many transactions were counted. */
export async function preload(server: Server, scale: Scale, seed: number): Promise<LoadResult> {
  const result = await load({
    addr: server.address,
    workload: "preload",
    keys: scale.keys,
    conns: 8,
    inflight: 4,
    "timeout-ms": 60_000,
    seconds: 120,
    seed,
  });
  if (!result.verified) throw new Error(`preload of ${server.name}: ${JSON.stringify(result)}`);
  return result;
}

function toSample(result: LoadResult, rssMib: number): Sample {
  return {
    throughput: result.throughput,
    p50Us: result.p50_us,
    p99Us: result.p99_us,
    cpuUsPerOp: result.cpu_us_per_op,
    rssMib,
    clientCpuUsPerOp: result.client_cpu_us_per_op,
  };
}

/** A run is sound when it was verified and nothing but successes came back. */
function faultOf(result: LoadResult): string | undefined {
  if (result.ok === 0) return `no success: ${JSON.stringify(result.errors)}`;
  if (!result.verified) return `not verified: ${JSON.stringify(result)}`;
  if (Object.keys(result.errors).length > 0) return `errors: ${JSON.stringify(result.errors)}`;
  return undefined;
}

async function runRows(server: Server, options: TurnOptions, faults: string[]) {
  const samples = new Map<string, Sample>();
  let inserted: LoadResult | undefined;
  for (const [at, each] of options.rows.entries()) {
    if (each.needsStream && server.name === "etcd-3.4") continue;
    const needsInsert = each.workload === "query" || each.workload === "delete";
    if (needsInsert && inserted === undefined) continue;
    options.onStep(`${server.name} ${rowId(each)}`);
    const flags = flagsFor(each, options.scale, inserted);
    const seed = options.seed * 1000 + at + 1;
    const result = await load({ ...flags, addr: server.address, pid: server.pid, seed });
    const fault = faultOf(result);
    if (fault !== undefined) faults.push(`${server.name} ${rowId(each)}: ${fault}`);
    else samples.set(rowId(each), toSample(result, memoryOf(server.pid).rssMib));
    if (each.workload === "insert") inserted = result;
  }
  return samples;
}

/** Runs one turn. A server that dies or cannot start is a fault, not an exception. */
export async function runTurn(options: TurnOptions): Promise<Turn> {
  const faults: string[] = [];
  let samples: ReadonlyMap<string, Sample> = new Map();
  let server: Server | undefined;
  options.onStep(`${options.server} start`);
  try {
    server = await startServer({ name: options.server, baseDir: options.baseDir });
    options.onStep(`${options.server} preload of ${options.scale.keys} keys`);
    await preload(server, options.scale, options.seed);
    samples = await runRows(server, options, faults);
    if (!server.alive()) faults.push(`${options.server} died`);
  } catch (error) {
    faults.push(`${options.server}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await server?.stop();
  }
  return { server: options.server, samples, faults };
}
