import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { realWorld } from "../../../src/cli/utl/program.ts";
import { runUtl } from "../../../src/cli/utl/run.ts";
import { oraclePath } from "../oracles/oracles.ts";

/** What a run of a tool gave. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  /** The line with the error; "" when there is none. Log lines are nobody's business. */
  readonly error: string;
}

/** A tool that takes longer hangs. */
const TIMEOUT_MS = 30_000;

/** One of the two tools under comparison. */
export type Tool = (args: readonly string[]) => Promise<Outcome>;

/** What was said of a failure, without the logs around it. */
function errorIn(stderr: string): string {
  const at = stderr.search(/^Error: /m);
  return at < 0 ? "" : stderr.slice(at).trimEnd();
}

/** skeinutl, in this process: starting one for each step would take most of the suite's time. */
export function skeinutl(): Tool {
  const world = realWorld();
  return async (args) => {
    let [stdout, stderr] = ["", ""];
    const captured = {
      ...world,
      out: (text: string): void => void (stdout += text),
      err: (text: string): void => void (stderr += text),
    };
    const exitCode = await runUtl(args, captured, "0.0.0");
    return { exitCode, stdout, error: errorIn(stderr) };
  };
}

/** The program of a series. @throws Error when it was not built. */
export function needProgram(name: "etcd" | "etcdctl" | "etcdutl" | "bbolt", version?: string) {
  const file = oraclePath(name, version);
  if (file === undefined) throw new Error(`${name} ${version ?? ""} is missing: npm run oracles`);
  return file;
}

/** Real etcdutl 3.7. */
export function etcdutl(): Tool {
  const command = needProgram("etcdutl", "3.7");
  return (args) => {
    const { status, stdout, stderr } = spawnSync(command, args, {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
    });
    return Promise.resolve({ exitCode: status ?? -1, stdout, error: errorIn(stderr) });
  };
}

/** `etcdctl snapshot save` while others go on. */
export async function saveSnapshot(version: string, endpoint: string, file: string): Promise<void> {
  const args = ["--endpoints", endpoint, "snapshot", "save", file];
  await promisify(execFile)(needProgram("etcdctl", version), args, { timeout: TIMEOUT_MS });
}

/** bbolt's own check. @throws Error with what it says. */
export function bboltCheck(file: string): void {
  const { stdout, stderr } = spawnSync(needProgram("bbolt"), ["check", file], { encoding: "utf8" });
  if (stdout.trim() !== "OK") throw new Error(`bbolt check ${file}: ${stdout}${stderr}`);
}
