/**
 * The load generator `test/compat/load/skein-load.c`: compiled once per content into the cache
 * outside the clone, run as a child, its one JSON line taken apart.
 */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { oracleCacheDir } from "../test/compat/oracles/oracles.ts";

const SOURCE_DIR = path.join(import.meta.dirname, "..", "test", "compat", "load");

/** A run that neither ends nor fails within this much more than its time is killed. */
const GRACE_MS = 90_000;

/** What skein-load prints. Times in µs; `cpu_us_per_op` is the server's, user + system. */
export interface LoadResult {
  readonly workload: string;
  readonly conns: number;
  readonly inflight: number;
  readonly seconds: number;
  /** Calls with grpc-status 0 and a right answer that ended inside the measured time. */
  readonly ok: number;
  readonly throughput: number;
  readonly p50_us: number;
  readonly p90_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  readonly max_us: number;
  readonly cpu_us_per_op: number;
  readonly client_cpu_us_per_op: number;
  readonly all_ok: number;
  readonly kvs: number;
  readonly next: number;
  readonly revision: number;
  readonly rise: number;
  readonly rise_wanted: number;
  readonly reread: number;
  readonly reread_bad: number;
  readonly errors: Readonly<Record<string, number>>;
  /** The revision rose by exactly the writes, and the re-read values are those written. */
  readonly verified: boolean;
}

/** Flags of skein-load without the dashes; see its usage(). */
export type LoadFlags = Readonly<Record<string, string | number>>;

function sources(): readonly string[] {
  const names = readdirSync(SOURCE_DIR).filter((name) => /\.[ch]$/.test(name));
  return names.toSorted().map((name) => path.join(SOURCE_DIR, name));
}

/** Path of the compiled generator; compiles it (gcc or cc) when this content is new. */
export function buildLoader(): string {
  const files = sources();
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  const name = `skein-load-${hash.digest("hex").slice(0, 12)}`;
  const target = path.join(oracleCacheDir(), name);
  if (existsSync(target)) return target;
  mkdirSync(oracleCacheDir(), { recursive: true });
  const partial = `${target}.partial-${process.pid}`;
  const code = files.filter((file) => file.endsWith(".c"));
  const flags = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", partial];
  const gcc = spawnSync(process.env["CC"] ?? "cc", [...flags, ...code], { encoding: "utf8" });
  if (gcc.error !== undefined) throw new Error(`no C compiler (${gcc.error.message})`);
  if (gcc.status !== 0) throw new Error(`skein-load does not compile:\n${gcc.stderr}`);
  renameSync(partial, target);
  return target;
}

/** A generator at work. */
export interface RunningLoad {
  readonly child: ChildProcess;
  /** Rejects when it cannot connect, is killed, or prints no result. */
  readonly result: Promise<LoadResult>;
}

/** Starts skein-load; it ends by itself. */
export function startLoad(flags: LoadFlags): RunningLoad {
  const args = Object.entries(flags).flatMap(([key, value]) => [`--${key}`, String(value)]);
  const child = spawn(buildLoader(), args, { stdio: ["ignore", "pipe", "pipe"] });
  const seconds = Number(flags["seconds"] ?? 5) + Number(flags["warmup"] ?? 1);
  const watchdog = setTimeout(() => child.kill("SIGKILL"), seconds * 1000 + GRACE_MS);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const result = new Promise<LoadResult>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(watchdog);
      if (code === 0 && out.startsWith("{")) resolve(JSON.parse(out) as LoadResult);
      else reject(new Error(`skein-load ${args.join(" ")}: ${signal ?? code} ${err.trim()}`));
    });
  });
  return { child, result };
}

/** One run to its end. */
export function load(flags: LoadFlags): Promise<LoadResult> {
  return startLoad(flags).result;
}
