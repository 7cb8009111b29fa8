import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import path from "node:path";
import type { Prng } from "../../../src/base/prng.ts";
import { Client } from "../../../src/client/index.ts";
import { startServer } from "../ctl/servers.ts";
import { needProgram, saveSnapshot } from "./tools.ts";
import { type WriteMix, writeAtRandom } from "../random-writes.ts";

/** Large values: beyond one page, beyond several. */
const WRITES: WriteMix = { keys: 300, largeValueBytes: 60_000, largeOneIn: 200, atOnce: 32 };

/** Files that a real etcd wrote. */
export interface MadeFiles {
  readonly version: string;
  /** Snapshots that its etcdctl saved: while keys were written, and afterwards. */
  readonly underLoad: string;
  readonly atEnd: string;
  /** The last change in it is a deletion. */
  readonly afterDelete: string;
  /** A copy of its database once it was stopped. */
  readonly database: string;
  readonly dataDir: string;
  /** Those of `atEnd`. */
  readonly revision: number;
  readonly compactRevision: number;
}

/** How they are made. */
export interface FilesWanted {
  readonly version: string;
  readonly dir: string;
  readonly steps: number;
  readonly prng: Prng;
}

/** Random work on a server of that version: puts, deletions, transactions, leases, compaction. */
export async function makeFiles({ version, dir, steps, prng }: FilesWanted): Promise<MadeFiles> {
  const dataDir = path.join(dir, "written");
  const named = (name: string): string => path.join(dir, `${name}.snapshot`);
  const command = needProgram("etcd", version);
  const program = { label: `etcd ${version}`, command, prefix: [] };
  const server = await startServer(program, ["--log-level=error"], dataDir);
  const client = new Client({ endpoints: [server.endpoint], timeoutMs: 60_000 });
  const ctl = (...args: string[]): string =>
    execFileSync(needProgram("etcdctl", version), ["--endpoints", server.endpoint, ...args], {
      encoding: "utf8",
    });
  const [underLoad, atEnd, afterDelete] = ["under-load", "at-end", "after-delete"].map(named);
  let compactRevision = 0;
  let revision = 0;
  try {
    const [lease] = /[0-9a-f]{16}/.exec(ctl("lease", "grant", "6000"))!;
    ctl("put", `--lease=${lease}`, "leased", "value");
    ctl("user", "add", "alice:secret");
    await writeAtRandom(client, prng, steps / 2, WRITES);
    const { header } = await client.kv.range("leased");
    compactRevision = header.revision - prng.below(steps / 4);
    ctl("compaction", String(compactRevision), "--physical");
    await Promise.all([
      writeAtRandom(client, prng, steps / 2, WRITES),
      saveSnapshot(version, server.endpoint, underLoad!),
    ]);
    await client.kv.put("last", "change");
    revision = (await client.kv.range("last")).header.revision;
    await saveSnapshot(version, server.endpoint, atEnd!);
    await client.kv.delete("last");
    await saveSnapshot(version, server.endpoint, afterDelete!);
  } finally {
    client.close();
    await server.stop();
  }
  const database = path.join(dir, "copied.db");
  copyFileSync(path.join(dataDir, "member/snap/db"), database);
  return {
    ...{ version, underLoad: underLoad!, atEnd: atEnd!, afterDelete: afterDelete! },
    ...{ database, dataDir, revision, compactRevision },
  };
}
