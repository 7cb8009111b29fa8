import { type Known, MajorityConfig, sortIds } from "./majority.ts";
import { jointVote, type VoteResult } from "./vote-result.ts";

/**
 * Two majorities that decide together (raft paper, section 6). Outside of a membership change the
 * outgoing one is empty and decides nothing. Immutable.
 */
export class JointConfig {
  readonly incoming: MajorityConfig;
  readonly outgoing: MajorityConfig;

  constructor(incoming: MajorityConfig, outgoing: MajorityConfig = MajorityConfig.empty) {
    this.incoming = incoming;
    this.outgoing = outgoing;
  }

  /** True while a change is under way. */
  get isJoint(): boolean {
    return this.outgoing.size > 0;
  }

  /** Voters of either half, ascending, each once. */
  ids(): readonly bigint[] {
    if (!this.isJoint) return this.incoming.ids;
    return sortIds(new Set([...this.incoming.ids, ...this.outgoing.ids]));
  }

  has(id: bigint): boolean {
    return this.incoming.has(id) || this.outgoing.has(id);
  }

  /** The highest index that both majorities have acknowledged. */
  committedIndex(acked: Known<number>): number {
    return Math.min(this.incoming.committedIndex(acked), this.outgoing.committedIndex(acked));
  }

  /** What the votes known so far decide in both halves. */
  voteResult(votes: Known<boolean>): VoteResult {
    return jointVote(this.incoming.voteResult(votes), this.outgoing.voteResult(votes));
  }

  /** `(1 2 3)`, or `(1 2 3)&&(1 2)` while joint. */
  toString(): string {
    return this.isJoint ? `${this.incoming}&&${this.outgoing}` : `${this.incoming}`;
  }
}
