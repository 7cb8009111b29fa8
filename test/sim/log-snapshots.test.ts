import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../src/base/prng.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import type { Fault } from "../../src/sim/world/faults.ts";
import { openBolt } from "../../src/storage/backend/bolt/bolt-backend.ts";
import { readConsistentIndex } from "../../src/storage/schema/consistent-index.ts";
import { SnapDirectory } from "../../src/storage/snap/snap-directory.ts";
import { validSnapshots, walExists } from "../../src/storage/wal/wal.ts";
import { Clients } from "./crash/clients.ts";
import { Ledger } from "./crash/ledger.ts";
import { SimMember } from "./sim-member.ts";

const SEED = 20261122;
const READY_LIMIT_MS = 60_000;
const LOAD_MS = 3000;
const DB = "data/member/snap/db";

/**
 * A member under load on a slow disk, on which one commit takes longer than the next is due, with
 * a snapshot of the log every few entries; then it loses power. Returns what is left.
 */
function liveAndCrash(seed: number, fault: Fault | null): VirtualDisk {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed, latencyMs: { min: 5, max: 60 } });
  const prng = new Prng(seed);
  let isOver = false;
  const member = new SimMember({
    clock,
    disk,
    seed,
    snapshotCount: 8,
    walSegmentBytes: 8192,
    onFatal: () => {
      isOver = true;
    },
  });
  assert.ok(clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
  if (fault !== null) disk.faults.add(fault);
  const ledger = new Ledger();
  new Clients({ member, ledger, prng, clients: 8, isOver: () => isOver }).start();
  clock.runFor(prng.below(LOAD_MS));
  member.die();
  const left = disk.crash("power");
  left.faults.clear();
  return left;
}

/** The snapshot that the log names has its file, and the database has all that it stands for. */
function assertCovered(disk: VirtualDisk, name: string): number {
  const wal = { disk, dir: "data/member/wal" };
  if (!walExists(wal)) return 0;
  const newest = validSnapshots(wal).at(-1);
  if (newest === undefined || newest.index === 0) return 0;
  const { snapshot } = new SnapDirectory(disk, "data/member/snap").loadNewest(
    (index) => index === newest.index,
  );
  assert.ok(snapshot !== null, `${name}: no file for the log's snapshot at ${newest.index}`);
  const db = openBolt({ disk, path: DB, onFailure: (error) => assert.fail(String(error)) });
  const { index } = readConsistentIndex(db);
  db.close();
  assert.ok(index >= newest.index, `${name}: snapshot at ${newest.index}, database at ${index}`);
  return 1;
}

test(`a power loss at any time: what the log names as its snapshot is there (seed ${SEED})`, () => {
  let snapshots = 0;
  for (let seed = SEED; seed < SEED + 60; seed += 1) {
    snapshots += assertCovered(liveAndCrash(seed, null), `seed ${seed}`);
  }
  assert.ok(snapshots > 20, `${snapshots} snapshots`);
});

test(`so it is when a commit fails, or the file of the snapshot (seed ${SEED})`, () => {
  let snapshots = 0;
  for (let at = 0; at < 60; at += 1) {
    const path = at % 2 === 0 ? DB : ".snap";
    const op = at % 4 < 2 ? "write" : "sync";
    const fault: Fault = { path, op, after: at >> 2, times: Number.POSITIVE_INFINITY, code: "EIO" };
    const seed = SEED + at;
    snapshots += assertCovered(liveAndCrash(seed, fault), `seed ${seed}, ${op} of ${path} fails`);
  }
  assert.ok(snapshots > 10, `${snapshots} snapshots`);
});
