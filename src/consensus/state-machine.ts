import type { Entry, HardState } from "../raft/types.ts";

/** What consensus drives: the replicated state. Implemented by apply/. */
export interface StateMachine {
  /**
   * Applies `entries[from]` and as many of those after it as fit in a slice of about two
   * milliseconds, each exactly once and in order. Returns how many were applied to their end; 0
   * when a long entry needs further calls with the same arguments. Readers see an entry whole or
   * not at all.
   */
  apply(entries: readonly Entry[], from: number): number;
  /** Nothing can be applied now, whoever asks: the disk has to follow first. */
  readonly isBlocked: boolean;
}

/** The part of the write-ahead log that the Ready loop uses; see storage/wal. */
export interface LogStorage {
  save(hardState: HardState | null, entries: readonly Entry[]): number;
  flush(): void;
  durableTicket(): number;
  isFull(): boolean;
}
