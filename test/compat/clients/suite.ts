/**
 * Real clients against a running server: grpc-js and etcd3 (Node), etcd's own client (grpc-go), and
 * grpcio (gRPC's C core). Each has an HTTP/2 of its own.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { freePort, ServerProcess } from "../../integration/server-process.ts";
import { oracleCacheDir } from "../oracles/oracles.ts";
import { runNodeClients } from "./node-clients.ts";

const GRPCIO = "grpcio==1.85.1";
/** A client that takes longer hangs. */
const LIMIT_MS = 180_000;

/** What a client reported: `ok …` and `FAIL …` lines. */
type Report = readonly string[];

/** Runs every client that can be had against one server. */
export async function run(_options: LongOptions): Promise<LongResult> {
  const dir = mkdtempSync(path.join(tmpdir(), "skein-clients-"));
  const server = await ServerProcess.start(path.join(dir, "data"), await freePort());
  const lines: string[] = [];
  try {
    const clients: [string, () => Promise<Report | null>][] = [
      ["node", () => runNodeClients(server.endpoint)],
      ["go", () => runGo(server.endpoint)],
      ["python", () => runPython(server.endpoint)],
    ];
    for (const [name, client] of clients) {
      const report = await client();
      if (report === null) {
        console.log(`${name}: skipped, it cannot be had here`);
        continue;
      }
      for (const line of report) console.log(`${name}: ${line}`);
      lines.push(...report);
    }
  } finally {
    await server.end("SIGTERM");
    rmSync(dir, { recursive: true, force: true });
  }
  const failed = lines.filter((line) => line.startsWith("FAIL")).length;
  return { passed: lines.length - failed, failed };
}

/** Builds the Go client once into the cache and runs it. */
async function runGo(endpoint: string): Promise<Report | null> {
  const source = path.join(import.meta.dirname, "go");
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "main.go"]) {
    hash.update(readFileSync(path.join(source, name)));
  }
  const target = path.join(oracleCacheDir(), `client-go-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(target)) {
    const built = spawnSync("go", ["build", "-trimpath", "-o", target, "."], {
      cwd: source,
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, GOFLAGS: "-mod=readonly -buildvcs=false" },
    });
    if (built.error !== undefined) return null;
    if (built.status !== 0) return ["FAIL the Go client does not build"];
  }
  return program(target, [endpoint], { ETCD_CLIENT_DEBUG: "fatal" });
}

/** Installs grpcio once into the cache and runs the Python client. */
async function runPython(endpoint: string): Promise<Report | null> {
  const packages = path.join(oracleCacheDir(), `python-${GRPCIO.replace("==", "-")}`);
  if (!existsSync(packages)) {
    mkdirSync(oracleCacheDir(), { recursive: true });
    const arguments_ = ["-m", "pip", "install", "--quiet", "--target", packages, GRPCIO];
    const installed = spawnSync("python3", arguments_, { stdio: "ignore" });
    if (installed.status !== 0) {
      rmSync(packages, { recursive: true, force: true });
      return null;
    }
  }
  const script = path.join(import.meta.dirname, "python", "interop.py");
  const env = { PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1" };
  return program("python3", [script, endpoint], env);
}

function program(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Report> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, ...env },
      timeout: LIMIT_MS,
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      const lines = text.split("\n").filter((line) => /^(ok|FAIL) /.test(line));
      const told = lines.some((line) => line.startsWith("FAIL"));
      if (code !== 0 && !told) lines.push(`FAIL it ended with ${code}`);
      resolve(lines);
    });
  });
}
