import type { ByteSpan } from "../../base/span.ts";

/** The buckets of an etcd file except `key`, which has verbs of its own (see ChangeLog). */
export const PLAIN_BUCKETS = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "lease",
  "members",
  "members_removed",
  "meta",
] as const;

/** One of them. */
export type PlainBucket = (typeof PLAIN_BUCKETS)[number];

/** A commit closes the open batch when it is this old … (etcd: backend-batch-interval) */
export const COMMIT_INTERVAL_MS = 100;
/** … or holds this many operations (etcd: backend-batch-limit) … */
export const COMMIT_OPS_MAX = 10_000;
/** … or this many bytes, which bounds the pages one commit must write. */
export const COMMIT_BYTES_MAX = 8 * 1024 * 1024;
/**
 * While one batch is on its way to the disk, the next may grow to so many bytes; then apply waits
 * (design, decision 5).
 */
export const OPEN_BYTES_MAX = 64 * 1024 * 1024;

/** A value that was read of the `key` bucket outlives so many further reads of values. */
export const CHANGE_READS_MAX = 128;

/**
 * Walks one plain bucket in key order. `key` and `value` name the entry after `next` returned true,
 * until the cursor moves or the backend is written to.
 */
export interface BucketCursor {
  readonly key: ByteSpan;
  readonly value: ByteSpan;
  /** The next `next` goes to the first key ≥ `key`. */
  seek(key: Uint8Array): void;
  /**
   * Moves on by key, so entries written or deleted since the last call are met or missed rightly.
   */
  next(): boolean;
}

/**
 * Walks the `key` bucket in revision order. The fields tell the entry after `next` returned true;
 * `value` stays valid until the cursor moves or the backend is written to or maintained.
 */
export interface ChangeCursor {
  readonly main: number;
  readonly sub: number;
  readonly isTombstone: boolean;
  readonly value: ByteSpan;
  /** The next `next` goes to the first revision ≥ (main, sub). */
  seek(main: number, sub: number): void;
  next(): boolean;
}

/** What can be read of a backend, now or through a root. */
export interface BackendReader {
  /** Fills `out`, valid until the next write; false and `out` untouched when absent. */
  get(bucket: PlainBucket, key: Uint8Array, out: ByteSpan): boolean;
  /** A cursor before the first key. */
  cursor(bucket: PlainBucket): BucketCursor;
  /**
   * The value stored at (main, sub) of the `key` bucket: fills `out`, valid until the next write or
   * `maintain`, and for no more than CHANGE_READS_MAX further such reads; false and `out` untouched
   * when absent.
   */
  getChange(main: number, sub: number, out: ByteSpan): boolean;
  /**
   * As `getChange` for the first `batch.count` revisions of a batch at once, which overlaps their
   * waits for memory (or disk). Returns how many were found before the first absent one.
   */
  getChanges(batch: ChangeBatch): number;
  /** A cursor before the first revision. */
  changes(): ChangeCursor;
}

/** Revisions read together. In: count, mains, subs; out, index by index: where the value is. */
export interface ChangeBatch {
  count: number;
  readonly mains: Float64Array;
  readonly subs: Uint32Array;
  readonly bytes: Uint8Array[];
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** A new reusable batch for up to `countMax` revisions. */
export function newChangeBatch(countMax: number): ChangeBatch {
  return {
    count: 0,
    mains: new Float64Array(countMax),
    subs: new Uint32Array(countMax),
    bytes: Array.from({ length: countMax }, () => new Uint8Array(0)),
    starts: new Uint32Array(countMax),
    ends: new Uint32Array(countMax),
  };
}

/** A consistent picture of the moment it was opened; writing goes on beside it. */
export interface BackendRoot extends BackendReader {
  /** Gives up the picture; the root and its cursors must not be used again. Idempotent. */
  close(): void;
}

/**
 * A bucketed, ordered store with batch transactions, one writer, many readers. All calls are
 * synchronous; a file engine may read a missing page on the way.
 *
 * Every write goes into the open batch and is seen by reads at once. `commit` closes the batch; all
 * of it becomes durable or none of it. A crash loses whole batches from the end, never a part of
 * one: the caller puts the consistent index into the same batch as its effects.
 *
 * The `key` bucket is written as a log of changes: keys are revisions (main 8 bytes big-endian,
 * `_`, sub 8 bytes, `t` for a tombstone), appended in strictly rising order and deleted by
 * compaction. main < 2^53, sub < 2^31.
 */
export interface Backend extends BackendReader {
  /** Copies both. An empty value is a value. */
  put(bucket: PlainBucket, key: Uint8Array, value: Uint8Array): void;
  /** False when it was absent. */
  delete(bucket: PlainBucket, key: Uint8Array): boolean;

  /**
   * Appends a change with room for `valueBytes`; fills `out` with the room, which the caller must
   * fill before any other call to the backend. Values that were named before stay where they are
   * until then. (main, sub) must be above every one appended so far (asserted).
   */
  appendChange(change: ChangeId, valueBytes: number, out: ByteSpan): void;
  /** Removes a change; false when it was absent. */
  deleteChange(main: number, sub: number): boolean;

  /**
   * Closes the open batch and returns its number; numbers rise by one, an empty batch has one too.
   */
  commit(): number;
  /** Every batch up to this number is durable; 0 before the first. */
  readonly durableBatch: number;
  /** Operations and bytes (keys and values) in the open batch. */
  readonly pendingOps: number;
  readonly pendingBytes: number;

  openRoot(): BackendRoot;

  /**
   * What the store takes up: the file, or the memory behind it. etcd's dbSize; the quota counts it.
   */
  readonly sizeBytes: number;
  /** The part of it that holds live data. etcd's dbSizeInUse. */
  readonly sizeInUseBytes: number;

  /**
   * Background work that gives space back after deletes; moves at most about `maxBytes`. Returns
   * true while there is more to do. Cheap when there is nothing.
   */
  maintain(maxBytes: number): boolean;
}

/** Names a change of the `key` bucket. */
export interface ChangeId {
  readonly main: number;
  readonly sub: number;
  readonly isTombstone: boolean;
}

/** Takes the changes of a `key` bucket in bulk, in rising order, as somebody comes upon them. */
export interface ChangeSink {
  /** A change and its value `bytes[start, end)`; the same `bytes` until the next `flush`. */
  add(change: ChangeId, bytes: Uint8Array, start: number, end: number): void;
  /** The bytes that were given may be others after it. */
  flush(): void;
}
