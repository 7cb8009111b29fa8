/**
 * Mutations of recorded connections against the doors of a server: it must not crash, must answer
 * others all the while, must let go of everything when the connections are gone, and must not grow.
 * One connection in fifty goes to a whole member, where the messages are decoded and applied too.
 *
 * Growth is that of live memory: heap and everything outside it that the collector knows, after a
 * collection with no connection left. Resident memory is printed but not judged: it keeps what the
 * allocator once took for a burst, and says little about what is still held.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { Prng } from "../../../src/base/prng.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { freePort, ServerProcess } from "../../integration/server-process.ts";
import { type Answers, FRAME_NAMES, frameName, shoot } from "./driver.ts";
import { countTypes, mutate } from "./mutate.ts";
import { readRecordings } from "./recordings.ts";
import type { TargetReport } from "./target.ts";

/** Seconds: whole run, when growth is counted from, between two looks. */
const TIMES = {
  ci: { totalS: 40, settledS: 12, lookS: 5 },
  full: { totalS: 600, settledS: 120, lookS: 20 },
} as const;
/** What live memory may have grown by at the end. */
const GROWTH_MAX_BYTES = 5 * 1024 * 1024;
/** Connections under way at a time. */
const PARALLEL = 24;
/** Share of them that goes to the whole member; its history grows with what is put, so few. */
const MEMBER_SHARE = 0.02;
/** An honest call must be answered within, ms; generous for a machine shared by others. */
const HONEST_MS = 10_000;

/** A range of one key, serializable, with an unknown field: the target answers it at once. */
const HONEST_REQUEST = Buffer.from("0a01613801980100", "hex");

/** A server that does not report within this time is in a loop, ms. */
const HANG_MS = 20_000;

/** What a run came to. */
interface Totals {
  connections: number;
  bytes: number;
  readonly types: number[];
  readonly changes: Map<string, number>;
  readonly answers: Answers;
}

