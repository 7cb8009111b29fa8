import type { Disk } from "../platform/disk.ts";
import type { Platform } from "../platform/platform.ts";
import type { Backend } from "../storage/backend/backend.ts";
import { type BoltBackend, openBolt } from "../storage/backend/bolt/bolt-backend.ts";
import { openMemoryBackend } from "../storage/backend/memory/memory-backend.ts";
import { readSchema, requireServed, type SchemaState } from "../storage/schema/open-schema.ts";
import { validSnapshots, walExists, type WalOptions } from "../storage/wal/wal.ts";
import { LOG_BEGINNING, openLog, type StartState } from "./bootstrap.ts";
import type { MemberConfig } from "./config.ts";
import { StartError } from "./start-error.ts";

/** Where the state is kept between starts: rebuilt from the log, or in etcd's database file. */
export type StorageKind = "memory" | "file";

/** What this version serves of what may be in a database. */
const SERVED = { auth: false, leases: false };

/** Log and state of a member that is about to start. */
export interface OpenedStorage {
  readonly start: StartState;
  readonly backend: Backend;
  /** The backend, when it is a file: to be closed. */
  readonly file: BoltBackend | null;
  /** What the backend said; null when it is new. */
  readonly schema: SchemaState | null;
}

/** How storage is opened. */
export interface StorageOptions {
  readonly kind: StorageKind;
  readonly platform: Platform;
  readonly config: MemberConfig;
  readonly wal: WalOptions;
}

/**
 * Opens the log and the state that belongs to it, or creates both.
 * @throws StartError when they contradict each other, SchemaError, BoltError, WalError, DiskError.
 */
export function openStorage(options: StorageOptions): OpenedStorage {
  if (options.kind === "file") return openFile(options);
  const { platform, config, wal } = options;
  const start = openLog(platform, config, wal, LOG_BEGINNING);
  return { start, backend: openMemoryBackend(), file: null, schema: null };
}

function openFile({ platform, config, wal }: StorageOptions): OpenedStorage {
  const { disk, logger } = platform;
  const path = `${config.dataDir}/member/snap/db`;
  const sums = { path: `${config.dataDir}/member/db.sums`, logger };
  const open = (): BoltBackend => openBolt({ disk, path, sums, onFailure: wal.onFailure });
  let file = disk.existsSync(path) ? open() : null;
  let start: StartState | null = null;
  try {
    const schema = file === null ? null : readSchema(file);
    if (schema !== null) requireServed(schema, SERVED);
    const index = schema?.consistentIndex ?? 0;
    // etcd 3.5 saves a commit index together with the entries that it commits.
    const commitIsDurable = schema === null || schema.storageVersion.isWritten;
    const log = { ...wal, commitIsDurable: wal.commitIsDurable === true && commitIsDurable };
    start = openLog(platform, config, log, newestSnapshot(disk, wal, path, index));
    if (schema !== null) refuseContradiction(schema, start, path);
    // The log comes first: without it nobody knows whose database this is.
    file ??= open();
    return { start, backend: file, file, schema };
  } catch (error) {
    start?.wal.close(() => {});
    file?.close();
    throw error;
  }
}

/** The last snapshot that the log knows of, as etcd 3.7 starts from it (formats-disk.md 8.2). */
function newestSnapshot(
  disk: Disk,
  wal: WalOptions,
  path: string,
  consistentIndex: number,
): { readonly index: number; readonly term: number } {
  if (!walExists(wal)) {
    if (consistentIndex === 0) return LOG_BEGINNING;
    throw new StartError(
      `${path} has entries up to ${consistentIndex}, and ${wal.dir} has no log`,
      "Put the segments back (--wal-dir), or restore the member from a snapshot.",
    );
  }
  const newest = validSnapshots({ disk, dir: wal.dir }).at(-1);
  if (newest === undefined) {
    throw new StartError(
      `the log in ${wal.dir} does not reach back to its beginning, and names no snapshot`,
      "Segments are missing: put them back, or restore the member from a snapshot.",
    );
  }
  if (consistentIndex < newest.index) {
    throw new StartError(
      `database file (${path} index ${consistentIndex}) does not match with snapshot ` +
        `(index ${newest.index})`,
      "The database is older than its log: put the right one back, or restore from a snapshot.",
    );
  }
  return newest;
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
