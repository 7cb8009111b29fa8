import { assert } from "../base/assert.ts";
import type { Sliced } from "../base/sliced.ts";
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
  type OpenedWal,
  openingWal,
  type StartChoice,
  type Wal,
  walExists,
  type WalOptions,
} from "../storage/wal/wal.ts";
import type { MemberConfig } from "./config.ts";
import { diskFault } from "./disk-fault.ts";
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
  /** Those after the snapshot that the log was opened at, and not in the state yet. */
  readonly entries: readonly Entry[];
  readonly snapshotIndex: number;
  /** Index of the last of them, or of that snapshot. */
  readonly lastIndex: number;
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
      const { kind, remedy } = diskFault(error);
      const name = kind === "other" ? error.code : `${error.code} (${kind})`;
      throw new StartError(
        `cannot write to data directory ${dir}: ${name}`,
        remedy === "" ? "Choose another with --data-dir." : remedy,
        error,
      );
    }
  }
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

/**
 * Opens the log at `start`, or creates it with the entries of a static bootstrap.
 * @throws StartError, WalError.
 */
export function* openingLog(
  platform: Platform,
  config: MemberConfig,
  options: WalOptions,
  start: StartChoice,
): Sliced<StartState> {
  if (!walExists(options)) return create(platform, config, options);
  const opened = yield* openingWal(options, start);
  try {
    return stateOf(platform, config, opened);
  } catch (error) {
    opened.wal.close(() => {});
    throw error;
  }
}

function stateOf(platform: Platform, config: MemberConfig, opened: OpenedWal): StartState {
  const { wal, repaired, entries, lastEntryIndex: lastIndex } = opened;
  if (!opened.snapshotFound) {
    throw new StartError(
      `the log in ${config.walDir} does not reach back to its beginning`,
      "It belongs to a directory with snapshots, which this version cannot read: start etcd on it.",
    );
  }
  const hardState = opened.hardState ?? NO_HARD_STATE;
  // Every entry is in front of the commit index that covers it, so this is no torn tail.
  if (hardState.commit > lastIndex) {
    throw new StartError(
      `the log in ${config.walDir} ends at entry ${lastIndex}; ` +
        `${hardState.commit} entries were committed`,
      "Acknowledged writes are missing: put the segments back, or restore from a backup.",
    );
  }
  const { nodeId, clusterId: cluster } = decodeMetadata(opened.metadata);
  const ids = { memberId: nodeId, clusterId: cluster };
  // The first start was cut off before its entries were durable.
  if (lastIndex === 0) return bootstrap(wal, ids, onlyMember(platform, config, nodeId));
  const at = { snapshotIndex: opened.start.index, lastIndex };
  return { wal, ...ids, hardState, entries, ...at, repaired, isNew: false };
}

function create(platform: Platform, config: MemberConfig, options: WalOptions): StartState {
  const only = onlyMember(platform, config, null);
  const ids = { memberId: only.id, clusterId: clusterId(platform.crypto, [only.id]) };
  const metadata = encodeMetadata({ nodeId: ids.memberId, clusterId: ids.clusterId });
  return bootstrap(createWal(options, metadata), ids, only);
}

/** The member that the flags name. @throws StartError unless it is one, and `expectedId`. */
function onlyMember(
  platform: Platform,
  config: MemberConfig,
  expectedId: bigint | null,
): { readonly id: bigint; readonly name: string; readonly peerUrls: readonly string[] } {
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
  if (expectedId !== null && id !== expectedId) {
    throw new StartError(
      `the log in ${config.walDir} was begun for member ${expectedId.toString(16)}, which is not ` +
        "the one that these flags name",
      "It holds nothing yet: start with the flags of the first start, or remove the directory.",
    );
  }
  return { id, name: only.name, peerUrls };
}

/** Writes what makes the new log that of a cluster of one. */
function bootstrap(
  wal: Wal,
  ids: { readonly memberId: bigint; readonly clusterId: bigint },
  only: { readonly id: bigint; readonly name: string; readonly peerUrls: readonly string[] },
): StartState {
  const context = encodeMemberContext({ ...only, clientUrls: [], isLearner: false });
  const data = encodeConfChangeToBytes({ id: 0n, type: 0, nodeId: only.id, context });
  const entries: Entry[] = [{ type: EntryType.confChange, term: BOOTSTRAP_TERM, index: 1, data }];
  const hardState: HardState = { term: BOOTSTRAP_TERM, vote: 0n, commit: 1 };
  wal.save(hardState, entries);
  wal.flush();
  const at = { snapshotIndex: 0, lastIndex: 1 };
  return { wal, ...ids, hardState, entries, ...at, repaired: false, isNew: true };
}
