import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disk } from "../../platform/disk.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { VirtualDisk } from "../../sim/world/disk.ts";
import { checkDatabase } from "../backend/bolt-pages/check.ts";
import { BoltReader } from "../backend/bolt/reader.ts";
import { readConsistentIndex } from "../schema/consistent-index.ts";
import { readMembers, readRemovedMembers } from "../schema/members.ts";
import { SnapDirectory } from "../snap/snap-directory.ts";
import { decodeMetadata, readWal, validSnapshots, walExists } from "../wal/wal.ts";
import { ImageError } from "./image.ts";
import { lastMain } from "./last-revision.ts";
import { removeRestored, restore, type Restore } from "./restore.ts";
import { OLD_MEMBER } from "./testing/make-database.ts";
import {
  bytesOf,
  newDigest,
  newRig,
  someChanges,
  writeFile,
  writeSnapshot,
} from "./testing/rig.ts";

const CHANGES = someChanges(300);
const DB = "/data/member/snap/db";
const WAL = "/data/member/wal";

function member(id: bigint, name: string) {
  const urls = { peerUrls: [`http://10.0.0.${id}:2380`], clientUrls: [] };
  return { id, name, ...urls, isLearner: false };
}

const CLUSTER = {
  clusterId: 0xc000_0000_0000_0001n,
  memberId: 5n,
  members: [member(3n, "b"), member(5n, "a")],
};

function restoreIn(disk: Disk, rig: ReturnType<typeof newRig>, over: Partial<Restore> = {}) {
  const work: Restore = {
    ...{ disk, clock: rig.clock, newDigest, source: "/snap", dataDir: "/data", walDir: WAL },
    ...{ cluster: CLUSTER, skipDigest: false, bumpRevision: null, onProgress: () => {} },
    ...over,
  };
  restore(work);
  return work;
}

function readerOf(disk: Disk, path: string): BoltReader {
  return new BoltReader(disk, disk.openSync(path, {}), path);
}

test("a power loss in the midst of a restore leaves no log without its database", () => {
  const left: VirtualDisk[] = [];
  const clock = new VirtualClock();
  const beforeChange = (): void => {
    for (let seed = 1; seed <= 4; seed += 1) {
      left.push(disk.fork("power", { clock: new VirtualClock(), seed }));
    }
  };
  const disk: VirtualDisk = new VirtualDisk({ clock, seed: 1, beforeChange });
  writeSnapshot(disk, "/snap", CHANGES);
  left.length = 0;
  restoreIn(disk, { clock, disk }, {});
  const withLog = left.filter((each) => walExists({ disk: each, dir: WAL }));
  assert.ok(withLog.length > 10, `${withLog.length} of ${left.length} have a log`);
  for (const each of withLog) assert.ok(each.existsSync(DB), "the database has lost its name");
});

test("what a restore wrote is there after a power loss: members, log, file, index", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  restoreIn(rig.disk, rig);
  const disk = rig.disk.crash("power");
  const reader = readerOf(disk, DB);
  assert.deepEqual(checkDatabase(reader.pages).problems, []);
  assert.deepEqual(readMembers(reader), CLUSTER.members);
  assert.deepEqual(readRemovedMembers(reader), []);
  assert.deepEqual(readConsistentIndex(reader), { index: 2, term: 1 });
  assert.equal(lastMain(reader), 301);
  const { metadata, hardState, entries } = readWal({ disk, dir: WAL }, { index: 0, term: 0 });
  assert.deepEqual(decodeMetadata(metadata), { nodeId: 5n, clusterId: CLUSTER.clusterId });
  assert.deepEqual(hardState, { term: 1, vote: 3n, commit: 2 });
  assert.deepEqual(
    entries.map(({ index, term, type }) => [index, term, type]),
    [
      [1, 1, 1],
      [2, 1, 1],
    ],
  );
  assert.match(Buffer.from(entries[1]!.data).toString("latin1"), /\{"id":5,"peerURLs":\[/);
  const confState = { learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  assert.deepEqual(validSnapshots({ disk, dir: WAL }).at(-1), {
    index: 2,
    term: 1,
    confState: { voters: [3n, 5n], ...confState },
  });
  const { snapshot } = new SnapDirectory(disk, "/data/member/snap").loadNewest(() => true);
  assert.deepEqual([snapshot?.index, snapshot?.confState.voters], [2, [3n, 5n]]);
});

test("the snapshot is not changed, and its old members are gone", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  const before = bytesOf(rig.disk, "/snap");
  assert.equal(readMembers(readerOf(rig.disk, "/snap"))[0]?.id, OLD_MEMBER);
  restoreIn(rig.disk, rig);
  assert.deepEqual(bytesOf(rig.disk, "/snap"), before);
});

test("a raised revision: an empty change and a compaction to be done", () => {
  for (const isTombstone of [false, true]) {
    const rig = newRig();
    const end = { key: "key 1", value: isTombstone ? null : "end" };
    writeSnapshot(rig.disk, "/snap", [...CHANGES, end]);
    const told: number[] = [];
    const onBump = (from: number, to: number): void => void told.push(from, to);
    restoreIn(rig.disk, rig, { bumpRevision: 1_000_000_000, onBump });
    const reader = readerOf(rig.disk, DB);
    const changes = reader.changes();
    changes.seek(1_000_000_302, 0);
    assert.ok(changes.next() && !changes.isTombstone && changes.value.start === changes.value.end);
    assert.equal(lastMain(reader), 1_000_000_302);
    assert.deepEqual(told, [302, 1_000_000_302]);
    const meta = reader.cursor("meta");
    meta.seek(Buffer.from("scheduledCompactRev"));
    assert.ok(meta.next());
    const mark = Buffer.from(meta.value.bytes.subarray(meta.value.start, meta.value.end));
    assert.equal(mark.toString("hex"), "000000003b9acb2e5f0000000000000000");
  }
});

test("a snapshot that is not what its digest says, or has none, is refused in etcd's words", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  const good = bytesOf(rig.disk, "/snap");
  const flipped = good.slice();
  flipped[good.length - 5000]! ^= 1;
  const cases: [Uint8Array, RegExp][] = [
    [flipped, /^expected sha256 \[\d+( \d+){31}\], got \[\d+( \d+){31}\]$/],
    [good.slice(4096), /^expected sha256 /],
    [good.slice(0, good.length - 32), /^snapshot missing hash but --skip-hash-check=false$/],
  ];
  for (const [bytes, message] of cases) {
    writeFile(rig.disk, "/snap", bytes);
    let work: Restore | null = null;
    const attempt = (): void => {
      const disk = rig.disk;
      work = { ...({} as Restore), disk, dataDir: "/data", walDir: WAL };
      restoreIn(disk, rig);
    };
    assert.throws(attempt, (error) => error instanceof ImageError && message.test(error.message));
    removeRestored(work!);
    assert.deepEqual(rig.disk.listSync("/data"), []);
  }
  writeFile(rig.disk, "/snap", good.slice(0, good.length - 32));
  restoreIn(rig.disk, rig, { skipDigest: true });
  assert.equal(lastMain(readerOf(rig.disk, DB)), 301);
});

test("the log elsewhere", () => {
  const rig = newRig();
  writeSnapshot(rig.disk, "/snap", CHANGES);
  restoreIn(rig.disk, rig, { walDir: "/logs/wal" });
  assert.equal(
    readWal({ disk: rig.disk, dir: "/logs/wal" }, { index: 2, term: 1 }).entries.length,
    0,
  );
  assert.equal(rig.disk.existsSync(WAL), false);
});
