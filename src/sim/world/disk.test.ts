import assert from "node:assert/strict";
import { test } from "node:test";
import { runAll } from "../../platform/disk.contract.ts";
import { DiskError } from "../../platform/disk.ts";
import { VirtualClock } from "./clock.ts";
import { VirtualDisk } from "./disk.ts";
import type { VirtualDiskOptions } from "./disk.ts";
import { Trace } from "./trace.ts";

runAll(async () => {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: 1, latencyMs: { min: 0.1, max: 2 } });
  disk.mkdirSync("/dir");
  return {
    disk,
    dir: "/dir",
    until: async (condition) => assert.ok(clock.runUntil(condition)),
    close: async () => {},
  };
});

const SECTORS = 8;

function setUp(
  seed: number,
  more: Partial<VirtualDiskOptions> = {},
): {
  clock: VirtualClock;
  disk: VirtualDisk;
} {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed, ...more });
  disk.mkdirSync("/d");
  disk.syncDirSync("/");
  return { clock, disk };
}

/** A file of SECTORS sectors of 1s, durable with its name. */
function durableFile(disk: VirtualDisk): number {
  const file = disk.openSync("/d/f", { write: true, create: true });
  disk.writeSync(file, new Uint8Array(SECTORS * 512).fill(1), 0);
  disk.syncSync(file);
  disk.syncDirSync("/d");
  return file;
}

function readAll(disk: VirtualDisk, path: string): Uint8Array {
  const file = disk.openSync(path, {});
  const bytes = new Uint8Array(disk.sizeSync(file));
  disk.readSync(file, bytes, 0);
  disk.closeSync(file);
  return bytes;
}

/** What each sector holds; asserts that none is mixed. */
function sectors(bytes: Uint8Array): number[] {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; at += 512) {
    const sector = bytes.subarray(at, at + 512);
    assert.ok(
      sector.every((b) => b === sector[0]),
      "a torn sector",
    );
    values.push(sector[0]);
  }
  return values;
}

test("kill keeps what was written, power loss any subset of unsynced sectors", () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { disk } = setUp(seed);
    const file = durableFile(disk);
    disk.writeSync(file, new Uint8Array(SECTORS * 512).fill(2), 0);
    const killed = disk.crash("kill");
    assert.deepEqual(sectors(readAll(killed, "/d/f")), new Array(SECTORS).fill(2));
    assert.throws(() => disk.existsSync("/d"), DiskError);
    outcomes.add(sectors(readAll(killed.crash("power"), "/d/f")).join(""));
  }
  const joined = [...outcomes].join(" ");
  assert.ok(outcomes.size > 40, joined);
  assert.ok(
    [...outcomes].some((o) => /1+2/.test(o)),
    "reordering: a later sector alone",
  );
});

test("size and data are durable separately; synced ones always are", () => {
  const sizes = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const { disk } = setUp(seed);
    const file = durableFile(disk);
    disk.writeSync(file, new Uint8Array(512).fill(3), SECTORS * 512);
    const after = readAll(disk.crash("power"), "/d/f");
    assert.deepEqual(sectors(after).slice(0, SECTORS), new Array(SECTORS).fill(1));
    sizes.add(after.length * 10 + (after[SECTORS * 512] ?? 0));
  }
  // Old size; new size without data; new size with data.
  assert.deepEqual(sizes, new Set([40960, 46080, 46083]));
});

test("names survive only with a directory sync, in order", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { disk } = setUp(seed);
    const file = durableFile(disk);
    disk.mkdirSync("/e");
    disk.renameSync("/d/f", "/d/g");
    disk.closeSync(disk.openSync("/d/new", { write: true, create: true }));
    disk.closeSync(file);
    const after = disk.crash("power");
    seen.add(`${after.listSync("/").join()} ${after.listSync("/d").join()}`);
    const name = after.listSync("/d")[0];
    assert.deepEqual(sectors(readAll(after, `/d/${name}`)), new Array(SECTORS).fill(1));
  }
  const wanted = ["d f", "d g", "d g,new", "d,e f", "d,e g", "d,e g,new"];
  assert.deepEqual([...seen].toSorted(), wanted);
});

test("a move between directories is in one of them, never in both or none", () => {
  for (let seed = 0; seed < 40; seed++) {
    const { disk } = setUp(seed);
    disk.mkdirSync("/e");
    disk.syncDirSync("/");
    durableFile(disk);
    disk.renameSync("/d/f", "/e/f");
    if (seed % 2 === 0) disk.syncDirSync("/e");
    const after = disk.crash("power");
    const places = [...after.listSync("/d"), ...after.listSync("/e").map((n) => `e/${n}`)];
    assert.equal(places.length, 1);
    if (seed % 2 === 0) assert.deepEqual(places, ["e/f"]);
  }
});

