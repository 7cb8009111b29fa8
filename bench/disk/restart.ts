/**
 * `node bench/disk/restart.ts`: the time from starting a process to /health saying true, of etcd
 * 3.7.1 and of Skein, on copies of one directory that etcd wrote; CPU time and memory then.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, cpSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { oraclePath } from "../../test/compat/oracles/oracles.ts";
import { load } from "../loader.ts";
import { cpuSeconds, memoryOf } from "../proc.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
/** Who is not healthy by then never is. */
const HEALTHY_MS = 120_000;
const POLL_MS = 5;
const VALUE_BYTES = 256;

const { values: options } = parseArgs({
  options: {
    keys: { type: "string", default: "1000000" },
    /** `insert`: one key a put, in no order; `preload`: many a transaction, in order. */
    workload: { type: "string", default: "insert" },
    rounds: { type: "string", default: "5" },
    port: { type: "string", default: "13310" },
    /** Kept, and used again; default: a new one that is removed. */
    dir: { type: "string" },
    /** More arguments of Node for Skein, separated by spaces. */
    "node-args": { type: "string", default: "" },
  },
});

const PROGRAMS = { etcd: etcdCommand(), skein: skeinCommand() } as const;
type Name = keyof typeof PROGRAMS;

function etcdCommand(): readonly string[] {
  const etcd = oraclePath("etcd", "3.7");
  if (etcd === undefined) throw new Error("etcd is missing: npm run oracles");
  return [etcd, "--log-level", "error", "--quota-backend-bytes", String(8 * 1024 ** 3)];
}

function skeinCommand(): readonly string[] {
  const node = path.join(ROOT, "node_modules", ".bin", "node");
  const more = options["node-args"].split(" ").filter((arg) => arg !== "");
  return [node, ...more, path.join(ROOT, "scripts", "start.cjs")];
}

function start(name: Name, dataDir: string): ChildProcess {
  const port = Number(options.port);
  const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`];
  const [program, ...args] = PROGRAMS[name];
  const flags = {
    "data-dir": dataDir,
    "listen-client-urls": url,
    "advertise-client-urls": url,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
  };
  const given = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const log = openSync(`${dataDir}.log`, "a");
  const child = spawn(program!, [...args, ...given], { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

function isHealthy(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(`http://127.0.0.1:${options.port}/health`, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text.includes(`"health":"true"`)));
    });
    request.on("error", () => resolve(false));
  });
}

async function untilHealthy(child: ChildProcess, since: number): Promise<number> {
  while (!(await isHealthy())) {
    const isOver = child.exitCode !== null || performance.now() - since > HEALTHY_MS;
    if (isOver) throw new Error("a server did not become healthy: see its log");
    await sleep(POLL_MS);
  }
  return performance.now() - since;
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
}

async function fill(dataDir: string): Promise<void> {
  const child = start("etcd", dataDir);
  await untilHealthy(child, performance.now());
  const keys = Number(options.keys);
  const count = options.workload === "preload" ? {} : { count: keys };
  const result = await load({
    addr: `127.0.0.1:${options.port}`,
    workload: options.workload,
    keys,
    ...count,
    value: VALUE_BYTES,
    conns: 16,
    inflight: 8,
    "timeout-ms": 60_000,
    seconds: 1200,
    verify: 0,
  });
  if (Object.keys(result.errors).length > 0) console.log(result.errors);
  await stop(child);
}

function copy(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  // Else the first start would wait for what the copy has left to write.
  execFileSync("sync");
  return to;
}

async function restart(name: Name, dataDir: string, label: string): Promise<void> {
  const since = performance.now();
  const child = start(name, dataDir);
  const healthyMs = await untilHealthy(child, since);
  const cpu = cpuSeconds(child.pid!).toFixed(2).padStart(6);
  const { rssMib, anonMib, peakMib } = memoryOf(child.pid!);
  const memory = [rssMib, anonMib, peakMib].map((mib) => mib.toFixed(0).padStart(5)).join(" ");
  console.log(
    `${label.padEnd(20)} ${(healthyMs / 1000).toFixed(2).padStart(6)} s ${cpu} s  ${memory} MiB`,
  );
  // So that what a start leaves to do is done.
  await sleep(1000);
  await stop(child);
}

const base = options.dir ?? mkdtempSync(path.join(os.tmpdir(), "skein-restart-"));
mkdirSync(base, { recursive: true });
const source = path.join(base, "source");
if (!existsSync(source)) await fill(source);
const dirs = { etcd: path.join(base, "etcd"), skein: path.join(base, "skein") };
console.log(
  `${options.keys} keys (${options.workload})   healthy      CPU    rss, of it anonymous, peak`,
);
copy(source, dirs.etcd);
copy(source, dirs.skein);
await restart("skein", dirs.skein, "skein after etcd");
for (let round = 0; round < Number(options.rounds); round++) {
  await restart("etcd", dirs.etcd, "etcd");
  await restart("skein", dirs.skein, "skein");
}
if (options.dir === undefined) rmSync(base, { recursive: true, force: true });
