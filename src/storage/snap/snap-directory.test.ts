import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskError, DiskOp } from "../../platform/disk.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { VirtualDisk } from "../../sim/world/disk.ts";
import { snapDatabaseName, snapName } from "./names.ts";
import { SnapDirectory } from "./snap-directory.ts";
import { SnapError } from "./snap-error.ts";
import { encodeSnapFile, SNAP_FILE_BYTES_MAX } from "./snap-file.ts";
import type { SnapFile } from "./snap-file.ts";

const DIR = "/data/member/snap";
const ANY = (): boolean => true;

function snapshotOf(term: number, index: number): SnapFile {
  const confState = {
    voters: [5n],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { term, index, confState, data: Buffer.from(`tree of ${term} and ${index}`) };
}

class Rig {
  readonly clock = new VirtualClock();
  readonly disk: VirtualDisk;
  readonly snaps: SnapDirectory;

  constructor(seed = 1) {
    this.disk = new VirtualDisk({ clock: this.clock, seed });
    this.snaps = new SnapDirectory(this.disk, `${DIR}/`);
    this.disk.mkdirSync(DIR);
  }

  put(name: string, bytes: Uint8Array): void {
    const file = this.disk.openSync(`${DIR}/${name}`, { write: true, create: true });
    this.disk.writeSync(file, bytes, 0);
    this.disk.closeSync(file);
  }

  /** A good file of its name, term and index. */
  putGood(term: number, index: number): void {
    this.put(snapName(term, index), encodeSnapFile(snapshotOf(term, index)));
  }

  names(): string[] {
    return this.disk.listSync(DIR);
  }

  run(ops: readonly DiskOp[]): void {
    let result: DiskError | null | undefined;
    this.disk.submit(ops, (error) => (result = error));
    this.clock.runUntilIdle();
    assert.equal(result, null);
  }

  save(snapshot: SnapFile): DiskError | null {
    let result: DiskError | null | undefined;
    this.snaps.save(snapshot, (error) => (result = error));
    assert.equal(result, undefined, "done inside the call");
    this.clock.runUntilIdle();
    assert.notEqual(result, undefined);
    return result ?? null;
  }
}

test("saved, listed, loaded: by term first, then by index", () => {
  const rig = new Rig();
  for (const [term, index] of [
    [2, 300],
    [3, 100],
    [2, 900],
  ] as const) {
    assert.equal(rig.save(snapshotOf(term, index)), null);
  }
  const newestFirst = [snapName(3, 100), snapName(2, 900), snapName(2, 300)];
  assert.deepEqual(rig.names(), newestFirst.toReversed(), "nothing else is left behind");
  assert.deepEqual(
    rig.snaps.list().map(({ name, term, index }) => [name, term, index]),
    [
      [newestFirst[0], 3, 100],
      [newestFirst[1], 2, 900],
      [newestFirst[2], 2, 300],
    ],
  );
  const { snapshot, broken } = rig.snaps.loadNewest(ANY);
  assert.deepEqual([snapshot?.term, snapshot?.index, broken], [3, 100, []]);
  assert.equal(Buffer.from(snapshot!.data).toString(), "tree of 3 and 100");
  const asked: unknown[] = [];
  const older = rig.snaps.loadNewest((index, term) => {
    asked.push([index, term]);
    return index === 300 && term === 2;
  });
  assert.deepEqual([older.snapshot?.term, older.snapshot?.index], [2, 300]);
  assert.deepEqual(asked, [
    [100, 3],
    [900, 2],
    [300, 2],
  ]);
  assert.equal(rig.snaps.loadNewest(() => false).snapshot, null);
  assert.equal(rig.names().length, 3, "what is not asked for stays");
});

test("a directory that is missing or holds nothing of ours", () => {
  const rig = new Rig();
  const missing = new SnapDirectory(rig.disk, "/nowhere");
  assert.deepEqual(missing.loadNewest(ANY), { snapshot: null, broken: [] });
  assert.deepEqual(missing.purgeOps(null), []);
  for (const name of ["db", "notes.snap", `${snapName(1, 1)}.broken`]) rig.put(name, Buffer.of(1));
  assert.deepEqual(rig.snaps.loadNewest(ANY), { snapshot: null, broken: [] });
  assert.equal(rig.names().length, 3);
});

test("unreadable files are moved aside and the next older is taken", () => {
  const rig = new Rig();
  rig.putGood(2, 100);
  const torn = encodeSnapFile(snapshotOf(2, 200));
  rig.put(snapName(2, 200), torn.subarray(0, torn.length - 1));
  rig.put(snapName(2, 300), new Uint8Array(0));
  const flipped = encodeSnapFile(snapshotOf(2, 400));
  flipped[flipped.length - 9]! ^= 1;
  rig.put(snapName(2, 400), flipped);
  const { snapshot, broken } = rig.snaps.loadNewest(ANY);
  assert.equal(snapshot?.index, 100);
  assert.deepEqual(
    broken.map(({ error, renamedTo }) => [error.code, renamedTo]),
    [
      ["crc", `${DIR}/${snapName(2, 400)}.broken`],
      ["empty", `${DIR}/${snapName(2, 300)}.broken`],
      ["parse", `${DIR}/${snapName(2, 200)}.broken`],
    ],
  );
  assert.deepEqual(rig.names(), [
    snapName(2, 100),
    ...[200, 300, 400].map((index) => `${snapName(2, index)}.broken`),
  ]);
  assert.deepEqual(rig.snaps.loadNewest(ANY).broken, [], "they are not tried again");
});

test("the renames survive a loss of power", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const rig = new Rig(seed);
    for (const dir of ["/data/member", "/data", "/"]) rig.disk.syncDirSync(dir);
    rig.put(snapName(2, 300), new Uint8Array(0));
    rig.disk.syncDirSync(DIR);
    rig.snaps.loadNewest(ANY);
    const after = rig.disk.crash("power");
    assert.deepEqual(after.listSync(DIR), [`${snapName(2, 300)}.broken`], `seed ${seed}`);
  }
});

