import { assert } from "../../base/assert.ts";
import { newSpan } from "../../base/span.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Digest } from "../../platform/crypto.ts";
import type { Disk, DiskError } from "../../platform/disk.ts";
import { encodeConfChangeToBytes } from "../../proto/gen/raftpb.ts";
import type { ConfState, Entry, EntryType } from "../../raft/types.ts";
import type { Backend } from "../backend/backend.ts";
import { type BoltBackend, openBolt } from "../backend/bolt/bolt-backend.ts";
import { REVISION_BYTES, writeRevisionKey } from "../backend/bolt-pages/revision-key.ts";
import { writeConsistentIndex } from "../schema/consistent-index.ts";
import { readEntry, writeEntry } from "../schema/entry.ts";
import { clearMembers, type MemberRecord, writeMember } from "../schema/members.ts";
import { SnapDirectory } from "../snap/snap-directory.ts";
import { encodeV2Tree } from "../snap/v2-tree.ts";
import { createWal, encodeMetadata, type Wal } from "../wal/wal.ts";
import { BlockingDisk } from "./blocking-disk.ts";
import { digestProblem, ImageError, imageShape, type OnProgress, passImage } from "./image.ts";
import { lastMain } from "./last-revision.ts";

/** Of the entries that a restore writes, as in a static bootstrap (formats-disk.md 6.4). */
const TERM = 1;
/** raftpb.EntryType of a membership change. */
const CONF_CHANGE: EntryType = 1;
/** raftpb.ConfChangeType of a voter that joins. */
const ADD_NODE = 0;
/** Where the start finds the compaction that it has to carry out. */
const SCHEDULED = { bucket: "meta", key: "scheduledCompactRev" } as const;

/** Who the restored member is, and with whom. */
export interface RestoredCluster {
  readonly clusterId: bigint;
  /** One of `members`. */
  readonly memberId: bigint;
  /** All voters, by id ascending, not published yet: no client URLs. */
  readonly members: readonly MemberRecord[];
}

/** What is restored where. */
export interface Restore {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly newDigest: () => Digest;
  /** The snapshot, or a database file (with `skipDigest`). */
  readonly source: string;
  /** Missing or empty; `member/snap/` is made in it. */
  readonly dataDir: string;
  /** Missing, or empty and in the data directory; the log is made there. */
  readonly walDir: string;
  readonly cluster: RestoredCluster;
  /** Neither demand a digest nor look at it. */
  readonly skipDigest: boolean;
  /**
   * Raise the newest revision by so much (≥ 1) and have everything below compacted, so that no
   * client mistakes new revisions for those it knew; null: leave it.
   */
  readonly bumpRevision: number | null;
  readonly onProgress: OnProgress;
  /** What the bump did, for the log. */
  readonly onBump?: (from: number, to: number) => void;
}

/**
 * Makes the data directory of a member of a new cluster from a snapshot (formats-disk.md 10,
 * storage.md 12): keys, leases, users, alarms and the cluster's version are those of the snapshot,
 * the members are new, and the log begins with them. The snapshot is only read. All is durable when
 * it returns. When it throws, what it made may be incomplete: `removeRestored`.
 * @throws ImageError, BoltError, SchemaError, WalError, DiskError.
 */
export function restore(restoring: Restore): void {
  const disk = new BlockingDisk(restoring.disk);
  const snapDir = `${restoring.dataDir}/member/snap`;
  const path = `${snapDir}/db`;
  disk.mkdirSync(snapDir);
  copyImage(disk, path, restoring);
  const backend = openBackend(disk, path);
  try {
    clearMembers(backend);
    for (const member of restoring.cluster.members) writeMember(backend, member);
    const { bumpRevision, onBump } = restoring;
    if (bumpRevision !== null) bump(backend, bumpRevision, onBump);
    const commit = restoring.cluster.members.length;
    writeConsistentIndex(backend, { index: commit, term: TERM });
    backend.commit();
    disk.settle();
    // A log whose database lost its name would be taken for a new member's.
    disk.syncDirSync(snapDir);
    writeLog(disk, snapDir, restoring, entriesOf(backend, restoring.cluster));
    assert(backend.isIdle, "restore: a commit is under way");
  } finally {
    if (backend.isIdle) backend.close();
  }
  const { dataDir } = restoring;
  for (const dir of [`${dataDir}/member`, dataDir, parentOf(dataDir)]) disk.syncDirSync(dir);
}

