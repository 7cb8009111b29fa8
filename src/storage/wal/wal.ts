import type { Entry, HardState } from "../../raft/types.ts";
import type { WalContent, WalOptions, WalSnapshot } from "./types.ts";

export type { WalContent, WalObserver, WalOptions, WalSnapshot } from "./types.ts";
export { PENDING_BYTES_MAX, SEGMENT_BYTES, WalError } from "./types.ts";

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

export interface OpenedWal extends WalContent {
  readonly wal: Wal;
  /** True when a torn tail was cut off (a copy is in `<segment>.broken`). */
  readonly repaired: boolean;
}

/** True when `dir` holds a segment: the member restarts instead of bootstrapping. */
export declare function walExists(options: Pick<WalOptions, "disk" | "dir">): boolean;

/**
 * Creates the log (in `<dir>.tmp`, then renamed) with the given metadata record; blocking.
 * @throws WalError when a log is there; DiskError.
 */
export declare function createWal(options: WalOptions, metadata: Uint8Array): Wal;

/**
 * Opens the log at a snapshot for reading and appending; blocking. Repairs a torn tail once.
 * @throws WalError for a log that must not be used or is locked by another process; DiskError.
 */
export declare function openWal(
  options: WalOptions, start: { readonly index: number; readonly term: number },
): OpenedWal;

/** Reads without locks and without changing anything; an incomplete tail is tolerated. */
export declare function readWal(
  options: Pick<WalOptions, "disk" | "dir">,
  start: { readonly index: number; readonly term: number },
): WalContent;

/**
 * Snapshot records that may be started from, in file order: index ≤ commit of the last hard state.
 * `{0, 0}` is among them while the first segment exists. @throws WalError.
 */
export declare function validSnapshots(options: Pick<WalOptions, "disk" | "dir">): WalSnapshot[];

/** The bytes of a metadata record (walpb.Metadata as etcd 3.7 writes it: ids of 0 left out). */
export declare function encodeMetadata(ids: { nodeId: bigint; clusterId: bigint }): Uint8Array;
/** @throws WalError on bytes that are not walpb.Metadata. */
export declare function decodeMetadata(bytes: Uint8Array): { nodeId: bigint; clusterId: bigint };
