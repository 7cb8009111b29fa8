import type { Storage } from "./log/storage.ts";
import type { RaftLogger } from "./logger.ts";

/** How read indexes are confirmed (raft.md 9). */
export const ReadOnlyOption = { safe: 0, leaseBased: 1 } as const;
export type ReadOnlyOption = (typeof ReadOnlyOption)[keyof typeof ReadOnlyOption];

/** What a member of a group starts with (raft.md 3). Sizes are bytes, times are ticks. */
export interface RaftConfig {
  /** Not 0 and not a pseudo-node. */
  readonly id: bigint;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly storage: Storage;
  /** The only randomness of the core: a uniform integer of [0, bound). */
  readonly random: (bound: number) => number;
  /** Last index already applied: entries up to it are not delivered again. Default 0. */
  readonly applied?: number;
  /** Durable work travels as messages, there is no `advance` (raft.md 13). Default false. */
  readonly asyncStorageWrites?: boolean;
  /** Encoded entries of a MsgApp; 0 means one entry a message. Default UNLIMITED. */
  readonly bytesPerMessageMax?: number;
  /**
   * Encoded entries handed out for apply and not acknowledged. 0, the default: as
   * `bytesPerMessageMax`.
   */
  readonly committedBytesPerReadyMax?: number;
  /** Payload of the leader's uncommitted tail. 0, the default: unlimited. */
  readonly uncommittedBytesMax?: number;
  /** Messages with entries under way to one peer. At least 1. */
  readonly inflightMessagesMax: number;
  /** Payload under way to one peer. 0, the default: unlimited. */
  readonly inflightBytesMax?: number;
  readonly checkQuorum?: boolean;
  readonly preVote?: boolean;
  /** Lease-based requires `checkQuorum`. */
  readonly readOnly?: ReadOnlyOption;
  readonly disableProposalForwarding?: boolean;
  readonly disableConfChangeValidation?: boolean;
  readonly stepDownOnRemoval?: boolean;
  /** Silent by default. */
  readonly logger?: RaftLogger;
}
