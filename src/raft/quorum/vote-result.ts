/** What the votes cast so far decide; numbers and names as etcd has them. */
export const VoteResult = { pending: 1, lost: 2, won: 3 } as const;
export type VoteResult = (typeof VoteResult)[keyof typeof VoteResult];

const NAMES: Readonly<Record<VoteResult, string>> = {
  [VoteResult.pending]: "VotePending",
  [VoteResult.lost]: "VoteLost",
  [VoteResult.won]: "VoteWon",
};

/** `VotePending`, `VoteLost` or `VoteWon`. */
export function describeVoteResult(result: VoteResult): string {
  return NAMES[result];
}

/** Fewest of `size` members that are more than half. */
export function quorumOf(size: number): number {
  return Math.floor(size / 2) + 1;
}

/**
 * The vote of a majority of `size` members, `granted` of which said yes and `missing` nothing yet.
 * Nobody asked is a vote won: an empty half of a joint configuration decides nothing.
 */
export function majorityVote(size: number, granted: number, missing: number): VoteResult {
  if (size === 0) return VoteResult.won;
  const quorum = quorumOf(size);
  if (granted >= quorum) return VoteResult.won;
  return granted + missing >= quorum ? VoteResult.pending : VoteResult.lost;
}

/** The vote of two majorities that must agree: lost as soon as one is, won when both are. */
export function jointVote(incoming: VoteResult, outgoing: VoteResult): VoteResult {
  if (incoming === outgoing) return incoming;
  const isLost = incoming === VoteResult.lost || outgoing === VoteResult.lost;
  return isLost ? VoteResult.lost : VoteResult.pending;
}
