import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { skeinProgram, startServer } from "../ctl/servers.ts";
import type { RunningServer, ServerProgram } from "../ctl/servers.ts";
import { RawClient } from "../errors/raw-client.ts";
import { oraclePath } from "../oracles/oracles.ts";
import { endings, type Ending } from "./endings.ts";
import { CHOSEN, randomProgram, SCRIPTED } from "./programs.ts";
import { type Said, Speaker, type Step } from "./steps.ts";

const SIZES = {
  ci: { programs: 20, steps: 100 },
  full: { programs: 400, steps: 200 },
} as const;
/** What two servers that are asked one after the other may differ in, seconds. */
const REMAINING_TOLERANCE = 2n;

/**
 * The same calls about leases to etcd 3.7.1 and to Skein: the same answers and errors, the same
 * keys after them; leases that end, and those that are there after `kill -9`, in real time.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const etcd = oraclePath("etcd", "3.7");
  if (etcd === undefined) throw new Error("etcd 3.7 is missing: npm run oracles");
  const oracle = { label: "etcd 3.7.1", command: etcd, prefix: ["--log-level=error"] };
  const found: (string | null)[] = [];
  const both = await Promise.all([startServer(oracle), startServer(skeinProgram())]);
  const clients = both.map(({ endpoint }) => new RawClient(endpoint));
  try {
    const [left, right] = clients.map((client) => new Speaker(client)) as [Speaker, Speaker];
    for (const [name, steps] of Object.entries(SCRIPTED)) {
      found.push(named(name, await compare(steps, left, right)));
    }
    const { programs, steps } = SIZES[size];
    for (let program = 0; program < programs; program += 1) {
      const difference = await compare(randomProgram(new Prng(seed + program), steps), left, right);
      found.push(named(`random program ${seed + program}`, difference));
    }
    found.push(named("chosen ids", await compare(CHOSEN, left, right)));
    const ends = await Promise.all(both.map(({ endpoint }) => endings(endpoint)));
    found.push(named("endings", differenceOfEndings(ends[0]!, ends[1]!)));
  } finally {
    for (const client of clients) client.close();
    await Promise.all(both.map((server) => server.stop()));
  }
  found.push(named("restart", await restart(oracle, skeinProgram())));
  const failed = found.filter((difference) => difference !== null);
  for (const difference of failed) console.log(difference);
  return { passed: found.length - failed.length, failed: failed.length };
}

function named(name: string, difference: string | null): string | null {
  return difference === null ? null : `${name}: ${difference}`;
}

/** The first difference, or null. */
async function compare(
  steps: readonly Step[],
  left: Speaker,
  right: Speaker,
): Promise<string | null> {
  for (const [at, step] of steps.entries()) {
    const [etcd, skein] = await Promise.all([left.say(step), right.say(step)]);
    if (agree(etcd, skein)) continue;
    const shown = JSON.stringify(step, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    return `step ${at} ${shown}:\n  etcd  ${show(etcd)}\n  skein ${show(skein)}`;
  }
  return null;
}

function agree(a: Said, b: Said): boolean {
  if (a.text !== b.text || (a.remaining === null) !== (b.remaining === null)) return false;
  if (a.remaining === null || b.remaining === null) return true;
  const difference = a.remaining - b.remaining;
  return difference <= REMAINING_TOLERANCE && -difference <= REMAINING_TOLERANCE;
}

function show({ text, remaining }: Said): string {
  return remaining === null ? text : `${text} remaining ${remaining}`;
}

function differenceOfEndings(etcd: Ending, skein: Ending): string | null {
  const problem = etcd.problem ?? skein.problem;
  if (problem !== null) return problem;
  return etcd.left === skein.left ? null : `etcd has ${etcd.left}, skein ${skein.left}`;
}

/** Leases and their keys are there after `kill -9`, with all their time. */
async function restart(...programs: ServerProgram[]): Promise<string | null> {
  const before: Step[] = [
    { do: "grant", id: 1n, ttl: 500n },
    { do: "grant", id: -(2n ** 63n), ttl: 100n },
    { do: "grant", id: 3n, ttl: 1000n },
    ...["a", "b", "c", "d"].map((key) => ({ do: "put", put: { key, lease: 1n } }) as const),
    { do: "put", put: { key: "b", lease: 0n } },
    { do: "put", put: { key: "c", lease: -(2n ** 63n) } },
    { do: "delete", key: "d", end: "" },
    { do: "revoke", id: 3n },
  ];
  const after: Step[] = [
    { do: "leases" },
    ...[1n, -(2n ** 63n), 3n].map((id) => ({ do: "timeToLive", id, keys: true }) as const),
    { do: "everything" },
    { do: "keepAlive", ids: [1n, 3n] },
    { do: "revoke", id: 1n },
    { do: "everything" },
    { do: "hash" },
  ];
  const dirs = programs.map(() => mkdtempSync(path.join(tmpdir(), "lease-")));
  const start = (): Promise<RunningServer[]> =>
    Promise.all(
      programs.map((program, at) => startServer(program, [], path.join(dirs[at]!, "data"))),
    );
  const ask = async (servers: readonly RunningServer[], steps: readonly Step[]) => {
    const clients = servers.map(({ endpoint }) => new RawClient(endpoint));
    const [left, right] = clients.map((client) => new Speaker(client)) as [Speaker, Speaker];
    const difference = await compare(steps, left, right);
    for (const client of clients) client.close();
    await Promise.all(servers.map((server) => server.kill()));
    return difference;
  };
  try {
    return (await ask(await start(), before)) ?? (await ask(await start(), after));
  } finally {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  }
}
