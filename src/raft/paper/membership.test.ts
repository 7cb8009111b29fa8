// Raft paper (extended version), section 6, and thesis, chapter 4: cluster membership changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfChangeTransition, ConfChangeType, type ConfChangeV2 } from "../conf-change.ts";
import { encodeConfChangeV2 } from "../conf-change-codec.ts";
import { MessageType } from "../message.ts";
import { Lab } from "../testing/lab.ts";
import { Seat } from "../testing/seat.ts";
import { EntryType, NO_DATA, StateType } from "../types.ts";

const DATA = new Uint8Array([7]);
const { addNode, removeNode, addLearnerNode } = ConfChangeType;
const { auto, jointExplicit, jointImplicit } = ConfChangeTransition;

function change(
  transition: ConfChangeTransition,
  ...changes: readonly (readonly [ConfChangeType, bigint])[]
): ConfChangeV2 {
  return {
    transition,
    changes: changes.map(([type, nodeId]) => ({ type, nodeId })),
    context: NO_DATA,
  };
}

function propose(seat: Seat, proposed: ConfChangeV2): void {
  assert.equal(seat.node.proposeConfChange(encodeConfChangeV2(proposed)), null);
}

/** Members 1 to 3 vote, 4 and 5 are to join; member 1 leads. */
function labOfFive(config = {}): Lab {
  const voters = [1n, 2n, 3n];
  const lab = new Lab(5, config, Array<{ voters: bigint[] }>(5).fill({ voters }));
  lab.elect(1);
  return lab;
}

function commitOf(lab: Lab, id: number): number {
  return lab.seat(id).node.status().commit;
}

test("6: log entries are replicated to all servers in both configurations", () => {
  const lab = labOfFive();
  propose(lab.seat(1), change(jointExplicit, [addNode, 4n], [addNode, 5n], [removeNode, 2n]));
  lab.settle();
  assert.equal(String(lab.seat(1).node.status().config.voters), "(1 3 4 5)&&(1 2 3)");
  lab.seat(1).node.propose(DATA);
  lab.settle();
  lab.tick(1);
  for (const seat of lab.seats) assert.deepEqual(seat.logTerms, lab.seat(1).logTerms);
});

test("6: any server from either configuration may serve as leader", () => {
  for (const id of [2, 4]) {
    const lab = labOfFive();
    propose(lab.seat(1), change(jointExplicit, [addNode, 4n], [addNode, 5n], [removeNode, 2n]));
    lab.settle();
    lab.tick(1);
    assert.equal(lab.elect(id).node.core.state, StateType.leader);
  }
});

test("6: commitment requires separate majorities of both configurations", () => {
  for (const [silent, isCommitted] of [
    [[4, 5], false],
    [[2, 3], false],
    [[2], true],
    [[4], true],
  ] as const) {
    const lab = labOfFive();
    propose(lab.seat(1), change(jointExplicit, [addNode, 4n], [addNode, 5n], [removeNode, 3n]));
    lab.settle();
    lab.tick(1);
    const before = commitOf(lab, 1);
    lab.isolate(...silent);
    lab.seat(1).node.propose(DATA);
    lab.settle();
    // The new configuration is 1, 2, 4, 5, the old one 1, 2, 3.
    assert.equal(commitOf(lab, 1) > before, isCommitted, `without ${silent}`);
  }
});

test("6: elections require separate majorities of both configurations", () => {
  for (const [silent, state] of [
    [[1, 4], StateType.candidate],
    [[1, 3], StateType.candidate],
    [[1], StateType.leader],
  ] as const) {
    const lab = labOfFive();
    propose(lab.seat(1), change(jointExplicit, [addNode, 4n], [removeNode, 3n]));
    lab.settle();
    lab.tick(1);
    lab.isolate(...silent);
    // The new configuration is 1, 2, 4, the old one 1, 2, 3.
    assert.equal(lab.elect(2).node.core.state, state, `without ${silent}`);
  }
});

test("6: the joint phase ends when its configuration is committed", () => {
  for (const transition of [jointImplicit, auto]) {
    const lab = labOfFive();
    propose(lab.seat(1), change(transition, [addNode, 4n], [addNode, 5n]));
    lab.settle();
    lab.tick(1);
    for (const { node } of lab.seats) {
      assert.equal(String(node.status().config.voters), "(1 2 3 4 5)");
    }
  }
});

test("thesis 4.1: no change begins before the previous one is committed and applied", () => {
  const lab = labOfFive();
  lab.isolate(2, 3);
  propose(lab.seat(1), change(auto, [addNode, 4n]));
  propose(lab.seat(1), change(auto, [removeNode, 3n]));
  lab.settle();
  const { node, storage } = lab.seat(1);
  const types = storage.entries(2, 4, Infinity)!.map(({ type }) => type);
  assert.deepEqual(types, [EntryType.confChangeV2, EntryType.normal]);
  assert.equal(String(node.status().config.voters), "(1 2 3)");
});

