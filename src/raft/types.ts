/**
 * Member ids are exact unsigned 64-bit integers. They are `bigint` throughout and never computed
 * with: the core compares them and looks up a member's progress by them, which allocates nothing.
 */
export const NONE = 0n;

/** Pseudo-node to which messages about durable writes are addressed (raft.md 2 and 13). */
export const LOCAL_APPEND_THREAD = 0xffff_ffff_ffff_ffffn;
/** Pseudo-node to which messages about applying are addressed. */
export const LOCAL_APPLY_THREAD = 0xffff_ffff_ffff_fffen;

/** True for the two storage pseudo-nodes. */
export function isLocalThread(id: bigint): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

/** Stands for an index or a size without bound; printed `∞`. */
export const UNLIMITED = Number.POSITIVE_INFINITY;

/** The bytes of an entry or message that has none. */
export const NO_DATA: Uint8Array = new Uint8Array(0);

/** Raft's entry types, numbers as in raftpb. */
export const EntryType = { normal: 0, confChange: 1, confChangeV2: 2 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

/** One log entry. `data` is not changed after the entry was made. */
export interface Entry {
  readonly type: EntryType;
  readonly term: number;
  readonly index: number;
  readonly data: Uint8Array;
}

/** The list without entries. */
export const NO_ENTRIES: readonly Entry[] = [];

/**
 * What must be durable before messages that depend on it leave. `vote` is a member id, 0n for none.
 */
export interface HardState {
  readonly term: number;
  readonly vote: bigint;
  readonly commit: number;
}

/** Membership as raft sees it; ids are member ids, ascending. */
export interface ConfState {
  readonly voters: readonly bigint[];
  readonly learners: readonly bigint[];
  readonly votersOutgoing: readonly bigint[];
  readonly learnersNext: readonly bigint[];
  readonly autoLeave: boolean;
}

/** What a snapshot stands for: the log up to `index`, whose entry there had `term`. */
export interface SnapshotMetadata {
  readonly confState: ConfState;
  readonly index: number;
  readonly term: number;
}

/** The application's state in place of a log prefix. One with index 0 is empty. */
export interface Snapshot {
  readonly data: Uint8Array;
  readonly metadata: SnapshotMetadata;
}

/** A member's role, numbers as in the library. */
export const StateType = { follower: 0, candidate: 1, leader: 2, preCandidate: 3 } as const;
export type StateType = (typeof StateType)[keyof typeof StateType];

const STATE_NAMES = ["StateFollower", "StateCandidate", "StateLeader", "StatePreCandidate"];

/** How a role is printed. */
export function stateName(state: StateType): string {
  return STATE_NAMES[state]!;
}

/** What is not persisted and still of interest: who leads, and the role of this member. */
export interface SoftState {
  /** `NONE` while unknown. */
  readonly lead: bigint;
  readonly state: StateType;
}

/** Expected refusals of the core; the values are the texts of the library. */
export const RaftError = {
  /** No leader, a transfer under way, forwarding disabled, or beyond the uncommitted quota. */
  proposalDropped: "raft proposal dropped",
  stepLocalMessage: "raft: cannot step raft local message",
  stepPeerNotFound: "raft: cannot step as peer not found",
} as const;
export type RaftError = (typeof RaftError)[keyof typeof RaftError];
