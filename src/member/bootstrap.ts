import { assert } from "../base/assert.ts";
import { clusterId, memberId } from "../cluster/identity.ts";
import { encodeMemberContext } from "../cluster/membership.ts";
import { type Disk, DiskError } from "../platform/disk.ts";
import type { Platform } from "../platform/platform.ts";
import { encodeConfChangeToBytes } from "../proto/gen/raftpb.ts";
import { type Entry, EntryType, type HardState } from "../raft/types.ts";
import {
  createWal,
  decodeMetadata,
  encodeMetadata,
  openWal,
  type Wal,
  walExists,
  type WalOptions,
} from "../storage/wal/wal.ts";
import type { MemberConfig } from "./config.ts";
import { StartError } from "./start-error.ts";

/** Term of the entries that a static bootstrap writes (raft.md B25). */
const BOOTSTRAP_TERM = 1;
const NO_HARD_STATE: HardState = { term: 0, vote: 0n, commit: 0 };

/** What the log says at start, new or not. */
export interface StartState {
  readonly wal: Wal;
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  /** A torn tail was cut off. */
  readonly repaired: boolean;
  readonly isNew: boolean;
}

/**
 * Checks that the directories can be written, as etcd does, and creates them. @throws StartError.
 */
export function prepareDirectories(disk: Disk, config: MemberConfig): void {
  const memberDir = `${config.dataDir}/member`;
  const snapDir = `${memberDir}/snap`;
  const walParent = config.walDir.slice(0, Math.max(1, config.walDir.lastIndexOf("/")));
  for (const dir of [config.dataDir, memberDir, snapDir, walParent]) {
    try {
      makeDurableDirectory(disk, dir);
      const touch = `${dir}/.touch`;
      disk.closeSync(disk.openSync(touch, { write: true, create: true }));
      disk.unlinkSync(touch);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      throw new StartError(
        `cannot write to data directory ${dir}: ${error.code}`,
        "Give this user the right to write there, or choose another with --data-dir.",
        error,
      );
    }
  }
  refuseForeignData(disk, snapDir);
}

/**
 * Creates `dir` and what is missing above it, each entry durable: without that a power loss takes
 * the directory with everything synced inside it. An entry that is there may be of a start that was
 * cut off before this sync, so it is synced again, unless the directory above is none of our
 * business.
 */
function makeDurableDirectory(disk: Disk, dir: string): void {
  const slash = dir.lastIndexOf("/");
  const parent = slash > 0 ? dir.slice(0, slash) : slash === 0 ? "/" : ".";
  const existed = disk.existsSync(dir);
  if (!existed && parent !== "." && parent !== "/") makeDurableDirectory(disk, parent);
  disk.mkdirSync(dir);
  try {
    disk.syncDirSync(parent);
  } catch (error) {
    if (!existed || !(error instanceof DiskError) || error.code !== "EACCES") throw error;
  }
}

/** What etcd or a newer Skein keeps beside the log would be ignored, so it is refused. */
function refuseForeignData(disk: Disk, snapDir: string): void {
  const foreign = disk.listSync(snapDir).find((name) => name === "db" || name.endsWith(".snap"));
  if (foreign === undefined) return;
  throw new StartError(
    `${snapDir}/${foreign} was written by etcd or a newer Skein, and this version cannot read it`,
    "Start that server on it, or choose another directory with --data-dir.",
  );
}

/**
 * Opens the log, or creates it with the entries of a static bootstrap. @throws StartError,
 * WalError.
 */
export function openLog(platform: Platform, config: MemberConfig, options: WalOptions): StartState {
  if (walExists(options)) return reopen(options);
  return create(platform, config, options);
}

function reopen(options: WalOptions): StartState {
  const opened = openWal(options, { index: 0, term: 0 });
  if (!opened.snapshotFound) {
    opened.wal.close(() => {});
    throw new StartError(
      `the log in ${options.dir} does not reach back to its beginning`,
      "It belongs to a directory with snapshots, which this version cannot read: start etcd on it.",
    );
  }
  const ids = decodeMetadata(opened.metadata);
  return {
    wal: opened.wal,
    memberId: ids.nodeId,
    clusterId: ids.clusterId,
    hardState: opened.hardState ?? NO_HARD_STATE,
    entries: opened.entries,
    repaired: opened.repaired,
    isNew: false,
  };
}

function create(platform: Platform, config: MemberConfig, options: WalOptions): StartState {
  if (config.initialCluster.length !== 1 || config.initialClusterState !== "new") {
    throw new StartError(
      "clusters of several members are not served by this version",
      "Give --initial-cluster only this member, and leave --initial-cluster-state at new.",
    );
  }
  const only = config.initialCluster[0];
  assert(only !== undefined, "bootstrap: one member");
  const peerUrls = [...only.peerUrls].sort();
  const id = memberId(platform.crypto, peerUrls, config.initialClusterToken);
  const cluster = clusterId(platform.crypto, [id]);
  const wal = createWal(options, encodeMetadata({ nodeId: id, clusterId: cluster }));
  const context = encodeMemberContext({
    id,
    name: only.name,
    peerUrls,
    clientUrls: [],
    isLearner: false,
  });
  const entries: Entry[] = [
    {
      type: EntryType.confChange,
      term: BOOTSTRAP_TERM,
      index: 1,
      data: encodeConfChangeToBytes({ id: 0n, type: 0, nodeId: id, context }),
    },
  ];
  const hardState: HardState = { term: BOOTSTRAP_TERM, vote: 0n, commit: 1 };
  wal.save(hardState, entries);
  wal.flush();
  return {
    wal,
    memberId: id,
    clusterId: cluster,
    hardState,
    entries,
    repaired: false,
    isNew: true,
  };
}
