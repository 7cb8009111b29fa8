import type { ByteSpan } from "../base/span.ts";

/** The revision of an empty store (REV1); the first successful write gets 2. */
export const FIRST_REVISION = 1;
/** The compact revision of a store that was never compacted (REV1). */
export const NEVER_COMPACTED = -1;
/** The lease of a key without one. */
export const NO_LEASE = 0n;

/** Why a revision cannot be read or compacted; etcd answers OutOfRange for both. */
export type RevisionError = "compacted" | "future";

/**
 * What the index knows of one key at one revision, refilled by each lookup: no value is touched.
 * All revisions and versions are < 2^53.
 */
export interface KeyState {
  modRevision: number;
  /** Place of the change inside its revision, from 0. */
  sub: number;
  createRevision: number;
  version: number;
  /** Size of the encoded mvccpb.KeyValue in the store. */
  sizeBytes: number;
  /** The KeyValue has a lease ≠ 0; which one is in the value. */
  hasLease: boolean;
}

/** A new reusable KeyState. */
export function newKeyState(): KeyState {
  return {
    modRevision: 0,
    sub: 0,
    createRevision: 0,
    version: 0,
    sizeBytes: 0,
    hasLease: false,
  };
}

/**
 * Keys a request names, by etcd's rule (RNG2, RNG3): end empty → exactly `key`; end = one byte 0 →
 * every key ≥ `key`; otherwise [key, end), empty when key ≥ end.
 */
export interface KeyRange {
  readonly key: ByteSpan;
  readonly end: ByteSpan;
}

/** Decided once per request from KeyRange. */
export type RangeKind = "single" | "fromKey" | "bounded";

/** Tells how `range` is to be read. */
export function rangeKind(range: KeyRange): RangeKind {
  const length = range.end.end - range.end.start;
  if (length === 0) return "single";
  return length === 1 && range.end.bytes[range.end.start] === 0 ? "fromKey" : "bounded";
}

/** A put or delete touched a key that had a lease or has one now (equal ones included). */
export interface LeaseChange {
  /** Valid during the call only. */
  readonly key: ByteSpan;
  /** Names the key as long as it is live: above 0, dense, used again by other keys after that. */
  readonly keyId: number;
  /** The lease it has now; 0n for none. */
  readonly lease: bigint;
}
