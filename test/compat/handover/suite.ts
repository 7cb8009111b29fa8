import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { Client } from "../../../src/client/index.ts";
import { startServer } from "../ctl/servers.ts";
import type { RunningServer, ServerProgram } from "../ctl/servers.ts";
import { oraclePath } from "../oracles/oracles.ts";
import { type WriteMix, writeAtRandom } from "../random-writes.ts";
import { HandedLeases } from "./leases.ts";

const VERSIONS = ["3.7", "3.6", "3.5"] as const;
/** Hand-overs of each version, and writes in each life. */
const SIZES = {
  ci: { handOvers: 4, steps: 600 },
  full: { handOvers: 10, steps: 20_000 },
} as const;
/** Large values: beyond one page. */
const WRITES: WriteMix = { keys: 300, largeValueBytes: 20_000, largeOneIn: 100, atOnce: 64 };
/** So low that every life takes snapshots of the log. */
const SNAPSHOT_COUNT = 100;
/** A server that is not up by then, on a directory that another has open, waits for the lock. */
const INTRUDER_MS = 3000;
/** Chance that a life compacts, in percent. */
const COMPACT_PERCENT = 60;

/** Keys that are put while a server is killed. */
const BURST = "burst ";
const BURST_AT_ONCE = 32;
const BURST_MS = 200;

/** What a server said it holds; keys of bursts apart. */
interface Holding {
  readonly revision: number;
  readonly kvs: string;
  readonly hash: number;
  readonly compactRevision: number;
  readonly burst: ReadonlySet<string>;
}

/** What a server held when it ended, and what it acknowledged after that. */
interface Left extends Holding {
  readonly acknowledged: readonly string[];
}

/**
 * One data directory that etcd and Skein use in turn, ended orderly or by `kill -9`: each finds
 * every key, value, revision and lease and the hash that the other one left, `bbolt check` is
 * content, and neither gets in while the other is at work.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  let passed = 0;
  let failed = 0;
  for (const [at, version] of VERSIONS.entries()) {
    const dir = mkdtempSync(path.join(tmpdir(), "handover-"));
    const prng = new Prng(seed + at);
    try {
      passed += await story(path.join(dir, "data"), version, prng, SIZES[size]);
    } catch (error) {
      failed += 1;
      console.log(`etcd ${version}: FAILED (seed ${seed})`, error);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return { passed, failed };
}

function programs(version: string): readonly [ServerProgram, ServerProgram] {
  const command = oraclePath("etcd", version);
  if (command === undefined) throw new Error(`etcd ${version} is missing: npm run oracles`);
  const etcd = { label: `etcd ${version}`, command, prefix: ["--log-level=error"] };
  const script = path.join(import.meta.dirname, "../../../scripts/start.cjs");
  return [etcd, { label: "skein", command: process.execPath, prefix: [script] }];
}

async function story(
  dataDir: string,
  version: string,
  prng: Prng,
  size: { readonly handOvers: number; readonly steps: number },
): Promise<number> {
  // An older etcd cannot read what a newer one began; Skein begins as 3.7.
  const begins = version === "3.7" ? prng.below(2) : 0;
  const both = programs(version);
  const leases = new HandedLeases();
  let left: Left | null = null;
  for (let life = 0; life <= size.handOvers; life += 1) {
    const program = both[(begins + life) % 2]!;
    const server = await startServer(program, [`--snapshot-count=${SNAPSHOT_COUNT}`], dataDir);
    const client = new Client({ endpoints: [server.endpoint], timeoutMs: 60_000 });
    try {
      const isHashed = left !== null && left.acknowledged.length === 0;
      const found = await holding(client, isHashed ? left!.revision : undefined);
      if (left !== null) expectSame(left, found, `life ${life}, ${program.label}`);
      await Promise.all([
        work(client, prng, size.steps),
        intrude(both[(begins + life + 1) % 2]!, dataDir),
        leases.live(server.endpoint),
      ]);
      await leases.leaveShort(server.endpoint);
      left = { ...(await holding(client)), acknowledged: [] };
    } catch (error) {
      await server.kill();
      throw error;
    } finally {
      client.close();
    }
    const isKill = prng.below(2) === 0;
    if (isKill) left = { ...left, acknowledged: await killUnderLoad(server, life, prng) };
    else await server.stop();
    // Stale once etcd has written; it leaves them lying, and they must mislead nobody.
    const hasSums = existsSync(path.join(dataDir, "member", "db.sums"));
    if (life > 0 && !hasSums) throw new Error(`life ${life}: the page checksums are gone`);
    const how = isKill ? `killed after ${left.acknowledged.length} more` : "stopped";
    console.log(
      `etcd ${version}, life ${life}: ${program.label}, revision ${left.revision}, ` +
        `compacted ${left.compactRevision}, ${how}, ${check(dataDir)}`,
    );
  }
  return size.handOvers;
}

/** Starts a server on a directory that another has open: it must not come to serve. */
async function intrude(program: ServerProgram, dataDir: string): Promise<void> {
  let server: RunningServer;
  try {
    server = await startServer(program, [], dataDir, INTRUDER_MS);
  } catch {
    return;
  }
  await server.kill();
  throw new Error(`${program.label} serves a directory that another server has open`);
}

