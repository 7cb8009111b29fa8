import type { Sliced } from "../base/sliced.ts";
import { ttlMinSeconds } from "../lease/limits.ts";
import { Lessor } from "../lease/lessor.ts";
import { readCompactionMarks } from "../mvcc/store/compaction.ts";
import { IndexBuilder, reportLeases, type RestoredIndex } from "../mvcc/store/restore.ts";
import type { Platform } from "../platform/platform.ts";
import type { Random } from "../platform/random.ts";
import { type BoltBackend, openingBolt } from "../storage/backend/bolt/bolt-backend.ts";
import type { CommitObserver } from "../storage/backend/bolt-pages/page-store.ts";
import { readLeases } from "../storage/schema/leases.ts";
import { readSchema, requireServed, type SchemaState } from "../storage/schema/open-schema.ts";
import { type StartChoice, walExists, type WalOptions } from "../storage/wal/wal.ts";
import { openingLog, type StartState } from "./bootstrap.ts";
import type { MemberConfig } from "./config.ts";
import { StartError } from "./start-error.ts";

/** What this version serves of what may be in a database. */
const SERVED = { auth: false, leases: true };

/** Log and state of a member that is about to start. */
export interface OpenedStorage {
  readonly start: StartState;
  /** To be closed. */
  readonly backend: BoltBackend;
  /** What the backend said; null when it is new. */
  readonly schema: SchemaState | null;
  /** The index of its keys. */
  readonly restored: RestoredIndex;
}

/** How storage is opened. */
export interface StorageOptions {
  readonly platform: Platform;
  readonly config: MemberConfig;
  readonly wal: WalOptions;
  /** Told of each commit. */
  readonly onCommit: CommitObserver;
}

/**
 * Opens the log and the state that belongs to it, or creates both; not to be given up in a pause.
 * @throws StartError when they contradict each other, SchemaError, BoltError, DamagedStoreError,
 * WalError, DiskError.
 */
export function* openingStorage(options: StorageOptions): Sliced<OpenedStorage> {
  const { platform, config, wal, onCommit } = options;
  const { clock, disk, logger } = platform;
  const path = `${config.dataDir}/member/snap/db`;
  const sums = { path: `${config.dataDir}/member/db.sums`, logger };
  // One walk proves that the database is whole, and builds the index of what is in it.
  const sink = new IndexBuilder(platform.random.uint32());
  const bolt = { disk, clock, path, sums, sink, onCommit, onFailure: wal.onFailure };
  let file = disk.existsSync(path) ? yield* openingBolt(bolt) : null;
  let start: StartState | null = null;
  try {
    const schema = file === null ? null : readSchema(file);
    if (schema !== null) requireServed(schema, SERVED);
    const index = schema?.consistentIndex ?? 0;
    if (!walExists(wal)) refuseWithoutLog(path, wal.dir, index);
    // etcd 3.5 saves a commit index together with the entries that it commits.
    const commitIsDurable = schema === null || schema.storageVersion.isWritten;
    const log = { ...wal, commitIsDurable: wal.commitIsDurable === true && commitIsDurable };
    start = yield* openingLog(platform, config, log, newestSnapshot(path, wal.dir, index));
    if (schema !== null) refuseContradiction(schema, start, path);
    // The log comes first: without it nobody knows whose database this is.
    file ??= yield* openingBolt(bolt);
    const restored = yield* sink.finish(readCompactionMarks(file).scheduled);
    return { start, backend: file, schema, restored };
  } catch (error) {
    start?.wal.close(() => {});
    file?.close();
    throw error;
  }
}

/** A lessor with the leases that are stored, and the keys that have them; with pauses. */
export function* openingLessor(
  platform: Platform,
  config: MemberConfig,
  { backend, restored }: OpenedStorage,
): Sliced<Lessor> {
  const lessor = new Lessor({
    hashSeed: uint53(platform.random),
    ttlMinSeconds: ttlMinSeconds(config.electionTimeoutMs, config.heartbeatIntervalMs),
    hasCheckpoints: config.featureGates.LeaseCheckpoint,
  });
  yield* readLeases(backend, (lease) => lessor.restore(lease));
  if (lessor.size === 0) return lessor;
  yield* reportLeases(backend, restored.index, (change) => lessor.leaseChanged(change));
  return lessor;
}

function uint53(random: Random): number {
  return random.uint32() + (random.uint32() >>> 11) * 2 ** 32;
}

function refuseWithoutLog(path: string, walDir: string, consistentIndex: number): void {
  if (consistentIndex === 0) return;
  throw new StartError(
    `${path} has entries up to ${consistentIndex}, and ${walDir} has no log`,
    "Put the segments back (--wal-dir), or restore the member from a snapshot.",
  );
}

/** The last snapshot that the log knows of, as etcd 3.7 starts from it (formats-disk.md 8.2). */
function newestSnapshot(path: string, walDir: string, consistentIndex: number): StartChoice {
  return {
    appliedIndex: consistentIndex,
    choose: (newest) => {
      if (newest === undefined) {
        throw new StartError(
          `the log in ${walDir} does not reach back to its beginning, and names no snapshot`,
          "Segments are missing: put them back, or restore the member from a snapshot.",
        );
      }
      if (consistentIndex >= newest.index) return newest;
      throw new StartError(
        `database file (${path} index ${consistentIndex}) does not match with snapshot ` +
          `(index ${newest.index})`,
        "The database is older than its log: put the right one back, or restore from a snapshot.",
      );
    },
  };
}

function refuseContradiction(schema: SchemaState, start: StartState, path: string): void {
  const { consistentIndex, members } = schema;
  if (consistentIndex === 0) return;
  if (consistentIndex > start.lastIndex) {
    throw new StartError(
      `${path} has entries up to ${consistentIndex}, and the log ends at ${start.lastIndex}`,
      "Acknowledged writes are missing in the log: put the segments back, or restore.",
    );
  }
  const [only] = members;
  if (only === undefined || members.length > 1 || only.isLearner) {
    throw new StartError(
      `the directory belongs to a cluster of ${members.length} members, ` +
        "which this version does not serve",
      "Start etcd on it.",
    );
  }
  if (only.id !== start.memberId) {
    throw new StartError(
      `${path} belongs to member ${only.id.toString(16)}, ` +
        `the log to member ${start.memberId.toString(16)}`,
      "Put the two that belong together into one directory.",
    );
  }
}
