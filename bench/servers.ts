/** The servers under comparison: how each is started on a fresh directory, and stopped. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "./loader.ts";
import { DEBIAN_VERSION, oraclePath } from "../test/compat/oracles/oracles.ts";

const ROOT = path.join(import.meta.dirname, "..");
const NODE = path.join(ROOT, "node_modules", ".bin", "node");
/** What `npm start` runs. */
const SKEIN = path.join(ROOT, "scripts", "start.cjs");
const ETCD_NEW = "3.7";

/** A server that does not answer for so long has failed to start. */
const START_MS = 30_000;
/** After SIGTERM a server may write for so long before it is killed. */
const STOP_MS = 20_000;
const POLL_MS = 25;

/** Names that `--servers` takes. */
export const SERVER_NAMES = ["skein", "etcd-3.7.1", "etcd-3.4"] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

/** A running server. */
export interface Server {
  readonly name: ServerName;
  readonly address: string;
  readonly pid: number;
  readonly dataDir: string;
  /** True while the process lives. */
  alive(): boolean;
  /** SIGTERM, then waits; SIGKILL when it takes too long. Removes the directory. */
  stop(): Promise<void>;
}

/** How to start one. */
export interface StartOptions {
  readonly name: ServerName;
  /** Where its fresh data directory is made. */
  readonly baseDir: string;
  /** More arguments for Node, before the program (Skein only). */
  readonly nodeArgs?: readonly string[];
  /** More environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The program and its first arguments, or undefined when it is not installed here. */
function program(name: ServerName, nodeArgs: readonly string[]): readonly string[] | undefined {
  if (name === "skein") {
    return existsSync(SKEIN) ? [NODE, ...nodeArgs, SKEIN] : undefined;
  }
  const found = oraclePath("etcd", name === "etcd-3.4" ? DEBIAN_VERSION : ETCD_NEW);
  return found === undefined ? undefined : [found];
}

/** Whether the server can be started here. */
export function isAvailable(name: ServerName): boolean {
  return program(name, []) !== undefined;
}

/** Its own version line. */
export function versionOf(name: ServerName): string {
  const command = program(name, []);
  if (command === undefined) return "not installed";
  const { stdout } = spawnSync(command[0]!, [...command.slice(1), "--version"], {
    encoding: "utf8",
  });
  return stdout.trim().split("\n").slice(0, 4).join(", ");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Healthy is a server that answers one linearizable range. */
async function isHealthy(addr: string): Promise<boolean> {
  try {
    await load({ addr, workload: "range", keys: 4, conns: 1, inflight: 1, count: 1, verify: 0 });
    return true;
  } catch {
    return false;
  }
}

function stopper(child: ChildProcess, dir: string): () => Promise<void> {
  return async () => {
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await gone;
      clearTimeout(timer);
    }
    rmSync(dir, { recursive: true, force: true });
  };
}

/** Starts a server on a fresh directory and waits until it is healthy. Throws with its output. */
export async function startServer(options: StartOptions): Promise<Server> {
  const { name } = options;
  const command = program(name, options.nodeArgs ?? []);
  if (command === undefined) throw new Error(`${name} is not installed here`);
  const dir = mkdtempSync(path.join(options.baseDir, `skein-bench-${name}-`));
  const [port, peerPort] = [await freePort(), await freePort()];
  const address = `127.0.0.1:${port}`;
  const [url, peerUrl] = [`http://${address}`, `http://127.0.0.1:${peerPort}`];
  const flags = ["--data-dir", path.join(dir, "data"), "--listen-client-urls", url];
  flags.push("--advertise-client-urls", url, "--log-level", "error");
  flags.push("--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl);
  flags.push("--initial-cluster", `default=${peerUrl}`);
  // The default of 2 GiB would end a long run on a fast disk.
  flags.push("--quota-backend-bytes", String(8 * 1024 ** 3));
  const logPath = path.join(dir, "log");
  const log = openSync(logPath, "w");
  const child = spawn(command[0]!, [...command.slice(1), ...flags], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
  });
  closeSync(log);
  const alive = () => child.exitCode === null && child.signalCode === null;
  const stop = stopper(child, dir);
  const deadline = performance.now() + START_MS;
  while (!(await isHealthy(address))) {
    if (alive() && performance.now() < deadline) {
      await sleep(POLL_MS);
      continue;
    }
    const output = readFileSync(logPath, "utf8").slice(-4000);
    await stop();
    throw new Error(`${name} did not become healthy:\n${output}`);
  }
  return { name, address, pid: child.pid!, dataDir: path.join(dir, "data"), alive, stop };
}
