import assert from "node:assert/strict";
import { test } from "node:test";
import { restore } from "../confchange/restore.ts";
import { VoteResult } from "../quorum/vote-result.ts";
import type { ConfState } from "../types.ts";
import { ProgressTracker } from "./tracker.ts";

const LIMITS = { inflightMax: 4, inflightBytesMax: 0 };
const EMPTY = { learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

function trackerOf(confState: Partial<ConfState> & Pick<ConfState, "voters">): ProgressTracker {
  const tracker = new ProgressTracker(LIMITS);
  const { config, progress } = restore(
    { ...EMPTY, ...confState },
    { lastIndex: 10, limits: LIMITS },
  );
  tracker.switchTo(config, progress);
  return tracker;
}

function setActive(tracker: ProgressTracker, ids: readonly bigint[]): void {
  for (const peer of tracker.peers) peer.recentActive = ids.includes(peer.id);
}

const JOINT = { voters: [1n, 2n, 3n], votersOutgoing: [3n, 4n, 5n], learners: [9n] };

test("peers and voters come in the order of their ids", () => {
  const tracker = trackerOf({ voters: [30n, 4n], votersOutgoing: [200n, 4n], learners: [7n] });
  assert.deepEqual(
    tracker.peers.map(({ id }) => id),
    [4n, 7n, 30n, 200n],
  );
  assert.deepEqual(tracker.voterIds, [4n, 30n, 200n]);
  assert.equal(tracker.progress(5n), undefined);
});

test("a quorum is active when both halves have one; learners do not count", () => {
  const tracker = trackerOf(JOINT);
  for (const [active, expected] of [
    [[1n, 2n, 3n, 4n], true],
    [[1n, 2n, 9n], false],
    [[3n, 4n, 5n], false],
    [[1n, 3n, 5n], true],
  ] as const) {
    setActive(tracker, active);
    assert.equal(tracker.quorumActive(), expected, active.join(" "));
  }
});

test("what both halves hold is committed", () => {
  const tracker = trackerOf(JOINT);
  for (const [id, match] of [
    [1n, 8],
    [2n, 7],
    [3n, 1],
    [4n, 5],
    [5n, 6],
    [9n, 100],
  ] as const) {
    tracker.progress(id)!.match = match;
  }
  assert.equal(tracker.committed(), 5);
});

test("the first vote of a member counts, and learners are not in the count", () => {
  const tracker = trackerOf({ voters: [1n, 2n, 3n], learners: [9n] });
  tracker.recordVote(1n, true);
  tracker.recordVote(2n, false);
  tracker.recordVote(2n, true);
  tracker.recordVote(9n, true);
  assert.deepEqual(tracker.tallyVotes(), { granted: 1, rejected: 1, result: VoteResult.pending });
  tracker.recordVote(3n, true);
  assert.deepEqual(tracker.tallyVotes(), { granted: 2, rejected: 1, result: VoteResult.won });
  tracker.resetVotes();
  assert.deepEqual(tracker.tallyVotes(), { granted: 0, rejected: 0, result: VoteResult.pending });
});

test("one voter decides alone, unless another half asks to be heard", () => {
  assert.equal(trackerOf({ voters: [1n], learners: [2n] }).isSingleton, true);
  assert.equal(trackerOf({ voters: [1n], votersOutgoing: [1n] }).isSingleton, false);
  assert.equal(trackerOf({ voters: [1n, 2n] }).isSingleton, false);
});
