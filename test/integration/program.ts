import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** The root of the clone. */
export const ROOT = path.join(import.meta.dirname, "..", "..");

/** What `npm start` runs. */
const MAIN = path.join(ROOT, "scripts", "start.cjs");
/** A start takes well under a second; this long means it hangs. */
const START_TIMEOUT_MS = 30_000;

/** Runs `use` with a new directory and removes it afterwards. */
export async function withTempDir<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(path.join(tmpdir(), "skein-test-"));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The environment without what would configure the server by accident. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(ETCD|npm_|NODE_)/.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

/** A program under test; what it prints is kept. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stdout = "";
  stderr = "";
  #wake: () => void = () => {};

  constructor(command: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
    // A group of its own: a program that npm started ends together with npm.
    this.child = spawn(command[0]!, command.slice(1), { cwd, env, detached: true });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.exited = new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  /** Waits until stdout or stderr matches. @throws Error when it ends or takes too long before. */
  async saw(pattern: RegExp): Promise<void> {
    const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
    while (!pattern.test(this.stdout) && !pattern.test(this.stderr)) {
      const ended = this.child.exitCode !== null || this.child.signalCode !== null;
      if (ended || deadline.aborted) {
        const what = ended ? "ended" : "printed nothing like it in time";
        throw new Error(`${pattern}: the program ${what}\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Sends a signal to the program and all it started. */
  kill(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.child.pid!, signal);
    } catch {
      // Already gone.
    }
  }
}

/** The server itself, without npm, with these flags. */
export function spawnServer(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  return new Program([process.execPath, MAIN, ...args], cleanEnv(env), ROOT);
}
