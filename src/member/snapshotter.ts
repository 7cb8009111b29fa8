import type { Committer } from "../apply/committer.ts";
import type { Membership } from "../cluster/membership.ts";
import type { Disk } from "../platform/disk.ts";
import type { Logger } from "../platform/logger.ts";
import { SnapDirectory } from "../storage/snap/snap-directory.ts";
import type { SnapFile } from "../storage/snap/snap-file.ts";
import { encodeV2Tree } from "../storage/snap/v2-tree.ts";
import type { Wal, WalSnapshot } from "../storage/wal/wal.ts";

/** What log snapshots are made from. */
export interface SnapshotterOptions {
  readonly disk: Disk;
  readonly logger: Logger;
  /** `<data>/member/snap`. */
  readonly dir: string;
  readonly wal: Wal;
  readonly committer: Committer;
  readonly membership: Membership;
  readonly memberId: bigint;
  /** Ids of members that left, which must not come back. */
  readonly removed: readonly bigint[];
  /** Index of the snapshot that the member was started from. */
  readonly startIndex: number;
  /** Entries between two snapshots (etcd: --snapshot-count). */
  readonly entries: number;
  /** Files kept of each kind; 0 is all (etcd: --max-snapshots, --max-wals). */
  readonly snapshotsMax: number;
  readonly segmentsMax: number;
}

/**
 * Lets the log begin later: now and then a `.snap` file and a record of it in the log say that
 * everything up to an index is in the database, and segments before it are removed. The database
 * is the snapshot; the file holds only who is a member, for etcd 3.5, 3.6 and a downgrade
 * (formats-disk.md 7). Only what is durable in the database counts.
 */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  readonly #files: SnapDirectory;
  #index: number;
  /** The snapshot before: the newest one may not yet be valid at a restart (formats-disk.md 13). */
  #previousIndex: number;
  #isBusy = false;
  #isStopped = false;
  /** Its record is in the log, and durable with this ticket. */
  #ticket = -1;

  constructor(options: SnapshotterOptions) {
    this.#options = options;
    this.#files = new SnapDirectory(options.disk, options.dir);
    this.#files.removeTemporaries();
    this.#index = options.startIndex;
    this.#previousIndex = options.startIndex;
  }

  /** To be called now and then. */
  tick(): void {
    const { committer, entries, wal } = this.#options;
    if (this.#ticket >= 0 && wal.durableTicket() >= this.#ticket) this.#recorded();
    if (this.#isBusy || this.#isStopped) return;
    const { index, term } = committer.durable;
    if (index - this.#index < entries) return;
    this.#isBusy = true;
    this.#save(index, term);
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  #save(index: number, term: number): void {
    const { memberId, membership, removed, logger } = this.#options;
    const confState = {
      voters: [memberId],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    const data = encodeV2Tree({
      members: membership.list(),
      removed,
      clusterVersion: membership.clusterVersion,
    });
    const snapshot: SnapFile = { index, term, confState, data };
    this.#files.save(snapshot, (error) => {
      if (error === null) {
        this.#record(snapshot);
        return;
      }
      // Nothing is lost: the log stays longer. After as many entries again it is tried anew.
      logger.log("warn", "failed to write a snapshot of the log", { error: error.message });
      this.#index = index;
      this.#isBusy = false;
    });
  }

  #record(snapshot: WalSnapshot): void {
    if (this.#isStopped) return;
    const { wal } = this.#options;
    const { index, term, confState } = snapshot;
    this.#ticket = wal.saveSnapshot({ index, term, confState });
    wal.flush();
    this.#previousIndex = this.#index;
    this.#index = index;
  }

  #recorded(): void {
    const { disk, wal, segmentsMax, snapshotsMax } = this.#options;
    this.#ticket = -1;
    this.#isBusy = false;
    wal.release(this.#previousIndex);
    wal.purge(segmentsMax);
    // What cannot be removed now is tried again with the next snapshot.
    disk.submit(this.#files.purgeOps(null, snapshotsMax), () => {});
  }
}
