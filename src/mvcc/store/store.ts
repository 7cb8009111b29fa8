import type { ByteSpan } from "../../base/span.ts";
import type { Backend, ChangeCursor } from "../../storage/backend/backend.ts";
import type { RestoredIndex } from "./restore.ts";
import type { CompactedHash } from "./compaction-hash.ts";
import type { KeyRange, KeyState, LeaseChange, RevisionError } from "../types.ts";

/** A view that nobody used for this long is cancelled, so that compaction cannot be held up. */
export const VIEW_IDLE_MAX_MS = 30_000;
/**
 * Bytes of a reply that a reader must take to count as using its view. With VIEW_IDLE_MAX_MS that
 * is 35 kB/s, slower than any network an etcd runs on. Without it, one byte every few seconds would
 * hold up compaction for ever.
 */
export const VIEW_PROGRESS_BYTES = 1024 * 1024;
/** Keys or revisions that one step of compaction should visit (etcd: compaction-batch-limit). */
export const COMPACTION_BATCH_REVISIONS = 1_000;

/** What a key space is made of. */
export interface KvStoreOptions {
  /** The store is rebuilt from what is in it; nobody else may write its `key` bucket. */
  readonly backend: Backend;
  /** Any number; unpredictable in production, so that clients cannot aim at one hash bucket. */
  readonly hashSeed: number;
  /** The index of exactly what the backend holds, when somebody has it already. */
  readonly restored?: RestoredIndex;
  /**
   * Called once per published revision with the number of its changes (subs 0 to changes − 1), to
   * be read with `readChange`. Must not write to the store.
   */
  readonly onPublish?: (revision: number, changes: number) => void;
  /**
   * Called inside put and delete for keys with a lease before or after. Those that keys have when
   * the store is opened: see `reportLeases`.
   */
  readonly onLeaseChange?: (change: LeaseChange) => void;
}

/**
 * The revisioned key space: what etcd calls mvcc, on a Backend and with the index in packed memory.
 * Synchronous; nothing here waits or knows the time.
 *
 * Reading: `find` for one key, RangeCursor and RangeMeasure for ranges; all take the revision to
 * read at, which `checkRevision` must have passed. Whoever reads across ticks holds a ReadView.
 * Writing: begin, any number of put/delete, end. Changes go to revision currentRevision + 1 and are
 * seen by reads at `readRevision` at once; nobody else sees them before `end`.
 */
export interface KvStore {
  /** The newest published revision; 1 for an empty store. */
  readonly currentRevision: number;
  /** Reads below it fail; −1 when never compacted. */
  readonly compactRevision: number;
  /**
   * What a read at "latest" must use: inside a write the revision being written, else the current.
   */
  readonly readRevision: number;

  /**
   * Whether a client may read at `revision` > 0 (R2): future above currentRevision, compacted below
   * compactRevision, which itself is readable.
   */
  checkRevision(revision: number): RevisionError | null;

  /**
   * The state of one key at `atRevision`; false, and `out` untouched, when it is absent there
   * (REV7).
   */
  find(key: ByteSpan, atRevision: number, out: KeyState): boolean;
  /**
   * The encoded mvccpb.KeyValue of a state that `find` or a cursor gave; fills `out`, valid until
   * the next call that writes or compacts. False only if compaction removed it since.
   */
  readKeyValue(state: KeyState, out: ByteSpan): boolean;
  /**
   * The stored bytes of one change: a KeyValue or, for a tombstone, a KeyValue with the key only.
   */
  readChange(revision: number, sub: number, out: ByteSpan): "put" | "tombstone" | null;

  /**
   * Fills `out` with the key that `onLeaseChange` gave this id, which must be live; valid until the
   * next write or compaction step.
   */
  keyOf(keyId: number, out: ByteSpan): void;

  /**
   * A cursor over the stored changes, those of an open write included. Compaction removes what no
   * ReadView holds.
   */
  newChangeCursor(): ChangeCursor;

