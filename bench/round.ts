/** One round: all servers start fresh and are preloaded, then each row on each of them. */
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

/** What a round brought of one server. */
export interface Turn {
  readonly server: ServerName;
  readonly samples: ReadonlyMap<string, Sample>;
  /** Runs whose answers were wrong, or that failed; each makes the whole benchmark fail. */
  readonly faults: readonly string[];
}

/** What a round is. */
export interface RoundOptions {
  /** In the order in which they start; with each row the order turns by one. */
  readonly servers: readonly ServerName[];
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

/** A server during a round. */
class Lane {
  readonly name: ServerName;
  readonly samples = new Map<string, Sample>();
  readonly faults: string[] = [];
  readonly #options: RoundOptions;
  #server: Server | null = null;
  #inserted: LoadResult | undefined;

  constructor(name: ServerName, options: RoundOptions) {
    this.name = name;
    this.#options = options;
  }

  /** A server that cannot start is a fault, not an exception. */
  async start(): Promise<void> {
    const { baseDir, scale, seed, onStep } = this.#options;
    onStep(`${this.name} start`);
    await this.#attempt(async () => {
      this.#server = await startServer({ name: this.name, baseDir });
      onStep(`${this.name} preload of ${scale.keys} keys`);
      await preload(this.#server, scale, seed);
    });
  }

  async run(row: Row, at: number): Promise<void> {
    const server = this.#server;
    if (server === null || (row.needsStream && this.name === "etcd-3.4")) return;
    const needsInsert = row.workload === "query" || row.workload === "delete";
    if (needsInsert && this.#inserted === undefined) return;
    const { scale, seed, onStep } = this.#options;
    onStep(`${this.name} ${rowId(row)}`);
    await this.#attempt(async () => {
      const flags = { ...flagsFor(row, scale, this.#inserted), seed: seed * 1000 + at + 1 };
      const result = await load({ ...flags, addr: server.address, pid: server.pid });
      const fault = faultOf(result);
      if (fault !== undefined) this.faults.push(`${this.name} ${rowId(row)}: ${fault}`);
      else this.samples.set(rowId(row), toSample(result, memoryOf(server.pid).rssMib));
      if (row.workload === "insert") this.#inserted = result;
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    if (!server.alive()) this.faults.push(`${this.name} died`);
    await server.stop();
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.faults.push(`${this.name}: ${message}`);
    }
  }
}

/**
 * Runs one round. The servers are measured within seconds of each other, row by row, since the
 * speed of a machine that others share changes from minute to minute; who waits is idle.
 */
export async function runRound(options: RoundOptions): Promise<Turn[]> {
  const lanes = options.servers.map((name) => new Lane(name, options));
  try {
    for (const lane of lanes) await lane.start();
    for (const [at, row] of options.rows.entries()) {
      const first = at % lanes.length;
      const order = [...lanes.slice(first), ...lanes.slice(0, first)];
      for (const lane of order) await lane.run(row, at);
    }
  } finally {
    for (const lane of lanes) await lane.stop();
  }
  return lanes.map(({ name, samples, faults }) => ({ server: name, samples, faults }));
}
