/**
 * `node bench/latency.ts [--server S] [--keys N] [--seconds S]`: how late is a small request while
 * the server works as hard as it can, compacts a million revisions and lists 100k keys for 8
 * clients, 4 of whom have stopped reading? And by how much do those lists grow the process?
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { chooseDir } from "./compare.ts";
import { load, startLoad } from "./loader.ts";
import type { LoadFlags, LoadResult, RunningLoad } from "./loader.ts";
import { cpuWaitMs, memoryOf } from "./proc.ts";
import { preload } from "./round.ts";
import { SERVER_NAMES, startServer } from "./servers.ts";
import type { Server, ServerName } from "./servers.ts";

/** What must hold, for each phase. */
export const LIMITS = { loopMaxMs: 50, loopP999Ms: 10, probeP999Ms: 15, listGrowthMib: 64 };

const PROBE_RATE = 100;
const SETTLE_MS = 2000;
const SAMPLE_MS = 50;
/** Generators yield to the server and the probe: what they need is not the server's delay. */
const LOAD_NICE = 10;
/** The probe stands for a client on a machine of its own: its waits for a CPU are not counted. */
const PROBE_NICE = -15;
const LIST_KEYS = 100_000;

/** How far to go. */
export interface LatencyOptions {
  readonly server: ServerName;
  readonly keys: number;
  /** Puts before the compaction, so that it has as many revisions to remove. */
  readonly revisions: number;
  /** Length of each phase. */
  readonly seconds: number;
  readonly seed: number;
}

/** Lateness of the event loop in one phase; missing for servers that are not ours. */
interface LoopDelay {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** The same in CPU time of the main thread, whatever else the machine does. */
  readonly cpuP999Ms: number;
  readonly cpuMaxMs: number;
}

/** What one phase brought. */
export interface Phase {
  readonly name: string;
  readonly probe: LoadResult;
  readonly loop: LoopDelay | undefined;
  readonly rssBeforeMib: number;
  readonly rssPeakMib: number;
  /** Share of the phase in which the server's main thread was ready but had no CPU: noise. */
  readonly waitedShare: number;
  readonly others: readonly LoadResult[];
  /** Limits that did not hold. */
  readonly broken: readonly string[];
}

class Harness {
  private readonly server: Server;
  private readonly options: LatencyOptions;
  private readonly loopFile: string;
  private loopLines = 0;

  constructor(server: Server, options: LatencyOptions, loopFile: string) {
    this.server = server;
    this.options = options;
    this.loopFile = loopFile;
  }

  start(flags: LoadFlags): RunningLoad {
    const { keys, seconds, seed } = this.options;
    const base = { addr: this.server.address, keys, seconds, warmup: 0.5, seed, shared: 1 };
    const running = startLoad({ ...base, ...flags });
    const { pid } = running.child;
    if (pid !== undefined) renice(pid, flags["rate"] === undefined ? LOAD_NICE : PROBE_NICE);
    return running;
  }

  /** Reads and resets the server's own histogram. */
  async loopDelay(): Promise<LoopDelay | undefined> {
    if (this.server.name !== "skein") return undefined;
    process.kill(this.server.pid, "SIGUSR2");
    for (let tries = 0; tries < 100; tries += 1) {
      await sleep(SAMPLE_MS);
      if (!existsSync(this.loopFile)) continue;
      const lines = readFileSync(this.loopFile, "utf8").trim().split("\n");
      if (lines.length <= this.loopLines) continue;
      this.loopLines = lines.length;
      return JSON.parse(lines.at(-1)!) as LoopDelay;
    }
    return undefined;
  }

  /** Runs the probe beside `work`, and watches memory. `limitGrowth`: judge growth too. */
  async phase(
    name: string,
    work: () => readonly RunningLoad[],
    limitGrowth = false,
  ): Promise<Phase> {
    await sleep(SETTLE_MS);
    await this.loopDelay();
    const rssBeforeMib = memoryOf(this.server.pid).rssMib;
    let rssPeakMib = rssBeforeMib;
    const timer = setInterval(() => {
      rssPeakMib = Math.max(rssPeakMib, memoryOf(this.server.pid).rssMib);
    }, SAMPLE_MS);
    const [startMs, waitMs] = [performance.now(), cpuWaitMs(this.server.pid)];
    const running = work();
    const probe = this.start({ workload: "range", rate: PROBE_RATE, conns: 1, inflight: 100 });
    const probed = await probe.result;
    const loop = await this.loopDelay();
    const waited = cpuWaitMs(this.server.pid) - waitMs;
    const waitedShare = waited / (performance.now() - startMs);
    const others = await Promise.all(running.map((each) => each.result));
    clearInterval(timer);
    const found = { name, probe: probed, loop, rssBeforeMib, rssPeakMib, waitedShare, others };
    return { ...found, broken: brokenLimits(found, limitGrowth) };
  }

  lists(): readonly RunningLoad[] {
    const flags = { workload: "list", limit: LIST_KEYS, inflight: 1, "timeout-ms": 120_000 };
    return [
      this.start({ ...flags, conns: 4, seed: this.options.seed + 1 }),
      this.start({ ...flags, conns: 2, stall: "window", seed: this.options.seed + 2 }),
      this.start({ ...flags, conns: 2, stall: "socket", seed: this.options.seed + 3 }),
    ];
  }
}

