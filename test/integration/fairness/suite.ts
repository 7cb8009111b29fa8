import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { LIMITS, type Phase, runLatency } from "../../../bench/latency.ts";
import { memoryOf } from "../../../bench/proc.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Client } from "../../../src/client/index.ts";
import { freePort, ServerProcess } from "../server-process.ts";
import {
  BUDGET_HEAP_MIB,
  COPIED_KEY,
  COPIED_VALUE_BYTES,
  exhaust,
  LIST_PREFIX,
  PARTS,
} from "./budget.ts";

const SIZES = {
  ci: { keys: 100_000, revisions: 100_000, seconds: 5 },
  full: { keys: 1_000_000, revisions: 1_000_000, seconds: 30 },
} as const;
/** More keys than four million entries of sorted lists make in one round. */
const LIST_KEYS = 20_000;
const PUTS_AT_ONCE = 64;

/**
 * Huge lists, stalled readers and compaction delay nobody; and each part of the memory budget is
 * used up in turn, by real sockets against a real process with a small heap.
 *
 * At full size the limits are those of a quiet machine, by the clock. CI machines are shared: there
 * the same limits hold for the CPU time between two timers of the server, and growth is judged.
 */
export async function run({ seed, size, args }: LongOptions): Promise<LongResult> {
  const budget = args.includes("--latency-only") ? [] : await runBudget(size === "ci" ? 1 : 2);
  if (args.includes("--budget-only")) return count(budget);
  const phases = await runLatency({ server: "skein", ...SIZES[size], seed: (seed % 1000) + 1 });
  const broken = phases.map((phase) => (size === "ci" ? brokenAnywhere(phase) : phase.broken));
  for (const [at, problems] of broken.entries()) {
    if (problems.length > 0) {
      process.stdout.write(`${phases[at]!.name}: ${problems.join("; ")}\n`);
    }
  }
  return count([...budget, ...broken]);
}

function count(found: readonly (readonly string[])[]): LongResult {
  const failed = found.filter((problems) => problems.length > 0).length;
  return { passed: found.length - failed, failed };
}

/** What must hold however busy the machine is. */
function brokenAnywhere({ loop, broken, probe, others }: Phase): readonly string[] {
  // Growth and wrong answers; the others are times by the clock.
  const found = broken.filter((problem) => !/^(?:loop|probe) /.test(problem));
  if (loop === undefined) found.push("no figures of the event loop");
  else {
    if (loop.cpuMaxMs > LIMITS.loopMaxMs) found.push(`computed ${loop.cpuMaxMs} ms at once`);
    // The caches of a shared CPU make everything up to twice as slow.
    if (loop.cpuP999Ms > 2 * LIMITS.loopP999Ms) found.push(`computed p99.9 ${loop.cpuP999Ms} ms`);
  }
  for (const { workload, errors } of [probe, ...others]) {
    for (const kind of Object.keys(errors)) {
      if (kind !== "unfinished") found.push(`${workload}: ${kind} ${errors[kind]}`);
    }
  }
  return found;
}

async function runBudget(rounds: number): Promise<readonly (readonly string[])[]> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "skein-budget-"));
  const port = await freePort();
  const heap = `--max-old-space-size=${BUDGET_HEAP_MIB}`;
  const server = await ServerProcess.start(dataDir, port, [], [heap]);
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 60_000 });
  const found: (readonly string[])[] = [];
  process.stdout.write(`memory budget, heap limit ${BUDGET_HEAP_MIB} MiB\n`);
  try {
    await fill(client);
    const target = { pid: server.pid, port, freshMib: memoryOf(server.pid).rssMib };
    // One after the other in one process: what is not given back would show in the next.
    for (let round = 0; round < rounds; round += 1) {
      for (const part of PARTS) found.push(await exhaust(part, target, client));
    }
  } finally {
    client.close();
    await server.end("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  }
  return found;
}

async function fill(client: Client): Promise<void> {
  await client.kv.put(COPIED_KEY, "x".repeat(COPIED_VALUE_BYTES));
  for (let from = 0; from < LIST_KEYS; from += PUTS_AT_ONCE) {
    const places = Array.from({ length: PUTS_AT_ONCE }, (_, at) => from + at);
    await Promise.all(places.map((at) => client.kv.put(`${LIST_PREFIX}${at}`, "v".repeat(200))));
  }
}
