import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Client } from "../../src/client/index.ts";
import { httpUrl, memberConfig } from "../../src/member/config.ts";
import { type Member, startMember } from "../../src/member/member.ts";
import type { Disk } from "../../src/platform/disk.ts";
import type { Logger } from "../../src/platform/logger.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { BoltError } from "../../src/storage/backend/bolt-pages/error.ts";

const MIB = 1024 * 1024;
/** More than what is kept in memory of large pages (16 MiB). */
const VALUES = 24;
/** Of the database; below lie meta pages and small ones. */
const DAMAGED_FROM = 4 * MIB;

/** A disk that gives back other bytes of the database once it is told to. */
function damagedDisk(disk: Disk, isDamaged: () => boolean): Disk {
  const databases = new Set<number>();
  return new Proxy(disk, {
    get(target, name) {
      if (name === "openSync") {
        return (file: string, options: Parameters<Disk["openSync"]>[1]) => {
          const id = target.openSync(file, options);
          if (file.endsWith("/snap/db")) databases.add(id);
          return id;
        };
      }
      if (name === "readSync") {
        return (...args: Parameters<Disk["readSync"]>) => {
          const [file, bytes, offset, start = 0] = args;
          const read = target.readSync(...args);
          const isHit = isDamaged() && databases.has(file) && offset > DAMAGED_FROM;
          if (isHit) bytes[start + read - 1]! ^= 1;
          return read;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("a page that changed on the disk stops its member, not the process", async (t) => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), "skein-damage-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const said: unknown[] = [];
  const logger: Logger = {
    enabled: () => true,
    log: (level, message, fields) => {
      if (level === "error") said.push({ message, ...fields });
    },
    with: () => logger,
  };
  let isDamaged = false;
  const start = (): Promise<Member> => {
    const platform = nodePlatform(logger);
    const config = memberConfig({ dataDir, listenClientUrls: [httpUrl("127.0.0.1", 0)] });
    const disk = damagedDisk(platform.disk, () => isDamaged);
    t.after(() => platform.close());
    return startMember(config, { ...platform, disk });
  };
  const member = await start();
  const client = new Client({ endpoints: [member.clientUrls[0]!] });
  t.after(() => client.close());
  for (let i = 0; i < VALUES; i += 1) await client.kv.put(`k${i}`, Buffer.alloc(MIB, i));
  isDamaged = true;
  const reads = Array.from({ length: VALUES }, (_, i) =>
    client.kv.get(`k${i}`, { timeoutMs: 1000 }).catch(() => null),
  );
  const reason = await member.closed;
  assert.ok(reason instanceof BoltError, String(reason));
  assert.match(reason.message, /page does not match its checksum \(.*snap\/db, page \d+ at byte/);
  assert.deepEqual(said, [
    {
      message: "member stops after a fatal fault",
      error: reason.message,
      fault: "damaged",
      remedy: reason.remedy,
    },
  ]);
  await Promise.all(reads);
  // The disk was all right: whoever stops so writes nothing that the next start could stumble on.
  isDamaged = false;
  const second = await start();
  assert.equal(second.status().keys, VALUES);
  assert.equal(second.status().revision, VALUES + 1);
  await second.close();
  assert.equal(await second.closed, null);
});
