import { Prng } from "../../../src/base/prng.ts";
import { StartError } from "../../../src/member/start-error.ts";
import { DamagedStoreError } from "../../../src/mvcc/store/restore.ts";
import { VirtualClock } from "../../../src/sim/world/clock.ts";
import type { VirtualDisk } from "../../../src/sim/world/disk.ts";
import { BoltError } from "../../../src/storage/backend/bolt-pages/error.ts";
import { BoltReader } from "../../../src/storage/backend/bolt/reader.ts";
import { lastMain } from "../../../src/storage/restore/last-revision.ts";
import { SchemaError } from "../../../src/storage/schema/error.ts";
import { WalError } from "../../../src/storage/wal/wal.ts";
import { DB_PATH } from "../crash/bbolt.ts";
import { Ledger } from "../crash/ledger.ts";
import {
  crashNow,
  Life,
  type LifeOptions,
  newWorld,
  type Shape,
  type World,
} from "../crash/life.ts";

/** The log of the member. */
export const WAL_DIR = "data/member/wal";

/** Errors that name a place and a remedy. */
const TYPED = [BoltError, DamagedStoreError, SchemaError, StartError, WalError];
/** Some segments, some snapshots of the log, none removed. */
const SHAPE: Shape = { snapshotCount: 25, walSegmentBytes: 4096, filesMax: 0, clients: 3 };
const OPTIONS: LifeOptions = { shape: SHAPE };
/** Answers before the database is committed, and behind it, in the log alone. */
const COMMITTED = 45;
const BEHIND = 15;
/** So that a full run ends within the hour. */
const VALUE_BYTES_MAX = 80;
/** Longer than a commit takes. */
const COMMIT_MS = 1000;

/** A small directory to be damaged, and what is in it. */
export interface Target {
  readonly disk: VirtualDisk;
  readonly ledger: Ledger;
  /** The newest revision, and the newest that is in the database. */
  readonly revision: number;
  readonly committedRevision: number;
}

/** What a damaged directory makes of a start. */
export type Outcome =
  /** Nothing of the damage is seen by anybody. */
  | { readonly kind: "whole" }
  /** The newest entries of the log are gone; the rest is right. */
  | { readonly kind: "shorter"; readonly revision: number }
  /** Refused by a typed error that says where and what to do. */
  | { readonly kind: "refused"; readonly message: string }
  /** Served, and wrong. */
  | { readonly kind: "wrong"; readonly message: string };

/** A member that worked, was killed, and has a part of its writes in the log only. */
export function makeTarget(seed: number): Target {
  const prng = new Prng(seed);
  const world = newWorld(prng.uint32(), () => {});
  const life = new Life(world, new Ledger(), prng.uint32(), OPTIONS);
  life.verify();
  life.load(prng, COMMITTED, { valueBytesMax: VALUE_BYTES_MAX });
  world.clock.runFor(COMMIT_MS);
  const committedRevision = life.member.core.store.currentRevision;
  // A compaction may go together with the entries behind it, and change what must be there.
  life.load(prng, BEHIND, { compact: false, valueBytesMax: VALUE_BYTES_MAX });
  const disk = life.world.disk.crash("kill");
  life.member.die();
  const reader = new BoltReader(disk, disk.openSync(DB_PATH, {}), DB_PATH);
  const inFile = lastMain(reader);
  // What was under way is decided by the log, and known from now on.
  const clock = new VirtualClock();
  const copy = { clock, disk: disk.fork("kill", { clock, seed: 1 }) };
  const again = new Life(copy, life.ledger, 1, OPTIONS);
  again.verify();
  const revision = again.member.core.store.currentRevision;
  if (again.isOver) throw new Error(again.problems.join("; "));
  again.member.die();
  if (inFile < committedRevision || inFile >= revision) {
    throw new Error(`the file ends at ${inFile}, of ${committedRevision} and ${revision}`);
  }
  return { disk, ledger: again.ledger, revision, committedRevision: inFile };
}

/** A copy of the target's device, to be damaged. */
export function copyOf({ disk }: Target): World {
  const clock = new VirtualClock();
  return { clock, disk: disk.fork("kill", { clock, seed: 1 }) };
}

/** Starts a member on a damaged copy and compares what it serves. */
export function tryStart(world: World, { ledger, revision, committedRevision }: Target): Outcome {
  let life: Life;
  try {
    life = new Life(world, ledger.clone(), 1, OPTIONS);
  } catch (error) {
    const message = String(error);
    return { kind: TYPED.some((type) => error instanceof type) ? "refused" : "wrong", message };
  }
  let found = 0;
  try {
    life.verify(committedRevision);
    found = life.member.core.store.currentRevision;
    if (!life.isOver) goOn(life);
  } catch (error) {
    return { kind: "wrong", message: `served with ${String(error)}` };
  } finally {
    life.member.die();
  }
  if (life.isOver) return { kind: "wrong", message: life.problems.join("; ") };
  return found === revision ? { kind: "whole" } : { kind: "shorter", revision: found };
}

/** What is written behind the damage must be there at the next start. */
function goOn(life: Life): void {
  life.load(new Prng(1), 1, { compact: false });
  const { disk } = life.world;
  life.member.die();
  const next = new Life(crashNow(disk, { mode: "kill", seed: 1 }), life.ledger, 2, OPTIONS);
  next.verify();
  next.member.die();
  life.problems.push(...next.problems.map((problem) => `at the next start: ${problem}`));
}

/** All bytes of a file. */
export function bytesOf(disk: VirtualDisk, path: string): Uint8Array {
  const file = disk.openSync(path, {});
  const bytes = new Uint8Array(disk.sizeSync(file));
  disk.readSync(file, bytes, 0);
  disk.closeSync(file);
  return bytes;
}

/** Cuts a file, as if nobody had ever written the rest. */
export function truncate(disk: VirtualDisk, path: string, lengthBytes: number): void {
  const file = disk.openSync(path, { write: true });
  disk.truncateSync(file, lengthBytes);
  disk.syncSync(file);
  disk.closeSync(file);
}