test("a rename that fails is told and does not stop the search", () => {
  const rig = new Rig();
  rig.putGood(2, 100);
  rig.put(snapName(2, 300), new Uint8Array(0));
  rig.disk.faults.readOnly = true;
  const { snapshot, broken } = rig.snaps.loadNewest(ANY);
  assert.equal(snapshot?.index, 100);
  assert.deepEqual([broken.length, broken[0]?.renamedTo], [1, null]);
  assert.ok(broken[0]?.error instanceof SnapError);
});

test("a bad medium is a bad file; a machine without files to spare is not", () => {
  for (const [code, isBroken] of [
    ["EIO", true],
    ["EMFILE", false],
    ["EACCES", false],
  ] as const) {
    const rig = new Rig();
    rig.putGood(2, 100);
    rig.putGood(2, 300);
    rig.disk.faults.add({ op: isBroken ? "read" : "open", path: snapName(2, 300), code });
    if (isBroken) {
      assert.equal(rig.snaps.loadNewest(ANY).snapshot?.index, 100, code);
      assert.ok(rig.names().includes(`${snapName(2, 300)}.broken`));
    } else {
      assert.throws(() => rig.snaps.loadNewest(ANY), { name: "DiskError", code });
      assert.ok(rig.names().includes(snapName(2, 300)));
    }
  }
});

test("a file beyond the limit is neither read nor moved", () => {
  const rig = new Rig();
  const name = snapName(2, 300);
  rig.put(name, new Uint8Array(1));
  const file = rig.disk.openSync(`${DIR}/${name}`, { write: true });
  rig.disk.truncateSync(file, SNAP_FILE_BYTES_MAX + 1);
  assert.throws(() => rig.snaps.loadNewest(ANY), { name: "SnapError", code: "too-large" });
  assert.deepEqual(rig.names(), [name]);
});

test("leftovers: a listing removes db.tmp*, the start removes tmp*", () => {
  const rig = new Rig();
  rig.putGood(2, 100);
  const names = ["db", "db.tmp.1234", "db.tmp", "tmp123", "tmp-0000000000000002-0000000000000009"];
  for (const name of names) rig.put(name, Buffer.of(1));
  assert.equal(rig.snaps.list().length, 1);
  assert.deepEqual(rig.names(), [snapName(2, 100), "db", names[4], "tmp123"]);
  rig.snaps.removeTemporaries();
  assert.deepEqual(rig.names(), [snapName(2, 100), "db"]);
});

test("what an earlier process left under a temporary name does not get into the file", () => {
  const rig = new Rig();
  rig.put(`tmp-${snapName(2, 100)}.1`, new Uint8Array(5000).fill(0xff));
  assert.equal(rig.save(snapshotOf(2, 100)), null);
  assert.deepEqual(rig.snaps.loadNewest(ANY).broken, []);
  assert.deepEqual(rig.names(), [snapName(2, 100)]);
});