/** Only root may raise a priority; without it the probe's figures are a little worse. */
function renice(pid: number, priority: number): void {
  try {
    os.setPriority(pid, priority);
  } catch (error) {
    if ((error as { info?: { code?: string } }).info?.code !== "EACCES") throw error;
  }
}

function brokenLimits(phase: Omit<Phase, "broken">, limitGrowth: boolean): readonly string[] {
  const broken: string[] = [];
  const check = (what: string, value: number | undefined, limit: number) => {
    if (value !== undefined && value > limit) broken.push(`${what} ${value.toFixed(1)} > ${limit}`);
  };
  check("loop max ms", phase.loop?.maxMs, LIMITS.loopMaxMs);
  check("loop p99.9 ms", phase.loop?.p999Ms, LIMITS.loopP999Ms);
  check("probe p99.9 ms", phase.probe.p999_us / 1000, LIMITS.probeP999Ms);
  const growth = phase.rssPeakMib - phase.rssBeforeMib;
  if (limitGrowth) check("growth MiB", growth, LIMITS.listGrowthMib);
  const wrong = [phase.probe, ...phase.others].filter((each) => (each.errors["wrong"] ?? 0) > 0);
  if (wrong.length > 0) broken.push("wrong answers");
  if (phase.probe.ok === 0) broken.push("the probe got no answer");
  return broken;
}

function describe({ p999Ms, maxMs, cpuP999Ms, cpuMaxMs }: LoopDelay): string {
  const computed = `CPU p99.9 ${cpuP999Ms.toFixed(1)} max ${cpuMaxMs.toFixed(1)}`;
  return ` loop p99.9 ${p999Ms.toFixed(1)} max ${maxMs.toFixed(1)} ms (${computed})`;
}

function print(phase: Phase): void {
  const ms = (us: number) => (us / 1000).toFixed(1).padStart(6);
  const { probe, loop } = phase;
  const late = loop === undefined ? "" : describe(loop);
  const small = `p50 ${ms(probe.p50_us)} p99 ${ms(probe.p99_us)} p99.9 ${ms(probe.p999_us)}`;
  const rss = `${phase.rssBeforeMib.toFixed(0)} → peak ${phase.rssPeakMib.toFixed(0)} MiB`;
  const wait = `waited for a CPU ${(phase.waitedShare * 100).toFixed(0)} %`;
  const what = phase.name.padEnd(26);
  console.log(`${what} probe ${small} max ${ms(probe.max_us)} ms${late}  RSS ${rss}, ${wait}`);
  for (const other of phase.others) {
    const errors = JSON.stringify(other.errors);
    const shown = `${other.workload} ${other.conns}×${other.inflight}`;
    console.log(`    ${shown.padEnd(16)} ${other.throughput.toFixed(1)}/s, errors ${errors}`);
  }
  for (const each of phase.broken) console.log(`    BROKEN ${each}`);
}

async function phases(harness: Harness, server: Server, options: LatencyOptions) {
  const full = () => harness.start({ workload: "mixed", conns: 16, inflight: 8 });
  const compact = (): RunningLoad =>
    harness.start({ workload: "compact", "timeout-ms": 120_000, seconds: options.seconds + 60 });
  const found: Phase[] = [];
  const add = async (phase: Promise<Phase>) => {
    found.push(await phase);
    print(found.at(-1)!);
  };
  await add(harness.phase("idle", () => []));
  await add(harness.phase("lists alone", () => harness.lists(), true));
  await add(harness.phase("full load", () => [full()]));
  await add(harness.phase("full load, lists", () => [full(), ...harness.lists()]));
  await load({
    addr: server.address,
    workload: "put",
    keys: options.keys,
    count: options.revisions,
    conns: 16,
    inflight: 16,
    seconds: 300,
    seed: options.seed + 7,
  });
  const all = () => [full(), compact(), ...harness.lists()];
  await add(harness.phase("full load, lists, compact", all));
  return found;
}

/** Runs all phases and prints them. */
export async function runLatency(options: LatencyOptions): Promise<readonly Phase[]> {
  const baseDir = chooseDir();
  const scratch = mkdtempSync(path.join(baseDir, "skein-latency-"));
  const loopFile = path.join(scratch, "loop-delay");
  const server = await startServer({
    name: options.server,
    baseDir,
    nodeArgs: ["--import", path.join(import.meta.dirname, "loop-delay.ts")],
    env: { SKEIN_LOOP_DELAY_FILE: loopFile },
  });
  try {
    const scale = { keys: options.keys, seconds: 0, warmupSeconds: 0 };
    await preload(server, scale, options.seed);
    return await phases(new Harness(server, options, loopFile), server, options);
  } finally {
    await server.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      server: { type: "string", default: "skein" },
      keys: { type: "string", default: "1000000" },
      revisions: { type: "string", default: "1000000" },
      seconds: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
    },
  });
  const server = SERVER_NAMES.find((name) => name === values.server);
  if (server === undefined) throw new Error(`--server: ${SERVER_NAMES.join(", ")}`);
  const found = await runLatency({
    server,
    keys: Number(values.keys),
    revisions: Number(values.revisions),
    seconds: Number(values.seconds),
    seed: Number(values.seed),
  });
  return found.some((phase) => phase.broken.length > 0) ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
