import assert from "node:assert/strict";
import { test } from "node:test";
import { Inflights } from "./inflights.ts";
import { Progress, ProgressState } from "./progress.ts";

function newProgress(next: number, inflightMax = 4): Progress {
  const inflights = new Inflights(inflightMax, 0);
  return new Progress({ id: 2n, next, isLearner: false, inflights });
}

test("a probe pauses until something is heard, replication does not", () => {
  const progress = newProgress(5);
  progress.sentEntries(0, 0);
  assert.equal(progress.isPaused, false, "an empty append is no probe");
  progress.sentEntries(1, 10);
  assert.equal(progress.isPaused, true);
  assert.equal(progress.maybeUpdate(5), true);
  assert.equal(progress.isPaused, false);
  progress.becomeReplicate();
  progress.sentEntries(2, 10);
  assert.equal(progress.next, 8);
  assert.equal(progress.isPaused, false);
});

test("replication pauses when the window is full", () => {
  const progress = newProgress(1, 2);
  progress.becomeReplicate();
  progress.sentEntries(1, 1);
  progress.sentEntries(1, 1);
  assert.equal(`${progress}`, "StateReplicate match=0 next=3 paused inflight=2[full]");
  progress.inflights.freeTo(1);
  progress.sentEntries(0, 0);
  assert.equal(`${progress}`, "StateReplicate match=0 next=3 inflight=1");
});

test("a refusal steps back to the hint, never behind match, and only for the last probe", () => {
  const progress = newProgress(10);
  progress.match = 4;
  assert.equal(progress.maybeDecreaseTo(8, 6), false, "not the probe at 9");
  assert.equal(progress.maybeDecreaseTo(9, 6), true);
  assert.equal(progress.next, 7);
  assert.equal(progress.maybeDecreaseTo(6, 0), true);
  assert.equal(progress.next, 5);
});

test("a refusal while replicating goes back to match, unless it is an old one", () => {
  const progress = newProgress(10);
  progress.match = 4;
  progress.becomeReplicate();
  progress.sentEntries(3, 3);
  assert.equal(progress.maybeDecreaseTo(4, 0), false);
  assert.equal(progress.next, 8);
  assert.equal(progress.maybeDecreaseTo(7, 0), true);
  assert.equal(progress.next, 5);
});

test("after a snapshot probing begins behind it, or behind what is known to be there", () => {
  const progress = newProgress(2);
  progress.becomeSnapshot(20);
  assert.equal(progress.isPaused, true);
  assert.equal(progress.next, 21);
  progress.becomeProbe();
  assert.equal(progress.next, 21);
  progress.becomeSnapshot(20);
  progress.maybeUpdate(30);
  progress.becomeProbe();
  assert.equal(progress.next, 31);
  assert.throws(() => {
    progress.becomeSnapshot(40);
    progress.sentEntries(1, 1);
  }, /sending append in unhandled state/);
});

test("a commit index is worth sending when the peer cannot know it and can use it", () => {
  const progress = newProgress(6);
  progress.match = 5;
  assert.equal(progress.canBumpCommit(3), true);
  progress.sentCommit(3);
  assert.equal(progress.canBumpCommit(3), false);
  assert.equal(progress.canBumpCommit(9), true, "up to 5 it can use");
  progress.sentCommit(9);
  assert.equal(progress.canBumpCommit(10), false, "it knows that all it has is committed");
  // What was sent with entries is lost with them.
  progress.becomeProbe();
  progress.next = 8;
  assert.equal(progress.canBumpCommit(9), true);
});

test("text: each word only when it is true", () => {
  const progress = newProgress(3);
  assert.equal(`${progress}`, "StateProbe match=0 next=3");
  progress.isLearner = true;
  progress.recentActive = false;
  progress.becomeSnapshot(7);
  assert.equal(progress.state, ProgressState.snapshot);
  assert.equal(`${progress}`, "StateSnapshot match=0 next=8 learner paused pendingSnap=7 inactive");
});
