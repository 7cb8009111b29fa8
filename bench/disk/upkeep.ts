/**
 * `node bench/disk/upkeep.ts [--keys N] [--runs N] [--rate N]`: how much later puts are answered
 * while the server sends a snapshot, compacts or defragments; and how large the file is after it
 * was written over and over.
 */
import { rmSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "../../src/client/index.ts";
import { chooseDir } from "../compare.ts";
import { load } from "../loader.ts";
import { memoryOf } from "../proc.ts";
import { preload } from "../round.ts";
import { type Server, startServer } from "../servers.ts";

const MIB = 1024 * 1024;
/** What acceptance allows: so many times the quiet p99, or so much more. */
const FACTOR_MAX = 3;
const MORE_MAX_MS = 1;
/** The maintenance may still be under way when the puts end; the next run begins after it. */
const SETTLE_MS = 1500;

const { values: options } = parseArgs({
  options: {
    keys: { type: "string", default: "1000000" },
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    /** Puts a second, each timed from when it was due. */
    rate: { type: "string", default: "8000" },
    dir: { type: "string" },
  },
});
const keys = Number(options.keys);
const seconds = Number(options.seconds);

class Upkeep {
  readonly #server: Server;
  readonly #client: Client;
  #seed = 1;

  constructor(server: Server) {
    this.#server = server;
    this.#client = new Client({ endpoints: [server.address], timeoutMs: 300_000 });
  }

  /** p99 of puts beside `work`, in ms, and how often that was done. */
  async run(work: () => Promise<void>): Promise<{ readonly p99Ms: number; readonly done: number }> {
    let isOver = false;
    let done = 0;
    const beside = (async () => {
      do {
        await work();
        done += 1;
      } while (!isOver);
    })();
    const puts = await this.#load({ workload: "put", rate: Number(options.rate), seconds });
    isOver = true;
    await beside;
    await sleep(SETTLE_MS);
    return { p99Ms: puts.p99_us / 1000, done };
  }

  async snapshot(): Promise<void> {
    let bytes = 0;
    for await (const piece of this.#client.maintenance.snapshot()) bytes += piece.blob.length;
    if (bytes < MIB) throw new Error(`a snapshot of ${bytes} bytes`);
  }

  /** Returns when all that it removes is removed. */
  async compact(): Promise<void> {
    const { header } = await this.#client.kv.range("x");
    await this.#client.kv.compact(header.revision, { physical: true });
  }

  defragment(): Promise<void> {
    return this.#client.maintenance.defragment();
  }

  /** Writes over everything, once on the average: as many revisions for a compaction. */
  async churn(): Promise<void> {
    await this.#load({ workload: "put", count: keys, seconds: 600, inflight: 8 });
  }

  get fileMib(): number {
    const file = path.join(this.#server.dataDir, "member", "snap", "db");
    return Math.round(statSync(file).size / MIB);
  }

  close(): void {
    this.#client.close();
  }

  #load(flags: Readonly<Record<string, string | number>>): ReturnType<typeof load> {
    this.#seed += 1;
    const base = { addr: this.#server.address, keys, conns: 16, inflight: 8, seed: this.#seed };
    return load({ ...base, "timeout-ms": 60_000, shared: 1, verify: 0, ...flags });
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function main(): Promise<void> {
  const baseDir = options.dir ?? chooseDir();
  const server = await startServer({ name: "skein", baseDir });
  const upkeep = new Upkeep(server);
  try {
    const scale = { keys, seconds, warmupSeconds: 0.5 };
    await preload(server, scale, 1);
    const sizes = [upkeep.fileMib];
    const p99s: Record<string, number[]> = { quiet: [], snapshot: [], compaction: [], defrag: [] };
    for (let run = 0; run < Number(options.runs); run += 1) {
      await upkeep.churn();
      const works: readonly [string, () => Promise<void>][] = [
        ["quiet", () => sleep(100)],
        ["snapshot", () => upkeep.snapshot()],
        ["compaction", () => upkeep.compact()],
        ["defrag", () => upkeep.defragment()],
      ];
      const line: string[] = [];
      for (const [name, work] of works) {
        const { p99Ms, done } = await upkeep.run(work);
        p99s[name]!.push(p99Ms);
        line.push(`${name} ${p99Ms.toFixed(2)} ms (${done})`);
      }
      sizes.push(upkeep.fileMib);
      console.log(`run ${run + 1}: ${line.join(", ")}; file ${upkeep.fileMib} MiB`);
    }
    const quiet = median(p99s["quiet"]!);
    const limit = Math.max(quiet * FACTOR_MAX, quiet + MORE_MAX_MS);
    for (const [name, each] of Object.entries(p99s)) {
      const p99 = median(each);
      const verdict = p99 <= limit ? "" : `  above ${limit.toFixed(2)}`;
      console.log(`${name.padEnd(12)} p99 ${p99.toFixed(2).padStart(7)} ms${verdict}`);
    }
    const { rssMib, peakMib } = memoryOf(server.pid);
    console.log(`file ${sizes.join(" → ")} MiB; RSS ${rssMib.toFixed(0)}, at most ${peakMib} MiB`);
  } finally {
    upkeep.close();
    await server.stop();
    rmSync(server.dataDir, { recursive: true, force: true });
  }
}

await main();