/** Takes away what a restore made that failed: `member/`, and the log when it is elsewhere. */
export function removeRestored({ disk, dataDir, walDir }: Restore): void {
  disk.removeTreeSync(`${dataDir}/member`);
  for (const path of [walDir, `${walDir}.tmp`, `${walDir}.lock`]) disk.removeTreeSync(path);
}

/** Copies the image without its digest, and compares the two; the backend makes it durable. */
function copyImage(disk: Disk, path: string, restoring: Restore): void {
  const { source, skipDigest, newDigest, onProgress } = restoring;
  const from = disk.openSync(source, {});
  const to = disk.openSync(path, { write: true, create: true, exclusive: true });
  try {
    const { imageBytes, digest } = imageShape(disk, from);
    if (digest === null && !skipDigest) {
      throw new ImageError("snapshot missing hash but --skip-hash-check=false");
    }
    const pass = { disk, file: from, path: source, newDigest, onProgress };
    const found = passImage(pass, imageBytes, to);
    const problem = digest === null || skipDigest ? null : digestProblem(digest, found);
    if (problem !== null) throw new ImageError(problem);
  } finally {
    disk.closeSync(from);
    disk.closeSync(to);
  }
}

function openBackend(disk: BlockingDisk, path: string): BoltBackend {
  const onFailure = (error: DiskError): never => {
    throw error;
  };
  return openBolt({ disk, path, onFailure });
}

/** formats-disk.md 10: a change with an empty value, and a compaction at it that is to be done. */
function bump(backend: Backend, amount: number, onBump: Restore["onBump"]): void {
  const main = lastMain(backend);
  const bumped = main + amount;
  if (!Number.isSafeInteger(bumped)) {
    throw new ImageError(`revision ${main} cannot be raised by ${amount}: beyond 2^53`);
  }
  onBump?.(main, bumped);
  backend.appendChange({ main: bumped, sub: 0, isTombstone: false }, 0, newSpan());
  const mark = new Uint8Array(REVISION_BYTES);
  writeRevisionKey(mark, bumped, 0);
  writeEntry(backend, SCHEDULED, mark);
}

/** The log of a static bootstrap: each member joins, by id ascending. */
function entriesOf(backend: Backend, { members }: RestoredCluster): Entry[] {
  return members.map(({ id }, place) => {
    // What is stored of a member is what its entry says.
    const context = readEntry(backend, { bucket: "members", key: id.toString(16) });
    assert(context !== null, "restore: a member was not stored");
    const data = encodeConfChangeToBytes({ id: 0n, type: ADD_NODE, nodeId: id, context });
    return { type: CONF_CHANGE, term: TERM, index: place + 1, data };
  });
}

/** Log and `.snap` file, in the order that a crash allows: the record comes last. */
function writeLog(
  disk: BlockingDisk,
  snapDir: string,
  { walDir, clock, cluster }: Restore,
  entries: readonly Entry[],
): void {
  const failures: (Error | null)[] = [];
  const fail = (error: Error | null): void => void failures.push(error);
  const { clusterId, memberId, members } = cluster;
  disk.mkdirSync(parentOf(walDir));
  const wal: Wal = createWal(
    { disk, clock, dir: walDir, onDurable: () => {}, onFailure: fail },
    encodeMetadata({ nodeId: memberId, clusterId }),
  );
  const commit = entries.length;
  wal.save({ term: TERM, vote: members[0]!.id, commit }, entries);
  wal.flush();
  disk.settle();
  const voters = members.map(({ id }) => id);
  const none = { learners: [], votersOutgoing: [], learnersNext: [] };
  const confState: ConfState = { voters, ...none, autoLeave: false };
  // As with etcdutl: the tree knows a member's name once the member published it.
  const unpublished = members.map((member) => ({ ...member, name: "" }));
  const data = encodeV2Tree({ members: unpublished, removed: [], clusterVersion: null });
  new SnapDirectory(disk, snapDir).save({ term: TERM, index: commit, confState, data }, fail);
  disk.settle();
  wal.saveSnapshot({ term: TERM, index: commit, confState });
  wal.flush();
  disk.settle();
  wal.close(fail);
  disk.settle();
  for (const failure of failures) if (failure !== null) throw failure;
  assert(failures.length === 2, "restore: the log did not close");
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}