test("after a failed sync a later one succeeds, and the pages are gone all the same", () => {
  let lost = 0;
  for (let seed = 0; seed < 20; seed++) {
    const { disk } = setUp(seed, { writeBackChance: 0 });
    const file = durableFile(disk);
    disk.writeSync(file, new Uint8Array(SECTORS * 512).fill(2), 0);
    disk.faults.add({ op: "sync", code: "EIO" });
    assert.throws(() => disk.syncSync(file), /EIO/);
    disk.syncSync(file);
    assert.deepEqual(sectors(readAll(disk, "/d/f")), new Array(SECTORS).fill(2), "cache");
    const after = sectors(readAll(disk.crash("power"), "/d/f"));
    if (after.includes(1)) lost++;
  }
  assert.ok(lost >= 19);
});

test("planned failures: the n-th call, by path, a full and a read-only device", () => {
  const { disk } = setUp(1, { capacityBytes: SECTORS * 512 + 100 });
  const file = durableFile(disk);
  const write = (bytes: number): void => disk.writeSync(file, new Uint8Array(bytes), SECTORS * 512);
  write(100);
  assert.throws(() => write(101), /ENOSPC/);
  assert.throws(() => disk.allocateSync(file, 10_000), /ENOSPC/);
  disk.truncateSync(file, 512);
  write(50);
  disk.faults.add({ op: "write", path: "/d/f", after: 1, times: 2, code: "EIO" });
  write(1);
  assert.throws(() => write(1), /EIO/);
  assert.throws(() => write(1), /EIO/);
  write(1);
  disk.faults.readOnly = true;
  assert.throws(() => write(1), /EROFS/);
  assert.throws(() => disk.openSync("/d/x", { write: true, create: true }), /EROFS/);
  readAll(disk, "/d/f");
  disk.faults.clear();
  disk.unlinkSync("/d/f");
  assert.equal(disk.usedBytes, 0);
});

test("a crash interrupts a list; its callbacks never come", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 80; seed++) {
    const { clock, disk } = setUp(seed, { latencyMs: { min: 1, max: 1 } });
    const file = durableFile(disk);
    const bytes = new Uint8Array(SECTORS * 512).fill(2);
    disk.submit(
      [
        { op: "write", file, bytes, start: 0, end: bytes.length, offset: 0 },
        { op: "rename", from: "/d/f", to: "/d/g" },
      ],
      () => assert.fail("called after the crash"),
    );
    clock.runFor(seed % 2 === 0 ? 0.5 : 1.5);
    const after = disk.crash("kill");
    clock.runUntilIdle();
    const name = after.listSync("/d")[0];
    seen.add(`${name} ${sectors(readAll(after, `/d/${name}`)).join("")}`);
  }
  assert.ok(seen.has("f 11111111") && seen.has("f 22222222") && seen.has("f 22221111"));
  assert.ok(
    [...seen].every((s) => /^f 2*1*$/.test(s)),
    [...seen].join(),
  );
});

test("flips show, and equal seeds leave equal traces", () => {
  const run = (seed: number): string => {
    const trace = new Trace();
    const { clock, disk } = setUp(seed, { latencyMs: { min: 0, max: 5 }, trace });
    const file = durableFile(disk);
    disk.flip("/d/f", 600, 0x80);
    assert.equal(readAll(disk, "/d/f")[600], 0x81);
    for (let i = 0; i < 10; i++) {
      disk.submit([{ op: "sync", file }], () => trace.add(`done ${clock.monotonicMs()}`));
    }
    clock.runUntilIdle();
    disk.crash("power");
    return trace.hash();
  };
  assert.equal(run(5), run(5));
  assert.notEqual(run(5), run(6));
});

test("a fork is what a crash would leave, and changes nothing here", () => {
  const forks: VirtualDisk[] = [];
  const { clock, disk } = setUp(1, {
    beforeChange: (op, path) => {
      if (op !== "sync" || path !== "/d/f" || !isArmed) return;
      const world = { clock: new VirtualClock(), seed: forks.length };
      forks.push(disk.fork("kill", world));
      for (let seed = 0; seed < 8; seed++) forks.push(disk.fork("power", { ...world, seed }));
    },
  });
  let isArmed = false;
  const file = durableFile(disk);
  isArmed = true;
  const bytes = new Uint8Array(SECTORS * 512).fill(2);
  disk.submit(
    [
      { op: "write", file, bytes, start: 0, end: bytes.length, offset: 0 },
      { op: "sync", file },
    ],
    () => {},
  );
  clock.runUntilIdle();
  const [killed, ...lost] = forks;
  assert.deepEqual(readAll(killed!, "/d/f"), bytes);
  assert.ok(lost.some((each) => readAll(each, "/d/f").includes(1)));
  // What one does with its copy, the others do not see.
  killed!.flip("/d/f", 0, 0xff);
  killed!.unlinkSync("/d/f");
  assert.deepEqual(readAll(disk, "/d/f"), bytes);
  assert.equal(disk.tryLockSync(file), true);
  const other = lost[0]!.openSync("/d/f", {});
  assert.equal(lost[0]!.tryLockSync(other), true);
});