test("a purge keeps the newest five of each kind, and the one in use", () => {
  const rig = new Rig();
  const indexes = [10, 20, 30, 40, 50, 60, 70];
  for (const index of indexes) {
    rig.putGood(index < 40 ? 2 : 3, index);
    rig.put(snapDatabaseName(index), Buffer.of(1));
  }
  rig.put(`${snapName(1, 1)}.broken`, Buffer.of(1));
  const inOrder = [snapName(2, 10), snapName(2, 20), snapDatabaseName(10), snapDatabaseName(20)];
  const paths = (ops: readonly DiskOp[]): string[] =>
    ops.map((op) => (op.op === "unlink" ? op.path.slice(DIR.length + 1) : op.op));
  assert.deepEqual(paths(rig.snaps.purgeOps(null)), inOrder);
  const inUse = { term: 2, index: 20 };
  assert.deepEqual(paths(rig.snaps.purgeOps(inUse)), inOrder.toSpliced(1, 1));
  assert.deepEqual(paths(rig.snaps.purgeOps(null, 0)), [], "0 keeps all");
  assert.equal(rig.snaps.purgeOps(null, 1).length, 12);
  assert.deepEqual(rig.snaps.purgeOps(null, 7), []);
  rig.run(rig.snaps.purgeOps(null));
  assert.deepEqual(rig.snaps.purgeOps(null), []);
  assert.equal(rig.names().length, 11);
  assert.ok(rig.names().includes(`${snapName(1, 1)}.broken`));
});

test("received databases older than a snapshot go, that of its index stays", () => {
  const rig = new Rig();
  for (const index of [10, 20, 30]) rig.put(snapDatabaseName(index), Buffer.of(1));
  rig.put("mine.snap.db", Buffer.of(1));
  rig.run(rig.snaps.staleDatabaseOps(20));
  assert.deepEqual(rig.names(), [snapDatabaseName(20), snapDatabaseName(30), "mine.snap.db"]);
  assert.equal(rig.snaps.databasePath(20), `${DIR}/${snapDatabaseName(20)}`);
});

test("a write that fails leaves the older file of its name and no other", () => {
  for (const op of ["truncate", "write", "sync", "rename"] as const) {
    const rig = new Rig();
    rig.putGood(2, 100);
    rig.disk.faults.add({ op, code: "EIO" });
    const other = { ...snapshotOf(2, 100), data: Buffer.from("another tree") };
    assert.equal(rig.save(other)?.code, "EIO", op);
    assert.deepEqual(rig.names(), [snapName(2, 100)], op);
    const { snapshot } = rig.snaps.loadNewest(ANY);
    assert.equal(Buffer.from(snapshot!.data).toString(), "tree of 2 and 100", op);
    assert.equal(rig.save(other), null, `${op}: the next one succeeds`);
    const again = rig.snaps.loadNewest(ANY).snapshot!;
    assert.equal(Buffer.from(again.data).toString(), "another tree");
  }
});

test("two writes of one name at once: each is whole, the later one stays", () => {
  const rig = new Rig();
  const results: unknown[] = [];
  rig.snaps.save(snapshotOf(2, 100), (error) => results.push(error));
  const other = { ...snapshotOf(2, 100), data: Buffer.from("another tree") };
  rig.snaps.save(other, (error) => results.push(error));
  while (results.length < 2 && rig.clock.step()) {
    assert.deepEqual(rig.snaps.loadNewest(ANY).broken, [], "a file that is half-written");
  }
  assert.deepEqual(results, [null, null]);
  const { data } = rig.snaps.loadNewest(ANY).snapshot!;
  assert.equal(Buffer.from(data).toString(), "another tree");
  assert.deepEqual(rig.names(), [snapName(2, 100)]);
});

test("a file that cannot be opened, and a name that is not durable, are failures", () => {
  const rig = new Rig();
  rig.disk.faults.add({ op: "open", code: "EMFILE" });
  assert.equal(rig.save(snapshotOf(2, 100))?.code, "EMFILE");
  rig.disk.faults.add({ op: "syncDir", code: "EIO" });
  assert.equal(rig.save(snapshotOf(2, 100))?.code, "EIO");
  assert.deepEqual(rig.names(), [snapName(2, 100)]);
});
