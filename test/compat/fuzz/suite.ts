/**
 * Mutations of recorded connections against the doors of a server: it must not crash, must answer
 * others all the while, must let go of everything when the connections are gone, and must not grow.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { Prng } from "../../../src/base/prng.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { type Answers, frameName, shoot } from "./driver.ts";
import { countTypes, mutate } from "./mutate.ts";
import { readRecordings } from "./recordings.ts";
import type { TargetReport } from "./target.ts";

/** Seconds: whole run, when growth is counted from, between two looks. */
const TIMES = {
  ci: { totalS: 50, settledS: 15, lookS: 5 },
  full: { totalS: 600, settledS: 120, lookS: 20 },
} as const;
/** What live memory may have grown by at the end. */
const GROWTH_MAX_BYTES = 5 * 1024 * 1024;
/** Connections under way at a time. */
const PARALLEL = 24;
/** An honest call must be answered within, ms; generous for a machine shared by others. */
const HONEST_MS = 10_000;

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
  const times = TIMES[size];
  const target = await Target.start();
  const totals: Totals = {
    connections: 0,
    bytes: 0,
    types: [],
    changes: new Map(),
    answers: new Map(),
  };
  const prng = new Prng(seed);
  const problems: string[] = [];
  let passed = 0;
  let baseline: TargetReport | null = null;
  let last: TargetReport | null = null;
  const startedMs = performance.now();
  const elapsedS = (): number => (performance.now() - startedMs) / 1000;
  try {
    while (elapsedS() < times.totalS && problems.length === 0) {
      await volley(prng, target.port, totals, times.lookS * 1000);
      const honest = await target.honestCall();
      if (honest !== null) problems.push(`an honest call: ${honest}`);
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
  print(totals, baseline, last);
  for (const problem of problems) console.log(`FAIL ${problem}`);
  return { passed, failed: problems.length };
}

/** Connections for so long, a fixed number at a time; resolves when all of them are closed. */
async function volley(prng: Prng, port: number, totals: Totals, durationMs: number): Promise<void> {
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

function print(totals: Totals, baseline: TargetReport | null, last: TargetReport | null): void {
  const list = (entries: Iterable<[string, number]>): string =>
    [...entries]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  const types = new Map<string, number>();
  totals.types.forEach((count, type) => {
    types.set(frameName(type), (types.get(frameName(type)) ?? 0) + count);
  });
  console.log(`${totals.connections} connections, ${totals.bytes} bytes`);
  console.log(`frames sent: ${list(types)}`);
  console.log(`changes: ${list(totals.changes)}`);
  console.log(`answers: ${list(totals.answers)}`);
  if (last === null) return;
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

  /** Null when a well-behaved client is answered, else why not. */
  honestCall(): Promise<string | null> {
    const credentials = grpc.credentials.createInsecure();
    const client = new grpc.Client(`127.0.0.1:${this.port}`, credentials);
    const same = (bytes: Buffer): Buffer => bytes;
    const options = { deadline: Date.now() + HONEST_MS };
    const route = "/etcdserverpb.KV/Range";
    return new Promise((resolve) => {
      // Bytes that the target answers at once.
      client.makeUnaryRequest(route, same, same, Buffer.from([4]), options, (error, reply) => {
        client.close();
        if (error !== null) resolve(error.message);
        else resolve(reply?.length === 4 ? null : `${reply?.length} bytes instead of 4`);
      });
    });
  }

  /** Ends the process; says what it should not have done. */
  end(): string[] {
    const problem = this.#exit;
    this.#child.kill("SIGKILL");
    return problem === null ? [] : [`${problem}\n${this.#errors}`];
  }
}
