import type { Entry, HardState } from "./types.ts";

/** A confirmed read: state applied up to `index` answers every request of `context`. */
export interface ReadState {
  readonly context: number;
  readonly index: number;
}

/**
 * Work that the core hands out once. The caller persists `hardState` and `entries` (in this order
 * of Readys, never dropped), applies `committed`, answers `readStates`, and reports back with
 * `appended` and `applied` (asynchronous storage writes, raft.md 13).
 */
export interface Ready {
  /** Set when term, vote or commit changed since the last Ready. */
  readonly hardState: HardState | null;
  /** To persist; an entry replaces every stored one with an index not below its own. */
  readonly entries: readonly Entry[];
  /** Durable on a quorum, to be applied in order. */
  readonly committed: readonly Entry[];
  readonly readStates: readonly ReadState[];
  /** True when persisting must reach the disk: entries, term or vote are in it. */
  readonly mustSync: boolean;
}

/** Why a proposal was not taken. */
export type ProposeRefusal = "no leader" | "uncommitted limit";

/**
 * What consensus needs of a Raft core: a pure object without I/O, clock or threads.
 * Inputs are calls, output is `ready`. A log of one stands behind it today, the Raft core later.
 */
export interface RaftNode {
  readonly id: bigint;
  readonly term: number;
  /** 0n while unknown. */
  readonly leader: bigint;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** One step of logical time. */
  tick(): void;
  /**
   * Appends `data` as a normal entry to the log; null when it was taken. The data must not change.
   */
  propose(data: Uint8Array): ProposeRefusal | null;
  /**
   * Asks for a read index; the answer is a ReadState with `context`. False: no leader, ask again.
   */
  readIndex(context: number): boolean;
  /** True when a linearizable read may be answered from the applied state at once. */
  readNow(): boolean;
  hasReady(): boolean;
  /** Hands out the work there is; nothing is handed out twice. */
  ready(): Ready;
  /** Everything of every Ready up to the one whose last entry had (`index`, `term`) is durable. */
  appended(index: number, term: number): void;
  /** Committed entries up to `index` (inclusive), `payloadBytes` of data in all, are applied. */
  applied(index: number, payloadBytes: number): void;
}