/** One run; every look at the target that finds it healthy counts as passed. */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const dir = mkdtempSync(path.join(tmpdir(), "skein-fuzz-"));
  const member = await ServerProcess.start(path.join(dir, "data"), await freePort());
  const target = await Target.start();
  try {
    return await fire(new Prng(seed), TIMES[size], target, member.port);
  } finally {
    await member.end("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  }
}

async function fire(
  prng: Prng,
  times: { readonly totalS: number; readonly settledS: number; readonly lookS: number },
  target: Target,
  memberPort: number,
): Promise<LongResult> {
  const totals: Totals = {
    connections: 0,
    bytes: 0,
    types: [],
    changes: new Map(),
    answers: new Map(),
  };
  const problems: string[] = [];
  let passed = 0;
  let baseline: TargetReport | null = null;
  let last: TargetReport | null = null;
  const startedMs = performance.now();
  const elapsedS = (): number => (performance.now() - startedMs) / 1000;
  try {
    while (elapsedS() < times.totalS && problems.length === 0) {
      await volley(prng, [target.port, memberPort], totals, times.lookS * 1000);
      for (const port of [target.port, memberPort]) {
        const honest = await honestCall(port);
        if (honest !== null) problems.push(`an honest call: ${honest}`);
      }
      last = await target.quiet();
      problems.push(...leftovers(last));
      if (baseline === null && elapsedS() >= times.settledS) baseline = last;
      if (problems.length === 0) passed++;
    }
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  problems.push(...target.end());
  const grown = baseline === null || last === null ? 0 : last.heapBytes - baseline.heapBytes;
  if (grown > GROWTH_MAX_BYTES) problems.push(`live memory grew by ${grown} bytes`);
  if (last !== null) problems.push(...unreached(last));
  print(totals, baseline, last);
  for (const problem of problems) console.log(`FAIL ${problem}`);
  return { passed, failed: problems.length };
}

/** Connections for so long, a fixed number at a time; resolves when all of them are closed. */
async function volley(
  prng: Prng,
  [targetPort, memberPort]: readonly [number, number],
  totals: Totals,
  durationMs: number,
): Promise<void> {
  const recordings = readRecordings();
  const untilMs = performance.now() + durationMs;
  const lane = async (own: Prng): Promise<void> => {
    while (performance.now() < untilMs) {
      const mutant = mutate(own, recordings);
      totals.connections++;
      totals.bytes += mutant.bytes.length;
      if (mutant.isHttp2) countTypes(mutant.bytes, totals.types);
      for (const name of mutant.changes) {
        totals.changes.set(name, (totals.changes.get(name) ?? 0) + 1);
      }
      const port = own.chance(MEMBER_SHARE) ? memberPort : targetPort;
      await shoot(own, port, mutant, totals.answers);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, () => lane(prng.fork())));
}

/** What is still held though no connection is left. */
function leftovers(report: TargetReport): string[] {
  const { connections, calls, memoryUsedBytes, headerBytes, serviceCalls, sources } = report;
  const held = { connections, calls, memoryUsedBytes, headerBytes, serviceCalls, sources };
  return Object.entries(held)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${count} ${name} left over`);
}

/** The frame types of HTTP/2 that never came as far as the engine: a fuzzer that tests nothing. */
function unreached(report: TargetReport): string[] {
  return FRAME_NAMES.filter((_, type) => report.framesReached[type] === 0).map(
    (name) => `no ${name} frame reached the engine`,
  );
}

function byName(counts: readonly number[]): Map<string, number> {
  const named = new Map<string, number>();
  counts.forEach((count, type) => {
    if (count > 0) named.set(frameName(type), (named.get(frameName(type)) ?? 0) + count);
  });
  return named;
}

function print(totals: Totals, baseline: TargetReport | null, last: TargetReport | null): void {
  const list = (entries: Iterable<[string, number]>): string =>
    [...entries]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  console.log(`${totals.connections} connections, ${totals.bytes} bytes`);
  console.log(`frames sent: ${list(byName(totals.types))}`);
  console.log(`changes: ${list(totals.changes)}`);
  console.log(`answers: ${list(totals.answers)}`);
  if (last === null) return;
  console.log(`frame types reached: ${list(byName(last.framesReached))}`);
  console.log(`of these without ending the connection: ${list(byName(last.framesTaken))}`);
  console.log(`calls handled: ${last.handled}; dropped: ${list(Object.entries(last.dropped))}`);
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const before = baseline ?? last;
  console.log(`live memory ${mib(before.heapBytes)} → ${mib(last.heapBytes)}`);
  console.log(`resident ${mib(before.rssBytes)} → ${mib(last.rssBytes)}`);
}

/** The server's process. */
class Target {
  readonly port: number;
  readonly #child: ChildProcess;
  #errors = "";
  #exit: string | null = null;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      this.#errors = (this.#errors + chunk).slice(-4000);
    });
    child.once("exit", (code, signal) => {
      this.#exit = `the server ended with ${code ?? signal}`;
    });
  }

  static async start(): Promise<Target> {
    const child = fork(path.join(import.meta.dirname, "target.ts"), {
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const [port] = (await once(child, "message")) as [number];
    return new Target(port, child);
  }

  /** What it reports when it has noticed that all connections are gone, or after a while. */
  async quiet(): Promise<TargetReport> {
    let report = await this.report();
    for (let i = 0; i < 50 && leftovers(report).length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      report = await this.report();
    }
    return report;
  }

  report(): Promise<TargetReport> {
    return new Promise((resolve, reject) => {
      if (this.#exit !== null) return reject(new Error(`${this.#exit}\n${this.#errors}`));
      const gone = (): void => reject(new Error(`${this.#exit ?? "gone"}\n${this.#errors}`));
      const hangs = setTimeout(() => reject(new Error("the server hangs")), HANG_MS);
      this.#child.once("exit", gone);
      this.#child.once("message", (report) => {
        clearTimeout(hangs);
        this.#child.off("exit", gone);
        resolve(report as TargetReport);
      });
      this.#child.send("report");
    });
  }

  /** Ends the process; says what it should not have done. */
  end(): string[] {
    const problem = this.#exit;
    this.#child.kill("SIGKILL");
    return problem === null ? [] : [`${problem}\n${this.#errors}`];
  }
}

/** Null when a well-behaved client of either server is answered, else why not. */
function honestCall(port: number): Promise<string | null> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const same = (bytes: Buffer): Buffer => bytes;
  const options = { deadline: Date.now() + HONEST_MS };
  const route = "/etcdserverpb.KV/Range";
  return new Promise((resolve) => {
    client.makeUnaryRequest(route, same, same, HONEST_REQUEST, options, (error, reply) => {
      client.close();
      if (error !== null) resolve(error.message);
      else resolve((reply?.length ?? 0) > 0 ? null : "an empty reply");
    });
  });
}
