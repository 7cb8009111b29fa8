import type { ConfState, Entry, HardState, Snapshot } from "../types.ts";

/** Refusals of storage; the values are the texts of the library. */
export const StorageError = {
  compacted: "requested index is unavailable due to compaction",
  snapshotOutOfDate: "requested index is older than the existing snapshot",
  unavailable: "requested entry at index is unavailable",
  snapshotTemporarilyUnavailable: "snapshot is temporarily unavailable",
} as const;
export type StorageError = (typeof StorageError)[keyof typeof StorageError];

/** In place of a term: the index was compacted away, or is not there yet. */
export const TERM_UNKNOWN = -1;

/**
 * The durable log as the core reads it (raft.md 14). Reads are synchronous: what the core may ask
 * for is what it replicates or applies now, and belongs in memory. Empty storage has first index 1
 * and last index 0.
 */
export interface Storage {
  /** What was persisted, at the start. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /**
   * Entries from `low` to before `high`, at most `maxBytes` of encoded size but always at least
   * one. Null when `low` is compacted. @throws AssertionError when `high` is beyond the log.
   */
  entries(low: number, high: number, maxBytes: number): readonly Entry[] | null;
  /** Known for [firstIndex - 1, lastIndex]; TERM_UNKNOWN elsewhere. */
  term(index: number): number;
  firstIndex(): number;
  lastIndex(): number;
  /** The newest snapshot; null while it is temporarily unavailable. */
  snapshot(): Snapshot | null;
}
