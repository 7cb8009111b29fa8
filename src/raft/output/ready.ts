import type { Message } from "../message.ts";
import type { Entry, HardState, Snapshot, SoftState } from "../types.ts";

/** A confirmed read: state applied up to `index` answers the request of `context`. */
export interface ReadState {
  readonly index: number;
  readonly context: Uint8Array;
}

/** Work that the core hands out once (raft.md 12; in asynchronous mode 13). */
export interface Ready {
  /** Null when nothing of it changed since the last Ready. */
  readonly softState: SoftState | null;
  /** To be persisted. Null when nothing of it changed since the last Ready. */
  readonly hardState: HardState | null;
  readonly readStates: readonly ReadState[];
  /** To persist; an entry replaces every stored one with an index not below its own. */
  readonly entries: readonly Entry[];
  /** To persist, in place of the log up to it. */
  readonly snapshot: Snapshot | null;
  /** To be applied in order. */
  readonly committedEntries: readonly Entry[];
  /** Those that need durability first are behind the others, in synchronous mode. */
  readonly messages: readonly Message[];
  /** True when persisting must reach the disk: entries, a term or a vote are in it. */
  readonly mustSync: boolean;
}
