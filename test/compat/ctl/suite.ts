import { spawn } from "node:child_process";
import path from "node:path";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Client } from "../../../src/client/index.ts";
import { message } from "../errors/proto-writer.ts";
import { frame, RawClient } from "../errors/raw-client.ts";
import { DEBIAN_VERSION, oraclePath } from "../oracles/oracles.ts";
import { normalise } from "./normalise.ts";
import type { Identity, Outcome } from "./normalise.ts";
import { script } from "./script.ts";
import type { Step } from "./script.ts";
import { skeinProgram, startServer } from "./servers.ts";
import type { RunningServer, ServerProgram } from "./servers.ts";

/** Plays side by side: as many as CI has cores. */
const PLAYS_AT_ONCE = 2;

/** Runs tasks in the order they come, a few at a time. */
class Lanes {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** A command-line tool under comparison. */
interface Tool {
  readonly label: string;
  readonly command: string;
  readonly prefix: readonly string[];
}

const ALARM = "/etcdserverpb.Maintenance/Alarm";
const ACTIVATE = 1;
/** A tool that takes longer hangs. */
const STEP_TIMEOUT_MS = 20_000;
/** Random reads on top of the written script. */
const RANDOM_STEPS = { ci: 20, full: 200 } as const;
/** Differences shown of one comparison. */
const SHOWN_MAX = 40;

function skeinctl(): Tool {
  const main = path.join(import.meta.dirname, "../../../src/cli/ctl/main.ts");
  return { label: "skeinctl", command: process.execPath, prefix: [main] };
}

function runTool(tool: Tool, step: Step, endpoint: string): Promise<Outcome> {
  const endpoints = step.ownEndpoints === true ? [] : [`--endpoints=${endpoint}`];
  const args = [...tool.prefix, ...endpoints, ...step.args];
  const { ETCDCTL_API: _api, ...rest } = process.env;
  // Debian's 3.4 speaks version 3 by default; the variable would be a warning in 3.7.
  const env = { ...rest, ...step.env };
  return new Promise((resolve) => {
    const child = spawn(tool.command, args, { env, stdio: "pipe" });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = setTimeout(() => child.kill("SIGKILL"), STEP_TIMEOUT_MS);
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.stdin.on("error", () => {});
    child.stdin.end(step.stdin ?? "");
    child.on("close", (code) => {
      clearTimeout(timer);
      const [stdout, stderr] = [Buffer.concat(out), Buffer.concat(err)];
      resolve({ exitCode: code ?? -1, stdout, stderr });
    });
  });
}

async function identityOf(server: RunningServer): Promise<Identity> {
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 5000 });
  try {
    const { header, members } = await client.cluster.memberList();
    const peer = members[0]?.peerURLs[0] ?? "no peer";
    const { memberId, clusterId } = header;
    return { endpoint: server.endpoint, peer, memberId, clusterId };
  } finally {
    client.close();
  }
}

async function raiseAlarm(server: RunningServer, memberId: bigint, kind: number): Promise<void> {
  const client = new RawClient(server.endpoint);
  const body = frame(message([1, ACTIVATE], [2, memberId], [3, kind]));
  const { code, message: text } = await client.call({ path: ALARM, body });
  client.close();
  if (code !== 0) throw new Error(`${server.label} does not raise an alarm: ${text}`);
}

/** Every step's answer, made comparable, on a fresh server. */
async function play(
  tool: Tool,
  program: ServerProgram,
  steps: readonly Step[],
): Promise<readonly string[]> {
  const server = await startServer(program);
  try {
    const identity = await identityOf(server);
    const answers: string[] = [];
    for (const step of steps) {
      if (step.raise !== undefined) await raiseAlarm(server, identity.memberId, step.raise);
      answers.push(normalise(step, await runTool(tool, step, server.endpoint), identity));
    }
    return answers;
  } finally {
    await server.stop();
  }
}

/** Compares two plays of one script. @returns how many steps agree and how many do not. */
function compare(
  title: string,
  steps: readonly Step[],
  wanted: readonly string[],
  got: readonly string[],
): LongResult {
  const differing = steps.flatMap((_, at) => (wanted[at] === got[at] ? [] : [at]));
  console.log(`${title}: ${steps.length - differing.length} of ${steps.length} equal`);
  for (const at of differing.slice(0, SHOWN_MAX)) {
    const { args, stdin } = steps[at] as Step;
    const input = stdin === undefined ? "" : `  stdin ${JSON.stringify(stdin)}`;
    console.log(`  #${at} ${JSON.stringify(args)}${input}`);
    console.log(`    wanted ${JSON.stringify(wanted[at])}`);
    console.log(`    got    ${JSON.stringify(got[at])}`);
  }
  return { passed: steps.length - differing.length, failed: differing.length };
}

/** One pair of plays to compare. */
interface Match {
  readonly wanted: readonly [Tool, ServerProgram];
  readonly got: readonly [Tool, ServerProgram];
}

function matches(etcd: ServerProgram, skein: ServerProgram | null): readonly Match[] {
  const new37 = oraclePath("etcdctl", "3.7");
  const old34 = oraclePath("etcdctl", DEBIAN_VERSION);
  if (new37 === undefined) throw new Error("etcdctl 3.7 is missing: npm run oracles");
  const etcdctl: Tool = { label: "etcdctl 3.7.1", command: new37, prefix: [] };
  const own = skeinctl();
  const list: Match[] = [{ wanted: [etcdctl, etcd], got: [own, etcd] }];
  if (skein === null) return list;
  list.push({ wanted: [etcdctl, etcd], got: [etcdctl, skein] });
  list.push({ wanted: [etcdctl, etcd], got: [own, skein] });
  if (old34 !== undefined) {
    const debian: Tool = { label: "etcdctl 3.4", command: old34, prefix: [] };
    list.push({ wanted: [debian, etcd], got: [debian, skein] });
  }
  return list;
}

/**
 * One script of commands, by etcdctl 3.7.1 and 3.4 and by skeinctl, against etcd 3.7.1 and against
 * Skein: the same output, the same exit codes. `--only etcd` leaves Skein's server out. The seed
 * makes the random part of the script.
 */
export async function run(options: LongOptions): Promise<LongResult> {
  const etcdPath = oraclePath("etcd", "3.7");
  if (etcdPath === undefined) throw new Error("etcd 3.7 is missing: npm run oracles");
  const etcd = { label: "etcd 3.7.1", command: etcdPath, prefix: [] };
  const withoutSkein = options.args.includes("etcd");
  const steps = script(options.seed, RANDOM_STEPS[options.size]);
  const played = new Map<string, Promise<readonly string[]>>();
  const lanes = new Lanes(PLAYS_AT_ONCE);
  const answers = async ([tool, program]: readonly [Tool, ServerProgram]) => {
    const key = `${tool.label} against ${program.label}`;
    const known = played.get(key) ?? lanes.run(() => play(tool, program, steps));
    played.set(key, known);
    return { key, known: await known };
  };
  const list = matches(etcd, withoutSkein ? null : skeinProgram());
  // All begin, two at a time; what fails is told where it is waited for.
  for (const pair of list.flatMap(({ wanted, got }) => [wanted, got]))
    answers(pair).catch(() => {});
  let [passed, failed] = [0, 0];
  for (const { wanted, got } of list) {
    try {
      const [left, right] = [await answers(wanted), await answers(got)];
      const result = compare(`${left.key} = ${right.key}`, steps, left.known, right.known);
      passed += result.passed;
      failed += result.failed;
    } catch (error) {
      console.log(String(error));
      failed++;
    }
  }
  return { passed, failed };
}
