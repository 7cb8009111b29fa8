import assert from "node:assert/strict";
import { test } from "node:test";
import { DiskError } from "../../platform/disk.ts";
import type { Disk } from "../../platform/disk.ts";
import { checkDatabase } from "../backend/bolt-pages/check.ts";
import { PageFile } from "../backend/bolt-pages/page-file.ts";
import { buildDatabase, type Item } from "../backend/testing/build-database.ts";
import { BoltReader } from "../backend/bolt/reader.ts";
import { CountedPages } from "./counted-pages.ts";
import { DamagedDatabaseError, defragment } from "./defragment.ts";
import { imageStatus, type ImageStatus } from "./image-status.ts";
import { makeDatabase } from "./testing/make-database.ts";
import { bytesOf, newRig, someChanges, writeFile } from "./testing/rig.ts";

const DB = "/db";

function statusOf(disk: Disk): ImageStatus {
  const file = disk.openSync(DB, {});
  const status = imageStatus(new CountedPages(disk, file, DB));
  disk.closeSync(file);
  return status;
}

function defragmentDb(disk: Disk): void {
  const file = disk.openSync(DB, { write: true });
  try {
    defragment({ disk, file, path: DB, onProgress: () => {} });
  } finally {
    disk.closeSync(file);
  }
}

/** Every pair of every bucket, buckets in buckets included. */
function pairsOf(disk: Disk): string[] {
  const reader = new BoltReader(disk, disk.openSync(DB, {}), DB);
  return reader.buckets.flatMap((name) => {
    const pairs: string[] = [];
    for (const tree = reader.tree(name); tree.next();) {
      const { key, value } = tree;
      const bytes = Buffer.concat([
        key.bytes.subarray(key.start, key.end),
        value.bytes.subarray(value.start, value.end),
      ]);
      pairs.push(`${name} ${bytes.toString("hex")}`);
    }
    return pairs;
  });
}

test("the same content in fewer pages, none of them free, also after a power loss", () => {
  const rig = newRig();
  makeDatabase(rig.disk, DB, someChanges(3000), 10);
  const [before, pairs] = [statusOf(rig.disk), pairsOf(rig.disk)];
  defragmentDb(rig.disk);
  const disk = rig.disk.crash("power");
  const after = statusOf(disk);
  assert.deepEqual({ ...after, totalSize: 0 }, { ...before, totalSize: 0 });
  assert.ok(after.totalSize < before.totalSize);
  assert.deepEqual(pairsOf(disk), pairs);
  const { problems, freePages } = checkDatabase(new PageFile(disk, disk.openSync(DB, {}), DB));
  assert.deepEqual([problems, freePages], [[], 0]);
  assert.deepEqual(disk.listSync("/"), ["db"]);
});

test("values larger than a page and than a piece, long keys, empty and inner buckets", () => {
  const rig = newRig();
  const item = (key: string, size: number): Item => {
    return { key: Buffer.from(key), value: Buffer.alloc(size, key) };
  };
  const long = "k".repeat(3000);
  const items = Array.from({ length: 200 }, (_, at) =>
    item(`${long}${1000 + at}`, (at % 5) * 3000),
  );
  const buckets = new Map([
    ["empty", []],
    ["large", [item("a", 10), item("b", 3_000_000), item("c", 5000), item("d", 0)]],
    ["long", items],
    ["small", [item("x", 1)]],
  ]);
  writeFile(rig.disk, DB, buildDatabase({ pageBytes: 4096, buckets, freePages: 40 }));
  const pairs = pairsOf(rig.disk);
  defragmentDb(rig.disk);
  assert.deepEqual(pairsOf(rig.disk), pairs);
  assert.equal(pairs.length, 205);
});

test("a damaged database stays as it is", () => {
  const rig = newRig();
  makeDatabase(rig.disk, DB, someChanges(2000));
  const bytes = bytesOf(rig.disk, DB);
  const { meta } = new PageFile(rig.disk, rig.disk.openSync(DB, {}), DB);
  // Two keys of a leaf change places: the page itself is in order, what it is under is not.
  const flipped = bytes.slice();
  const at = flipped.lastIndexOf(0x5f, meta.rootPage * 4096 - 1);
  flipped[at - 4]! ^= 0xff;
  writeFile(rig.disk, DB, flipped);
  assert.throws(
    () => defragmentDb(rig.disk),
    (error) => error instanceof DamagedDatabaseError || (error as Error).name === "BoltError",
  );
  assert.deepEqual(bytesOf(rig.disk, DB), flipped);
  assert.deepEqual(rig.disk.listSync("/"), ["db"]);
});

/** Ends with EIO at the call of number `at` of those that change the disk. */
function failingAt(disk: Disk, at: number): { readonly disk: Disk; readonly calls: () => number } {
  let calls = 0;
  const changing = /^(write|sync|rename|unlink|truncate|syncDir)Sync$/;
  const failing = new Proxy(disk, {
    get: (target, name: keyof Disk) => {
      const method = target[name] as (...args: unknown[]) => unknown;
      if (!changing.test(name)) return method.bind(target);
      return (...args: unknown[]) => {
        calls += 1;
        if (calls >= at) throw new DiskError("EIO", DB, name);
        return method.apply(target, args);
      };
    },
  });
  return { disk: failing, calls: () => calls };
}

test("power loss at any step leaves one of the two files, whole", () => {
  // The last ones come after the end, when all of it must be durable.
  for (let step = 1, done = 0; done < 5; step++) {
    const rig = newRig(step);
    makeDatabase(rig.disk, DB, someChanges(400), 10);
    rig.disk.syncDirSync("/");
    const before = statusOf(rig.disk);
    const { disk, calls } = failingAt(rig.disk, step);
    try {
      defragmentDb(disk);
    } catch (error) {
      assert.ok(error instanceof DiskError);
    }
    if (calls() < step) done += 1;
    const after = rig.disk.crash("power");
    assert.deepEqual({ ...statusOf(after), totalSize: 0 }, { ...before, totalSize: 0 });
    const { problems } = checkDatabase(new PageFile(after, after.openSync(DB, {}), DB));
    assert.deepEqual(problems, []);
    assert.ok(step < 100);
  }
});
