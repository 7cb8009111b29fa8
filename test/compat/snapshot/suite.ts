import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { LongOptions, LongResult } from "../../../scripts/long.ts";
import { Prng } from "../../../src/base/prng.ts";
import { Client } from "../../../src/client/index.ts";
import { type RunningServer, startServer } from "../ctl/servers.ts";
import { expectEqual, startedOn } from "../utl/started.ts";
import { bboltCheck, etcdutl, saveSnapshot, skeinutl } from "../utl/tools.ts";

const SIZES = { ci: { rounds: 1, puts: 4000 }, full: { rounds: 8, puts: 60_000 } } as const;
const AT_ONCE = 32;
const KEYS = 600;
const LARGE_VALUE_BYTES = 50_000;
const DIGEST_BYTES = 32;

/**
 * Snapshots of a member with a database file, saved by etcdctl and by skeinctl while others write
 * and defragment: bbolt's check is content, etcdutl and skeinutl say the same of them, and etcd
 * started on what etcdutl restores has the history that the member has up to that revision.
 */
export async function run({ seed, size }: LongOptions): Promise<LongResult> {
  const { rounds, puts } = SIZES[size];
  let [passed, failed] = [0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const dir = mkdtempSync(path.join(tmpdir(), "snapshot-"));
    try {
      const checked = await scenario(dir, puts, new Prng(seed + round));
      console.log(`round ${round}: ${checked.join("; ")}`);
      passed += checked.length;
    } catch (error) {
      console.log(`round ${round}: FAILED`, error);
      failed += 1;
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  return { passed, failed };
}

async function scenario(dir: string, puts: number, prng: Prng): Promise<string[]> {
  const main = path.join(import.meta.dirname, "../../../scripts/start.cjs");
  const skein = { label: "skein", command: process.execPath, prefix: [main] };
  const server = await startServer(skein, [], path.join(dir, "data"));
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 60_000 });
  try {
    await write(client, puts, prng);
    const { header } = await client.kv.range("x");
    await client.kv.compact(header.revision - prng.below(puts / 4), { physical: true });
    const files = ["etcdctl", "skeinctl", "at rest"].map((name) => path.join(dir, name));
    const load = write(client, puts, prng);
    const shrink = client.maintenance.defragment();
    await saveSnapshot("3.7", server.endpoint, files[0]!);
    await skeinctlSave(server, files[1]!);
    await Promise.all([load, shrink]);
    await skeinctlSave(server, files[2]!);
    const checked: string[] = [];
    for (const file of files) checked.push(await inspect(file, client));
    return checked;
  } finally {
    client.close();
    await server.stop();
  }
}

/** Puts, and some deletions; at most half of what was compacted before is written again. */
async function write(client: Client, puts: number, prng: Prng): Promise<void> {
  for (let done = 0; done < puts; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const key = `key ${prng.below(KEYS)}`;
        const bytes = prng.below(150) === 0 ? LARGE_VALUE_BYTES : prng.below(400);
        if (prng.below(10) === 0) await client.kv.delete(key);
        else await client.kv.put(key, Buffer.alloc(bytes, prng.below(256)));
      }),
    );
  }
}

async function skeinctlSave(server: RunningServer, file: string): Promise<void> {
  const main = path.join(import.meta.dirname, "../../../src/cli/ctl/main.ts");
  const args = [main, "--endpoints", server.endpoint, "snapshot", "save", file];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  if (!stdout.startsWith(`Snapshot saved at ${file}\n`)) throw new Error(`skeinctl: ${stdout}`);
}

/** @throws Error with the first thing that is wrong. */
async function inspect(file: string, client: Client): Promise<string> {
  const name = path.basename(file);
  const bytes = readFileSync(file);
  const image = `${file}.image`;
  writeFileSync(image, bytes.subarray(0, bytes.length - DIGEST_BYTES));
  bboltCheck(image);
  const status = ["snapshot", "status", file, "-w", "json"];
  const [theirs, ours] = [await etcdutl()(status), await skeinutl()(status)];
  expectEqual(`${name}: status`, ours, theirs);
  expectEqual(`${name}: status`, theirs.exitCode, 0);
  for (const [tool, utl] of [
    ["etcdutl", etcdutl()],
    ["skeinutl", skeinutl()],
  ] as const) {
    const restored = `${file}.${tool}`;
    const outcome = await utl(["snapshot", "restore", file, "--data-dir", restored]);
    expectEqual(`${name}: ${tool} restores`, [outcome.exitCode, outcome.error], [0, ""]);
  }
  // Its own names and ports: etcd is told of others than the restore knows.
  const restored = `${file}.started`;
  const outcome = await etcdutl()([
    ...["snapshot", "restore", file, "--data-dir", restored, "--name", "m1"],
    ...["--initial-cluster", "m1=http://127.0.0.1:2380"],
    ...["--initial-advertise-peer-urls", "http://127.0.0.1:2380"],
  ]);
  expectEqual(`${name}: restores`, [outcome.exitCode, outcome.error], [0, ""]);
  const said = await startedOn(restored);
  const { hash, compactRevision } = await client.maintenance.hashKv({ revision: said.revision });
  expectEqual(`${name}: hash`, said.hash, [hash, compactRevision, said.revision]);
  return `${name}: ${bytes.length} bytes, revision ${said.revision}, ${said.kvs.length} keys`;
}
