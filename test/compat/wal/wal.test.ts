/**
 * etcd's own log package reads what we write, and we read what it writes, in turn on one directory.
 * Needs Go and etcd's modules in Go's module cache (`npm run oracles` brings them); else skipped.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { crc32cUpdate } from "../../../src/base/crc32c.ts";
import { NodeClock } from "../../../src/platform/node/clock.ts";
import { NodeDisk } from "../../../src/platform/node/disk.ts";
import type { Entry } from "../../../src/raft/types.ts";
import { createWal, encodeMetadata, openWal } from "../../../src/storage/wal/wal.ts";
import type { OpenedWal, Wal, WalOptions } from "../../../src/storage/wal/wal.ts";
import { oracleCacheDir } from "../oracles/oracles.ts";

const PROGRAM = path.join(oracleCacheDir(), "walcheck-3.7.1", "walcheck");
const SEGMENT_BYTES = 20_000;

function build(): boolean {
  if (existsSync(PROGRAM)) return true;
  mkdirSync(path.dirname(PROGRAM), { recursive: true });
  const result = spawnSync("go", ["build", "-o", PROGRAM, "."], {
    cwd: import.meta.dirname,
    stdio: "ignore",
    env: { ...process.env, GOFLAGS: "-mod=readonly -buildvcs=false", GOPROXY: "off" },
  });
  return result.status === 0;
}

const skip = build() ? false : "needs Go and etcd's modules: npm run oracles";

interface Result {
  readonly metadata: string;
  readonly term: number;
  readonly vote: string;
  readonly commit: number;
  readonly entries: number;
  readonly checksum: number;
  readonly snapshots: readonly number[];
}

function walcheck(...args: (string | number)[]): string {
  return execFileSync(PROGRAM, args.map(String), { encoding: "utf8" });
}

function read(dir: string, index = 0, term = 0): Result {
  return JSON.parse(walcheck("read", dir, index, term)) as Result;
}

/** The same sum as the program's. */
function checksum(entries: readonly Entry[]): number {
  let crc = 0;
  for (const { type, term, index, data } of entries) {
    const head = new TextEncoder().encode(`${type} ${term} ${index} `);
    crc = crc32cUpdate(crc, head, 0, head.length);
    crc = crc32cUpdate(crc, data, 0, data.length);
  }
  return crc;
}

/** A directory and one disk, with the log opened or created by turns. */
class Bench {
  readonly root = mkdtempSync(path.join(tmpdir(), "wal-compat-"));
  readonly dir = path.join(this.root, "wal");
  readonly disk = new NodeDisk();
  #wake: () => void = () => {};

  options(): WalOptions {
    return {
      disk: this.disk,
      clock: new NodeClock(),
      dir: this.dir,
      onDurable: () => this.#wake(),
      onFailure: (error) => assert.fail(error),
      segmentBytes: SEGMENT_BYTES,
    };
  }

  open(start = { index: 0, term: 0 }): OpenedWal {
    return openWal(this.options(), start);
  }

  async save(wal: Wal, entries: readonly Entry[], commit: number): Promise<void> {
    const ticket = wal.save({ term: 2, vote: 2n ** 63n + 5n, commit }, entries);
    wal.flush();
    while (wal.durableTicket() < ticket) await new Promise<void>((done) => (this.#wake = done));
  }

  async close(wal: Wal): Promise<void> {
    const error = await new Promise((done) => wal.close(done));
    assert.equal(error, null);
  }

  async end(): Promise<void> {
    await new Promise<void>((closed) => this.disk.close(closed));
    rmSync(this.root, { recursive: true });
  }
}

function entriesOf(from: number, count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    type: i % 10 === 9 ? 2 : 0,
    term: 2,
    index: from + i,
    data: new Uint8Array((i * 37) % 900).fill(i),
  }));
}

test("etcd reads our log, over many segments and from a snapshot on", { skip }, async () => {
  const bench = new Bench();
  const ids = { nodeId: 2n ** 64n - 3n, clusterId: 77n };
  const wal = createWal(bench.options(), encodeMetadata(ids));
  const entries = entriesOf(1, 500);
  for (let i = 0; i < entries.length; i += 20) {
    await bench.save(wal, entries.slice(i, i + 20), i);
  }
  const confState = {
    voters: [1n, 2n ** 64n - 1n],
    learners: [3n],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  wal.saveSnapshot({ index: 300, term: 2, confState });
  await bench.close(wal);
  const whole = read(bench.dir);
  const metadata = Buffer.from(encodeMetadata(ids)).toString("hex");
  const common = { metadata, term: 2, vote: String(2n ** 63n + 5n), commit: 480 };
  const snapshots = [0, 300];
  assert.deepEqual(whole, { ...common, entries: 500, checksum: checksum(entries), snapshots });
  const rest = entries.slice(300);
  const part = { ...common, entries: 200, checksum: checksum(rest), snapshots };
  assert.deepEqual(read(bench.dir, 300, 2), part);
  await bench.end();
});

test("etcd and we append in turn, each reading the other's part", { skip }, async () => {
  const bench = new Bench();
  walcheck("create", bench.dir, 100, 300, SEGMENT_BYTES);
  for (let round = 1; round <= 4; round++) {
    const { wal, entries, repaired, hardState } = bench.open();
    assert.equal(repaired, false);
    assert.equal(entries.length, round * 100 + (round - 1) * 50);
    assert.deepEqual(hardState, { term: 3, vote: 1n, commit: entries.length - 1 });
    const own = entriesOf(entries.length + 1, 50);
    await bench.save(wal, own, entries.length);
    await bench.close(wal);
    assert.equal(read(bench.dir).checksum, checksum([...entries, ...own]));
    walcheck("append", bench.dir, 100, 300, SEGMENT_BYTES);
  }
  await bench.end();
});

test("neither opens for writing what the other holds", { skip }, async () => {
  const bench = new Bench();
  const wal = createWal(bench.options(), encodeMetadata({ nodeId: 1n, clusterId: 2n }));
  const append = ["append", bench.dir, "1", "1", String(SEGMENT_BYTES)];
  const result = spawnSync(PROGRAM, append, { encoding: "utf8" });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /already locked/);
  await bench.close(wal);
  walcheck(...append);
  await bench.end();
});
