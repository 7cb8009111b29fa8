import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32cUpdate } from "../../../src/base/crc32c.ts";
import { Prng } from "../../../src/base/prng.ts";
import { Client } from "../../../src/client/index.ts";
import { NodeDisk } from "../../../src/platform/node/disk.ts";
import { decodeKeyValue } from "../../../src/proto/gen/mvccpb.ts";
import { checkDatabase } from "../../../src/storage/backend/bolt-pages/check.ts";
import { openBolt } from "../../../src/storage/backend/bolt/bolt-backend.ts";
import { BoltReader } from "../../../src/storage/backend/bolt/reader.ts";
import { contentOf, RandomWriter } from "../../../src/storage/backend/testing/random-writer.ts";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { startServer } from "../ctl/servers.ts";
import type { RunningServer } from "../ctl/servers.ts";
import { defragmentAndCheck, killAndCheck } from "./defragment.ts";
import { DEBIAN_VERSION, oraclePath } from "../oracles/oracles.ts";
import { type WriteMix, writeAtRandom } from "../random-writes.ts";

const VERSIONS = [DEBIAN_VERSION, "3.5", "3.6", "3.7"] as const;
const SIZES = {
  ci: { rounds: 1, steps: 1500, files: 4, batches: 60, kills: 12 },
  full: { rounds: 5, steps: 60_000, files: 40, batches: 500, kills: 300 },
} as const;
/** Commits between two checks of a file that we write. */
const CHECK_EVERY = 10;
/** Writes in one of our batches. */
const OPS_MAX = 2000;
/** Large values: beyond one page, beyond several. */
const WRITES: WriteMix = { keys: 400, largeValueBytes: 70_000, largeOneIn: 200, atOnce: 64 };

/**
 * Files that real etcd wrote, read by us: every key, revision, lease, user and role is there, the
 * hash of the key bucket is etcd's, and our check of the file finds what bbolt's finds: nothing.
 * Files that we write, read by bbolt: its check is content after every few commits, while a file is
 * defragmented, and after `kill -9` in the middle of that.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const { rounds, steps, files, batches, kills } = SIZES[size];
  let passed = 0;
  let failed = 0;
  const attempt = async (name: string, work: () => Promise<string>): Promise<void> => {
    try {
      console.log(`${name}: ${await work()}`);
      passed += 1;
    } catch (error) {
      console.log(`${name}: FAILED`, error);
      failed += 1;
    }
  };
  for (let file = 0; file < files; file += 1) {
    await attempt(`our file ${file}`, () => writeAndCheck(seed + file, batches));
    await attempt(`defragmented file ${file}`, () => defragmentAndCheck(seed + file));
  }
  await attempt("killed in defragmentation", () => killAndCheck(seed, kills));
  for (let round = 0; round < rounds; round += 1) {
    for (const version of VERSIONS) {
      for (const end of ["stop", "kill"] as const) {
        const name = `etcd ${version}, ${end}, round ${round}`;
        await attempt(name, () => scenario({ version, end, steps, seed: seed + round }));
      }
    }
  }
  return { passed, failed };
}

interface Scenario {
  readonly version: string;
  readonly end: "stop" | "kill";
  readonly steps: number;
  readonly seed: number;
}

async function scenario({ version, end, steps, seed }: Scenario): Promise<string> {
  const command = oraclePath("etcd", version);
  if (command === undefined) throw new Error(`etcd ${version} is missing: npm run oracles`);
  const dir = mkdtempSync(path.join(tmpdir(), "bolt-"));
  try {
    const dataDir = path.join(dir, "data");
    const etcd = { label: `etcd ${version}`, command, prefix: [] };
    const server = await startServer(etcd, ["--log-level=error"], dataDir);
    const expected = await fill(server, version, { steps, prng: new Prng(seed) });
    await server[end]();
    return inspect(path.join(dataDir, "member", "snap", "db"), expected, end);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What etcd said it holds before it ended. */
interface Expected {
  readonly kvs: ReadonlyMap<string, { readonly modRevision: number; readonly value: string }>;
  readonly revision: number;
  /** Of the key bucket at `revision`, when nothing was compacted. */
  readonly hash: number;
  readonly users: readonly string[];
  readonly roles: readonly string[];
}

async function fill(
  server: RunningServer,
  version: string,
  load: { readonly steps: number; readonly prng: Prng },
): Promise<Expected> {
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 60_000 });
  try {
    await writeAtRandom(client, load.prng, load.steps, WRITES);
    const ctl = (...args: string[]): string =>
      execFileSync(oraclePath("etcdctl", version)!, ["--endpoints", server.endpoint, ...args], {
        env: version === DEBIAN_VERSION ? { ...process.env, ETCDCTL_API: "3" } : process.env,
        encoding: "utf8",
      });
    const users = ["alice", "bob"];
    for (const name of users) ctl("user", "add", `${name}:secret`);
    ctl("role", "add", "reader");
    ctl("lease", "grant", "600");
    const { kvs, header } = await client.kv.range("\0", { rangeEnd: "\0" });
    const { hash } = await client.maintenance.hashKv();
    return {
      kvs: new Map(
        kvs.map(({ key, modRevision, value }) => [hex(key), { modRevision, value: hex(value) }]),
      ),
      revision: header.revision,
      hash,
      users,
      roles: ["reader"],
    };
  } finally {
    client.close();
  }
}