/** Kills the server in the midst of puts; the keys whose puts were acknowledged. */
async function killUnderLoad(server: RunningServer, life: number, prng: Prng): Promise<string[]> {
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 5000 });
  const acknowledged: string[] = [];
  let next = 0;
  let isOver = false;
  const worker = async (): Promise<void> => {
    while (!isOver) {
      const key = `${BURST}${life} ${(next += 1)}`;
      try {
        await client.kv.put(key, key);
        acknowledged.push(key);
      } catch {
        return;
      }
    }
  };
  const load = Promise.all(Array.from({ length: BURST_AT_ONCE }, worker));
  await new Promise((resolve) => setTimeout(resolve, BURST_MS + prng.below(BURST_MS)));
  await server.kill();
  isOver = true;
  client.close();
  await load;
  return acknowledged;
}

/** bbolt's verdict on a copy: it would wait for a lock. */
function check(dataDir: string): string {
  const copy = path.join(dataDir, "..", "copy.db");
  copyFileSync(path.join(dataDir, "member", "snap", "db"), copy);
  const said = execFileSync(oraclePath("bbolt")!, ["check", copy], { encoding: "utf8" }).trim();
  rmSync(copy);
  if (said !== "OK") throw new Error(`bbolt check: ${said}`);
  return "bbolt: OK";
}

async function holding(client: Client, revision?: number): Promise<Holding> {
  const { kvs, header } = await client.kv.range("\0", { rangeEnd: "\0" });
  const at = revision === undefined ? {} : { revision };
  const { hash, compactRevision } = await client.maintenance.hashKv(at);
  const burst = new Set<string>();
  const lines: string[] = [];
  for (const { key, value, createRevision, modRevision, version, lease } of kvs) {
    const name = Buffer.from(key).toString("latin1");
    if (name.startsWith(BURST)) burst.add(name);
    else lines.push([name, createRevision, modRevision, version, lease, hashOf(value)].join());
  }
  return { revision: header.revision, kvs: lines.join("\n"), hash, compactRevision, burst };
}

function hashOf(value: Uint8Array): string {
  return `${value.length}:${Buffer.from(value.subarray(0, 16)).toString("hex")}`;
}

function expectSame(left: Left, found: Holding, who: string): void {
  const { acknowledged } = left;
  const lost = acknowledged.find((key) => !found.burst.has(key));
  if (lost !== undefined) throw new Error(`${who} lost ${lost}, which was acknowledged`);
  const isExact = acknowledged.length === 0;
  const fields = isExact
    ? (["revision", "hash", "compactRevision", "kvs"] as const)
    : (["kvs"] as const);
  for (const field of fields) {
    if (left[field] === found[field]) continue;
    throw new Error(
      `${who} found another ${field}: ${String(found[field]).slice(0, 300)} instead of ` +
        String(left[field]).slice(0, 300),
    );
  }
  // What was on its way may have had its effect.
  const most = left.revision + acknowledged.length + BURST_AT_ONCE;
  if (found.revision < left.revision + acknowledged.length || found.revision > most) {
    throw new Error(`${who} is at revision ${found.revision}, not from ${left.revision} on`);
  }
}

async function work(client: Client, prng: Prng, steps: number): Promise<void> {
  await writeAtRandom(client, prng, steps, WRITES);
  if (prng.below(100) >= COMPACT_PERCENT) return;
  const { header } = await client.kv.put("before", "compaction");
  // Not at the newest: of that etcd remembers a hash of its own, over another range.
  await client.kv.compact(header.revision - 1 - prng.below(steps / 2), { physical: true });
}
