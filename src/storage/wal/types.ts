import type { DiskError } from "../../platform/disk.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Disk } from "../../platform/disk.ts";
import type { ConfState, Entry, HardState } from "../../raft/types.ts";

/** A segment is cut after the write that reaches this offset (etcd: SegmentSizeBytes). */
export const SEGMENT_BYTES = 64_000_000;

/**
 * Bytes framed and not yet durable beyond which `Wal.isFull` answers true. One batch of this size
 * takes about a tenth of a second to write; more would only hide a slow disk and cost memory.
 */
export const PENDING_BYTES_MAX = 16 * 1024 * 1024;

/** etcd warns when one sync of the log takes longer. */
export const SLOW_SYNC_MS = 1000;

/** A snapshot record: the log before `index` is represented by a snapshot taken there. */
export interface WalSnapshot {
  readonly index: number;
  readonly term: number;
  /** Mandatory when `index` > 0; null in records that etcd before 3.5 wrote. */
  readonly confState: ConfState | null;
}

/** What the log counts; every member may be a no-op. Times are milliseconds, fractional. */
export interface WalObserver {
  /** One list of writes with its fdatasync (etcd_disk_wal_fsync_duration_seconds). */
  synced(durationMs: number): void;
  /** Bytes handed to the file (etcd_disk_wal_write_bytes_total). */
  written(bytes: number): void;
}

/** Where the log is and who is told. */
export interface WalOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Directory of the segments, e.g. `<data>/member/wal`. */
  readonly dir: string;
  /**
   * Every save whose ticket is ≤ `ticket` is durable. Called with rising tickets, from a disk
   * completion, never inside a call on the log. Not called after `onFailure`.
   */
  readonly onDurable: (ticket: number) => void;
  /**
   * The log can make nothing durable any more; called once. The caller must stop the member: a sync
   * that failed may have dropped pages, so retrying would lie.
   */
  readonly onFailure: (error: DiskError) => void;
  readonly observer?: WalObserver;
  /** For tests; default SEGMENT_BYTES. */
  readonly segmentBytes?: number;
  /** For tests; default PENDING_BYTES_MAX. */
  readonly pendingBytesMax?: number;
  /**
   * The caller saves a commit index only once the entries up to it are durable (a log of one does;
   * etcd before 3.6 and followers do not). Then a commit index behind a tear proves that what is
   * torn was durable before, and the log is refused instead of cut. Default false.
   */
  readonly commitIsDurable?: boolean;
  /** etcd's --unsafe-no-fsync: tickets become durable when written. */
  readonly unsafeNoFsync?: boolean;
}

/**
 * The write-ahead log in etcd's format, with group commit. `save` frames records into memory at
 * once and returns a ticket; `flush` lets the disk thread write and sync what was framed; while one
 * sync runs the next batch gathers. Order of records is order of calls.
 *
 * Use per Ready: `if (!wal.isFull()) { t = wal.save(hs, entries); wal.flush(); }`, act on the
 * messages when `t <= wal.durableTicket()` or when `onDurable(t)` arrives.
 */
export interface Wal {
  /**
   * Appends `entries`, then `hardState` unless it is null, empty or equal to the last saved.
   * Returns the ticket that covers it: durable once `durableTicket() >= ticket`. Only entries, or
   * a term or vote that changed, make a new ticket; a commit index alone does not have to be
   * durable, so the ticket returned may be durable already (etcd: MustSync). Entry data is copied.
   * Must not be called when `isFull()`, after `close`, or after a failure (save then returns a
   * ticket that never becomes durable).
   */
  save(hardState: HardState | null, entries: readonly Entry[]): number;
  /**
   * Appends a snapshot record; always makes a new ticket. The snapshot file must be durable before.
   * @throws AssertionError when `index` > 0 and `confState` is null.
   */
  saveSnapshot(snapshot: WalSnapshot): number;
  /** Starts writing what was saved, or, while a sync runs, has it start right after. Cheap. */
  flush(): void;
  /** The highest ticket that is durable; 0 before the first. */
  durableTicket(): number;
  /** Bytes framed and not yet durable (commit-only records included until they are written). */
  pendingBytes(): number;
  /** True when `pendingBytes()` reached its limit: stop saving until an `onDurable` empties it. */
  isFull(): boolean;
  /**
   * Segments that only hold entries before `index` (a durable snapshot's) are no longer needed to
   * restart: unlocks them, so that `purge` may remove them (etcd: ReleaseLockTo).
   */
  release(index: number): void;
  /** Deletes the oldest released segments while more than `segmentsMax` exist; 0 keeps all. */
  purge(segmentsMax: number): void;
  /** Writes and syncs everything, unlocks and closes; `done` gets the failure, if any. */
  close(done: (error: Error | null) => void): void;
}

/** Where a log is started from: the entries up to `index` are in a snapshot. */
export interface WalStart {
  readonly index: number;
  readonly term: number;
}

/** What a reading of the log yields. */
export interface WalContent {
  readonly start: WalStart;
  /** The bytes of the metadata record, as they were written (walpb: NodeID 1, ClusterID 2). */
  readonly metadata: Uint8Array;
  /** The newest; null when none was written. */
  readonly hardState: HardState | null;
  /**
   * After the start snapshot, or those of them that were asked for; contiguous, the latest write of
   * each index.
   */
  readonly entries: readonly Entry[];
  /** Index of the last entry, kept or not; that of the start when there is none. */
  readonly lastEntryIndex: number;
  /** False when no snapshot record matches the start: tools refuse, the server goes on. */
  readonly snapshotFound: boolean;
}

/** An open log with what it held. */
export interface OpenedWal extends WalContent {
  readonly wal: Wal;
  /** True when a torn tail was cut off (a copy is in `<segment>.broken`). */
  readonly repaired: boolean;
}

/** Why a log is refused. */
export type WalErrorCode =
  | "not-found"
  | "locked"
  | "exists"
  | "corrupt"
  | "metadata-conflict"
  | "snapshot-mismatch"
  | "entry-gap"
  | "unexpected-type"
  | "file-gap"
  | "torn";

/** A log that must not be used; the message names file, byte offset and what to do. */
export class WalError extends Error {
  override readonly name = "WalError";
  readonly code: WalErrorCode;
  /** The segment, or the directory when no single file is to blame. */
  readonly file: string;
  /** Start of the refused frame, bytes from the start of `file`; -1 when not applicable. */
  readonly offset: number;
  /** One sentence: what the operator can do. */
  readonly remedy: string;

  constructor(what: {
    code: WalErrorCode;
    message: string;
    file: string;
    offset: number;
    remedy: string;
  }) {
    const at = what.offset < 0 ? what.file : `${what.file} at byte ${what.offset}`;
    super(`${what.message} (${at}). ${what.remedy}`);
    this.code = what.code;
    this.file = what.file;
    this.offset = what.offset;
    this.remedy = what.remedy;
  }
}
