import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { frame, RawClient } from "../errors/raw-client.ts";
import { range } from "../errors/requests.ts";

/** A server under comparison. */
export interface RunningServer {
  /** What it is, for messages. */
  readonly label: string;
  /** `127.0.0.1:port`. */
  readonly endpoint: string;
  /** Output so far, the last part of it. */
  readonly log: () => string;
  stop(): Promise<void>;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

/** How to start one. */
export interface ServerProgram {
  readonly label: string;
  readonly command: string;
  /** What goes before the flags, e.g. the path of a script. */
  readonly prefix: readonly string[];
}

/** A server that does not answer by then will not. */
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
const PROBE_INTERVAL_MS = 30;
const LOG_KEPT = 20_000;

/** Skein from this clone. */
export function skeinProgram(): ServerProgram {
  const main = path.join(import.meta.dirname, "../../../scripts/start.cjs");
  return { label: "skein", command: process.execPath, prefix: [main] };
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Whether a linearizable read is answered before `deadlineMs`. */
async function healthy(endpoint: string, port: number, deadlineMs: number): Promise<boolean> {
  if (!(await accepts(port))) return false;
  const client = new RawClient(endpoint);
  const body = frame(range({ key: "health" }));
  const answered = client.call({ path: "/etcdserverpb.KV/Range", body });
  // etcd that waits for a lock takes connections and does not answer.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(0, deadlineMs - performance.now()));
  });
  const answer = await Promise.race([answered, late]);
  clearTimeout(timer);
  client.close();
  return answer?.code === 0;
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/**
 * Starts a single member and waits until it is healthy. Without `dataDir` on a fresh directory,
 * which goes with it. `timeoutMs`: when to give up.
 * @throws Error with its output when it does not come up.
 */
export async function startServer(
  program: ServerProgram,
  flags: readonly string[] = [],
  dataDir?: string,
  timeoutMs = START_TIMEOUT_MS,
): Promise<RunningServer> {
  const dir = mkdtempSync(path.join(tmpdir(), "compat-"));
  const [clientPort, peerPort] = [await freePort(), await freePort()];
  const endpoint = `127.0.0.1:${clientPort}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const args = [
    ...program.prefix,
    ...["--name", "m1", "--data-dir", dataDir ?? path.join(dir, "data")],
    ...["--listen-client-urls", `http://${endpoint}`],
    ...["--advertise-client-urls", `http://${endpoint}`],
    ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
    ...["--initial-cluster", `m1=${peer}`],
    ...flags,
  ];
  const child = spawn(program.command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-LOG_KEPT);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.on("error", (error) => keep(Buffer.from(String(error))));
  const end = async (signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited(child);
    clearTimeout(timer);
    rmSync(dir, { recursive: true, force: true });
  };
  const stop = (): Promise<void> => end("SIGTERM");
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await healthy(endpoint, clientPort, deadlineMs))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      // etcd that waits for a lock does not hear SIGTERM.
      await end("SIGKILL");
      throw new Error(`${program.label} did not start (${args.join(" ")}):\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
  }
  return { label: program.label, endpoint, log: () => log, stop, kill: () => end("SIGKILL") };
}