test("thesis 4.1: a new leader proposes none before all entries it found are applied", () => {
  const lab = labOfFive();
  lab.isolate(1, 3);
  lab.seat(2).node.campaign();
  lab.settle();
  lab.heal();
  lab.elect(2);
  assert.equal(lab.seat(2).node.core.state, StateType.leader);
  lab.isLost = () => true;
  lab.elect(2);
  const { core } = lab.seat(2).node;
  assert.ok(core.pendingConfIndex <= core.log.applied);
  assert.ok(core.pendingConfIndex >= 1);
});

test("thesis 4.2.1: members that catch up do not count towards a majority", () => {
  const lab = labOfFive();
  propose(lab.seat(1), change(auto, [addLearnerNode, 4n], [addLearnerNode, 5n]));
  lab.settle();
  lab.tick(1);
  lab.isolate(2, 3);
  const before = commitOf(lab, 1);
  lab.seat(1).node.propose(DATA);
  lab.settle();
  assert.deepEqual(lab.seat(4).logTerms, lab.seat(1).logTerms, "they receive entries");
  assert.equal(commitOf(lab, 1), before, "and commit nothing");
  lab.seat(4).tick(100);
  assert.equal(lab.seat(4).node.core.state, StateType.follower, "nor do they campaign");
});

test("thesis 4.2.1: a learner that is asked votes: it may be a voter without knowing it", () => {
  const lab = labOfFive();
  propose(lab.seat(1), change(auto, [addLearnerNode, 4n]));
  lab.settle();
  lab.seat(4).receive(MessageType.vote, 2n, { term: 9, index: 99, logTerm: 9 });
  const [answer] = lab.seat(4).work();
  assert.equal(answer!.reject, false);
});

test("thesis 4.2.2: a removed leader manages the group until its removal is committed", () => {
  const lab = labOfFive({ stepDownOnRemoval: true });
  lab.isolate(2);
  propose(lab.seat(1), change(auto, [removeNode, 1n]));
  lab.settle();
  assert.equal(lab.seat(1).node.core.state, StateType.follower, "then it steps down");
  lab.heal();
  lab.elect(3);
  assert.equal(lab.seat(3).node.core.state, StateType.leader);
  assert.equal(String(lab.seat(3).node.status().config.voters), "(2 3)");
});

test("thesis 4.1: what the smaller majority of a new configuration holds is committed", () => {
  const seat = new Seat({ id: 1n, voters: [1n, 2n, 3n, 4n] });
  seat.node.campaign();
  seat.work();
  for (const id of [2n, 3n]) seat.receive(MessageType.voteResp, id);
  seat.work();
  for (const id of [2n, 3n]) seat.receive(MessageType.appResp, id, { index: 1 });
  seat.work();
  propose(seat, change(auto, [removeNode, 4n]));
  seat.node.propose(DATA);
  seat.work();
  seat.receive(MessageType.appResp, 2n, { index: 3 });
  seat.receive(MessageType.appResp, 3n, { index: 2 });
  assert.equal(seat.node.status().commit, 2);
  seat.work();
  assert.equal(seat.node.status().commit, 3, "two of three hold it");
});

test("thesis 4.2.2: a leader that is not in the configuration does not count itself", () => {
  const lab = labOfFive();
  propose(lab.seat(1), change(auto, [removeNode, 1n]));
  lab.settle();
  assert.equal(lab.seat(1).node.core.state, StateType.leader);
  assert.equal(lab.seat(1).node.propose(DATA), "raft proposal dropped");
  const { core } = lab.seat(1).node;
  assert.equal(core.tracker.progress(1n), undefined);
});

test("6: servers disregard requests for votes while they believe that a leader exists", () => {
  const lab = new Lab(3, { checkQuorum: true });
  lab.elect(1);
  lab.tick(3);
  lab.isolate(3);
  lab.seat(3).tick(40);
  lab.seat(3).work();
  lab.heal();
  lab.seat(3).node.campaign();
  const [request] = lab.seat(3).work();
  assert.equal(request!.type, MessageType.vote);
  for (const id of [1, 2]) {
    lab.seat(id).node.step(request!);
    assert.equal(lab.seat(id).work().length, 0, "no answer");
    assert.equal(lab.seat(id).node.core.term, 1, "and no newer term");
  }
});

test("6: beyond the minimum election timeout since they heard of it they do answer", () => {
  const lab = new Lab(3, { checkQuorum: true, random: () => 9 });
  lab.elect(1);
  lab.seat(2).tick(10);
  lab.seat(2).receive(MessageType.vote, 3n, { term: 5, index: 9, logTerm: 5 });
  assert.equal(lab.seat(2).work()[0]!.reject, false);
});

test("a member with a committed change that it has not applied does not campaign", () => {
  const lab = labOfFive();
  propose(lab.seat(1), change(auto, [addNode, 4n]));
  lab.settle();
  lab.tick(1);
  const { node, storage } = lab.seat(2);
  storage.confState = { ...storage.confState, voters: [1n, 2n, 3n] };
  lab.seat(2).applied.length = 1;
  lab.seat(2).restart();
  lab.seat(2).node.campaign();
  assert.equal(lab.seat(2).node.core.state, StateType.follower);
  lab.seat(2).work();
  lab.seat(2).node.campaign();
  assert.equal(lab.seat(2).node.core.state, StateType.candidate);
  assert.notEqual(lab.seat(2).node, node);
});