  /** A reusable cursor; make few and keep them. */
  newCursor(): RangeCursor;
  newMeasure(): RangeMeasure;

  /** Pins a revision, so that reads at it go on whatever is compacted meanwhile. */
  openView(revision: number, nowMs: number): ReadView | RevisionError;
  /** Cancels views idle for longer than VIEW_IDLE_MAX_MS; returns how many. */
  expireViews(nowMs: number): number;

  /** Opens a write; returns the revision its changes will have. Asserts that none is open. */
  begin(): number;
  /**
   * Puts one key (PUT, REV5): neither span is kept. `lease` is the whole id as the client sent it
   * (signed 64 bits), 0n for none. The key must not be empty (asserted).
   */
  put(key: ByteSpan, value: ByteSpan, lease: bigint): void;
  /** As `put`, with the value and/or lease that the key has now (PUT3); false when it is absent. */
  putAgain(key: ByteSpan, again: PutAgain): boolean;
  /** Deletes one key; false, and no change, when absent. */
  delete(key: ByteSpan): boolean;
  /**
   * Deletes up to `keysMax` keys of the range in key order; returns how many. Fewer than `keysMax`
   * means that the range is now empty, so a long deletion is a loop over ticks.
   */
  deleteRange(range: KeyRange, keysMax: number): number;
  /** Changes written since `begin`; 0 outside a write. */
  readonly pendingChanges: number;
  /** Publishes; returns currentRevision, which grew by one if anything was written (REV3, REV4). */
  end(): number;

  /**
   * Starts a compaction (CMP1): takes effect for reads at once, is recorded in the backend's open
   * batch (the caller commits it), and is carried out by `compactStep`. Outside of writes only.
   */
  compact(revision: number): RevisionError | null;
  /**
   * Does a slice of the compaction work, visiting at most `keysMax` keys or stored revisions
   * (1,000 take well below 1 ms). Writes to the backend's open batch; commits are the caller's.
   * Returns what is left to do: "waiting" for older views, so call again later.
   */
  compactStep(keysMax: number): "idle" | "working" | "waiting";
  /**
   * The last compaction whose work is done, −1 when none. The mark is in the open batch then;
   * physical=true commits it and waits until it is durable.
   */
  readonly finishedCompactRevision: number;

  /**
   * HashKV at the revision of one of the last compactions, as it was before that; null when none
   * is remembered. It is there whatever was compacted since, which no other hash is.
   */
  compactedHash(revision: number): CompactedHash | null;

  /** Computes HashKV at `revision` (checked by the caller; > 0) in slices (CMP7). */
  newHash(revision: number, nowMs: number): HashJob;

  /**
   * Background work that gives memory of removed keys back to others; moves about `maxBytes`. True
   * while there is more to do. The backend's `maintain` is apart from it.
   */
  maintain(maxBytes: number): boolean;

  /** Live keys at the published revision. */
  readonly keyCount: number;
  /** Memory that the index takes, in bytes: allocated, and of that in use. */
  readonly indexBytes: number;
  readonly indexBytesInUse: number;
}

/** What `putAgain` takes from the request instead of from the key's present state. */
export interface PutAgain {
  /** undefined: keep the value (ignore_value). */
  readonly value?: ByteSpan;
  /** undefined: keep the lease (ignore_lease). */
  readonly lease?: bigint;
}

/**
 * Walks a range in key order at one revision. It keeps its place by key: puts, deletes and
 * compaction between two calls change nothing in what it yields. Its state fields tell the entry
 * after `next` returned true. Pass the cursor itself to `readKeyValue`.
 */