/** @throws Error naming the first thing that is not as etcd said. */
function inspect(file: string, expected: Expected, end: "stop" | "kill"): string {
  const disk = new NodeDisk();
  const id = disk.openSync(file, {});
  const reader = new BoltReader(disk, id, file);
  const report = checkDatabase(reader.pages);
  expectEqual("our check", report.problems.join("; "), "");
  const bbolt = execFileSync(oraclePath("bbolt")!, ["check", file], { encoding: "utf8" });
  expectEqual("bbolt's check", bbolt.trim(), "OK");
  const { kvs, last, hash, changes } = fold(reader);
  // After kill -9 the last batch is in the log only: the state is an earlier one.
  if (last > expected.revision) throw new Error(`revision ${last} > ${expected.revision}`);
  if (end === "stop") {
    expectEqual("last revision", last, expected.revision);
    expectEqual("hash", hash, expected.hash);
    expectEqual("keys", JSON.stringify([...kvs]), JSON.stringify([...expected.kvs]));
    expectEqual("users", namesIn(reader, "authUsers").join(), expected.users.join());
    expectEqual("roles", namesIn(reader, "authRoles").join(), expected.roles.join());
    expectEqual("leases", namesIn(reader, "lease").length, 1);
  }
  disk.closeSync(id);
  const { pages, treePages } = report;
  return `${changes} changes, ${kvs.size} keys, ${treePages} of ${pages} pages`;
}

/** Random work on a file of ours, opened anew now and then. @throws Error when bbolt objects. */
async function writeAndCheck(seed: number, batches: number): Promise<string> {
  const dir = mkdtempSync(path.join(tmpdir(), "bolt-"));
  const file = path.join(dir, "db");
  const disk = new NodeDisk();
  const fail = (error: Error): never => {
    throw error;
  };
  try {
    const writer = new RandomWriter(seed);
    let backend = openBolt({ disk, path: file, onFailure: fail });
    let checks = 0;
    let state = "";
    for (let batch = 1; batch <= batches; batch += 1) {
      state = writer.states.get(writer.batch(backend, OPS_MAX))!;
      writer.states.clear();
      if (batch % CHECK_EVERY !== 0) continue;
      while (!backend.isIdle) await new Promise((next) => setImmediate(next));
      backend.close();
      const bbolt = execFileSync(oraclePath("bbolt")!, ["check", file], { encoding: "utf8" });
      expectEqual("bbolt's check", bbolt.trim(), "OK");
      checks += 1;
      backend = openBolt({ disk, path: file, onFailure: fail });
      expectEqual("content", contentOf(backend), state);
    }
    const size = backend.sizeBytes;
    backend.close();
    return `${batches} commits, ${checks} checks, ${size} bytes`;
  } finally {
    await new Promise<void>((closed) => disk.close(closed));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** All changes of the key bucket, in order: what is left, and etcd's hash over all of them. */
function fold(reader: BoltReader) {
  const kvs = new Map<string, { modRevision: number; value: string }>();
  const cursor = reader.changes();
  const tree = reader.tree("key");
  let hash = crc32cUpdate(0, Buffer.from("key"), 0, 3);
  let [last, changes] = [1, 0];
  for (; cursor.next() && tree.next(); changes += 1) {
    hash = crc32cUpdate(hash, tree.key.bytes, tree.key.start, tree.key.end);
    hash = crc32cUpdate(hash, tree.value.bytes, tree.value.start, tree.value.end);
    const { bytes, start, end } = cursor.value;
    const { key, value, modRevision } = decodeKeyValue(bytes, start, end);
    last = cursor.main;
    if (cursor.isTombstone) kvs.delete(hex(key));
    else kvs.set(hex(key), { modRevision, value: hex(value) });
  }
  const inOrder = [...kvs].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { kvs: new Map(inOrder), last, hash, changes };
}

function namesIn(reader: BoltReader, bucket: string): readonly string[] {
  const tree = reader.tree(bucket);
  const names: string[] = [];
  while (tree.next()) {
    names.push(Buffer.from(tree.key.bytes.subarray(tree.key.start, tree.key.end)).toString());
  }
  return names;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function expectEqual(what: string, found: string | number, wanted: string | number): void {
  if (found === wanted) return;
  const short = (value: string | number): string => String(value).slice(0, 300);
  throw new Error(`${what}: found ${short(found)}, wanted ${short(wanted)}`);
}
