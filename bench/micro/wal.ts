/**
 * What the log costs on this machine: framing on the member's thread, a sync through the disk
 * thread, throughput with cuts, and opening. `node bench/micro/wal.ts [directory]`; about 15 s.
 * Times are of a shared machine: judge by CPU, repeat.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32c } from "../../src/base/crc32c.ts";
import { NodeClock } from "../../src/platform/node/clock.ts";
import { NodeDisk } from "../../src/platform/node/disk.ts";
import type { Entry } from "../../src/raft/types.ts";
import { FrameWriter } from "../../src/storage/wal/frame-writer.ts";
import { createWal, encodeMetadata, openWal } from "../../src/storage/wal/wal.ts";
import type { Wal, WalOptions } from "../../src/storage/wal/wal.ts";

const root = mkdtempSync(path.join(process.argv[2] ?? tmpdir(), "wal-bench-"));
const disk = new NodeDisk();
const clock = new NodeClock();

const entry = (index: number, bytes: number): Entry => ({
  type: 0,
  term: 3,
  index,
  data: new Uint8Array(bytes).fill(index),
});

/** CPU of the whole process, all threads, in µs. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function line(what: string, ...figures: string[]): void {
  console.log(`${what.padEnd(44)} ${figures.join("  ")}`);
}

function quantiles(values: number[]): string {
  values.sort((a, b) => a - b);
  const at = (q: number): string =>
    values[Math.min(values.length - 1, Math.floor(values.length * q))].toFixed(3);
  return `p50 ${at(0.5)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  max ${at(1)} ms`;
}

function benchCrc(): void {
  const bytes = disk.sharedBuffer(1024 * 1024);
  for (const size of [300, 4096]) {
    let done = 0;
    const start = process.cpuUsage().user;
    for (let round = 0; round < 400; round++) {
      for (let at = 0; at + size <= bytes.length; at += size) {
        crc32c(bytes, at, at + size);
        done += size;
      }
    }
    const us = process.cpuUsage().user - start;
    line(`CRC-32C of ${size} B, shared memory`, `${(done / us / 1000).toFixed(2)} GB/s`);
  }
}

function benchFraming(): void {
  const entries = Array.from({ length: 1000 }, (_, i) => entry(i + 1_000_000, 300));
  const frames = new FrameWriter(disk, { crc: 0, offset: 0 });
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage().user;
    for (let i = 0; i < 300; i++) {
      for (const each of entries) frames.entry(each);
      for (const run of frames.takeRuns()) frames.recycle(run);
    }
    const us = (process.cpuUsage().user - start) / 300_000;
    if (round === 2) line("framing an entry of 300 B with checksum", `${us.toFixed(3)} µs`);
  }
}

class Rig {
  readonly options: WalOptions;
  wake: () => void = () => {};
  readonly durations: number[] = [];

  constructor(name: string) {
    this.options = {
      disk,
      clock,
      dir: path.join(root, name),
      onDurable: () => this.wake(),
      onFailure: (error) => {
        throw error;
      },
      observer: { synced: (ms) => void this.durations.push(ms), written: () => {} },
    };
  }

  create(): Wal {
    return createWal(this.options, encodeMetadata({ nodeId: 1n, clusterId: 2n }));
  }

  /** Saves one batch and waits for it; returns the milliseconds. */
  async save(wal: Wal, entries: readonly Entry[]): Promise<number> {
    const startMs = clock.monotonicMs();
    const ticket = wal.save(null, entries);
    wal.flush();
    while (wal.durableTicket() < ticket) await new Promise<void>((done) => (this.wake = done));
    return clock.monotonicMs() - startMs;
  }
}

async function close(wal: Wal): Promise<void> {
  await new Promise((done) => wal.close(done));
}

async function benchSync(batch: number, bytes: number, rounds: number): Promise<void> {
  const rig = new Rig(`sync-${batch}-${bytes}`);
  const wal = rig.create();
  const times: number[] = [];
  let index = 0;
  for (let i = 0; i < 200; i++) await rig.save(wal, [entry(++index, bytes)]);
  const start = cpuUs();
  for (let i = 0; i < rounds; i++) {
    const entries: Entry[] = [];
    for (let k = 0; k < batch; k++) entries.push(entry(++index, bytes));
    times.push(await rig.save(wal, entries));
  }
  const us = (cpuUs() - start) / rounds;
  line(`save ${batch} × ${bytes} B and wait`, quantiles(times), `CPU ${us.toFixed(0)} µs a sync`);
  await close(wal);
}

/** As the server does under load: batches gather while a sync runs; three segments and more. */
async function benchLoad(): Promise<void> {
  const rig = new Rig("load");
  const wal = rig.create();
  const perTurn = 40;
  const total = 700_000;
  let longest = 0;
  const turns: number[] = [];
  const start = cpuUs();
  const startMs = clock.monotonicMs();
  for (let index = 0; index < total;) {
    const turnMs = clock.monotonicMs();
    const entries: Entry[] = [];
    for (let k = 0; k < perTurn; k++) entries.push(entry(++index, 300));
    const ticket = wal.save({ term: 3, vote: 1n, commit: index - perTurn }, entries);
    wal.flush();
    const spentMs = clock.monotonicMs() - turnMs;
    longest = Math.max(longest, spentMs);
    turns.push(spentMs);
    while (wal.durableTicket() < ticket - 3) {
      await new Promise<void>((done) => (rig.wake = done));
    }
    wal.release(index);
    wal.purge(5);
  }
  await close(wal);
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  const us = (cpuUs() - start) / total;
  line(
    `load of ${total} entries of 300 B`,
    `${(total / seconds / 1000).toFixed(0)}k entries/s`,
    `CPU ${us.toFixed(2)} µs an entry`,
  );
  line("  on the member's thread, a save of 40", quantiles(turns));
  line("  write and sync of a batch", quantiles(rig.durations));
}

async function benchOpen(): Promise<void> {
  const rig = new Rig("load");
  const { lastKept, sizeBytes } = oldest(rig.options.dir);
  const start = cpuUs();
  const startMs = clock.monotonicMs();
  const opened = openWal(rig.options, { index: lastKept, term: lastKept === 0 ? 0 : 3 });
  const ms = clock.monotonicMs() - startMs;
  line(
    `open ${opened.entries.length} entries, ${(sizeBytes / 1e6).toFixed(0)} MB`,
    `${ms.toFixed(0)} ms`,
    `CPU ${((cpuUs() - start) / 1000).toFixed(0)} ms`,
  );
  await close(opened.wal);
}

/** Index of the oldest segment that is left, and the bytes of all. */
function oldest(dir: string): { lastKept: number; sizeBytes: number } {
  const names = disk.listSync(dir).filter((name) => name.endsWith(".wal"));
  let sizeBytes = 0;
  for (const name of names) {
    const file = disk.openSync(path.join(dir, name), {});
    sizeBytes += disk.sizeSync(file);
    disk.closeSync(file);
  }
  return { lastKept: Number.parseInt(names[0].slice(17, 33), 16), sizeBytes };
}

benchCrc();
benchFraming();
await benchSync(1, 300, 2000);
await benchSync(50, 300, 1000);
await benchSync(1, 1_000_000, 30);
await benchLoad();
await benchOpen();
await new Promise<void>((closed) => disk.close(closed));
rmSync(root, { recursive: true });