export interface RangeCursor extends KeyState {
  /** Goes before the first key; the spans of `range` are copied. `atRevision` as for `find`. */
  open(range: KeyRange, atRevision: number): void;
  /** As `open`, going on after `key`, the last one that was read. */
  openAfter(range: KeyRange, atRevision: number, key: ByteSpan): void;
  /**
   * False at the end, when it pauses (`isPaused`), or when the revision is no longer there: then
   * `isCompacted` is true.
   */
  next(): boolean;
  readonly isCompacted: boolean;
  /**
   * How many keys absent at the revision (or leaves) it may still pass over before it pauses;
   * Infinity from `open` on. To be set again before each slice of work: a million absent keys are
   * 50 ms. Keys that are there do not count; the caller knows of them.
   */
  skipsLeft: number;
  /** The last call ended early, neither at the end nor full: call again to go on. */
  readonly isPaused: boolean;
  /** Fills `out` with the key, valid until the next write or compaction step. */
  readKey(out: ByteSpan): void;
  /**
   * Copies entries as elements of a repeated field, tag byte, length, KeyValue, into
   * `target[offset, limit)`: at most `kvsMax`, and whole ones only. Stops early at the end of the
   * range. The result of `open` is as if `next` had yielded them.
   */
  copyFramed(copy: FramedCopy): void;
  /** As `copyFramed`, each KeyValue without value and lease (R6), made from the index alone. */
  copyFramedKeys(copy: FramedCopy): void;
}

/** In and out of a copy; reuse it. */
export interface FramedCopy {
  target: Uint8Array;
  /** In: where to begin. Out: behind the last entry copied. */
  offset: number;
  /** Exclusive. */
  limit: number;
  /** One-byte protobuf tag of the repeated field. */
  tag: number;
  /** In: how many at most. */
  kvsMax: number;
  /** Out: how many were copied. */
  kvs: number;
  /**
   * Out: the range is exhausted (or `isCompacted`). When false and kvs is 0, the next does not fit,
   * or the cursor `isPaused`.
   */
  isAtEnd: boolean;
}

/**
 * Counts a range and sums the size of its reply, from the index alone: whole leaves at a time
 * for recent revisions. Keeps its place by key, as RangeCursor does.
 */
export interface RangeMeasure {
  /**
   * `kvsMax`: how many entries to add to the sizes, Infinity for all; the count always covers the
   * whole range (R4). The spans are copied.
   */
  open(range: KeyRange, atRevision: number, kvsMax: number): void;
  /**
   * Looks at no more than about `keysMax` keys or leaves; true when finished (or `isCompacted`).
   */
  step(keysMax: number): boolean;
  readonly isCompacted: boolean;
  /** Keys in the range. */
  readonly count: number;
  /** Entries added to the sizes: min(count, kvsMax). */
  readonly kvs: number;
  /**
   * Bytes of those as elements of a repeated field with a one-byte tag: what `copyFramed` writes.
   */
  readonly framedBytes: number;
  /** The same for `copyFramedKeys`. */
  readonly framedKeysBytes: number;
}

/**
 * A pinned revision. Compaction of it takes logical effect at once (checkRevision fails for new
 * readers), but nothing that the view can see is removed before it is closed or cancelled.
 */
export interface ReadView {
  readonly revision: number;
  /**
   * Cancelled for idleness; cursors at its revision then report `isCompacted` when it is removed.
   */
  readonly isCancelled: boolean;
  /** Says that it is still in use: for work that ends by itself, not for waiting on a reader. */
  touch(nowMs: number): void;
  /** A reader took so many bytes; each VIEW_PROGRESS_BYTES of them count as a touch. */
  taken(bytes: number, nowMs: number): void;
  /** A further view, of a revision not below this one's; cancelled when this one is already. */
  another(revision: number, nowMs: number): ReadView;
  /** Idempotent. */
  close(): void;
}

/**
 * HashKV in slices, over one picture of the backend: holds that and a view of its own from creation
 * until it is finished, closed, or cancelled for idleness.
 */
export interface HashJob {
  /** Looks at about `changesMax` stored changes; true when finished, or `isCompacted`. */
  step(changesMax: number, nowMs: number): boolean;
  /** The CRC-32C, once finished. */
  readonly hash: number;
  readonly hashRevision: number;
  readonly compactRevision: number;
  /** Idle for too long: start anew. */
  readonly isCompacted: boolean;
  /** Idempotent. */
  close(): void;
}
