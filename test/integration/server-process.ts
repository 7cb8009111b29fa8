import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";

const root = path.join(import.meta.dirname, "../..");
const READY_TEXT = "ready to serve client requests";
/** A server that is not ready by then is broken; a loaded machine takes a few seconds. */
const READY_LIMIT_MS = 60_000;

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A Skein server as a process of its own. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #log = "";
  #isOver = false;

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.#log += chunk;
      });
    }
    child.once("exit", () => {
      this.#isOver = true;
    });
  }

  /**
   * Starts it on `dataDir` and resolves when it serves. `nodeArgs`: for Node, not for Skein; `env`:
   * added to ours.
   */
  static async start(
    dataDir: string,
    port: number,
    flags: readonly string[] = [],
    nodeArgs: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<ServerProcess> {
    return ServerProcess.#spawn(
      port,
      [...nodeArgs, path.join(root, "scripts/start.cjs"), ...flagsOf(dataDir, port), ...flags],
      env,
    );
  }

  /** As `start`; may be told how large the segments of its log are (small-log-server.ts). */
  static async startWithSmallLog(
    dataDir: string,
    port: number,
    flags: readonly string[] = [],
  ): Promise<ServerProcess> {
    const program = path.join(import.meta.dirname, "small-log-server.ts");
    return ServerProcess.#spawn(port, [program, ...flagsOf(dataDir, port), ...flags], {});
  }

  static async #spawn(
    port: number,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const server = new ServerProcess(port, child);
    await server.#ready();
    return server;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Everything it printed. */
  get log(): string {
    return this.#log;
  }

  /** Ends it by a signal and resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#isOver) return;
    const gone = once(this.#child, "exit");
    this.#child.kill(signal);
    await gone;
  }

  async #ready(): Promise<void> {
    const startedMs = performance.now();
    while (!this.#log.includes(READY_TEXT)) {
      if (this.#isOver || performance.now() - startedMs > READY_LIMIT_MS) {
        await this.end("SIGKILL");
        throw new Error(`the server did not become ready:\n${this.#log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function flagsOf(dataDir: string, port: number): readonly string[] {
  const url = `http://127.0.0.1:${port}`;
  return [`--data-dir=${dataDir}`, `--listen-client-urls=${url}`, `--advertise-client-urls=${url}`];
}
