// Thesis, 3.10 (leadership transfer), 6.2 (stepping down), 9.6 (pre-vote), 10.2 (pipelining).
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadOnlyOption } from "../config.ts";
import { MessageType } from "../message.ts";
import { Lab } from "../testing/lab.ts";
import { Seat } from "../testing/seat.ts";
import { NONE, StateType } from "../types.ts";

const VOTERS = [1n, 2n, 3n];
const DATA = new Uint8Array([7]);

test("3.10: the target campaigns at once, and wins in spite of the leader's lease", () => {
  const lab = new Lab(3, { checkQuorum: true, preVote: true });
  lab.elect(1);
  lab.tick(2);
  lab.seat(1).node.transferLeader(2n);
  lab.settle();
  assert.equal(lab.seat(2).node.core.state, StateType.leader);
  assert.equal(lab.seat(2).node.core.term, 2);
});

test("3.10: the target's log is brought up to date first", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(2);
  lab.seat(1).node.propose(DATA);
  lab.settle();
  lab.heal();
  lab.seat(1).node.transferLeader(2n);
  lab.tick(2);
  assert.equal(lab.seat(2).node.core.state, StateType.leader);
  assert.deepEqual(lab.seat(2).logTerms, [1, 1, 2]);
});

test("3.10: meanwhile the leader takes no proposals", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(2);
  lab.seat(1).node.propose(DATA);
  lab.seat(1).node.transferLeader(2n);
  assert.equal(lab.seat(1).node.propose(DATA), "raft proposal dropped");
});

test("3.10: a transfer that takes an election timeout is given up", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(2);
  lab.seat(1).node.propose(DATA);
  lab.seat(1).node.transferLeader(2n);
  lab.tick(9);
  assert.equal(lab.seat(1).node.status().transferee, 2n);
  lab.tick(1);
  assert.equal(lab.seat(1).node.status().transferee, NONE);
  assert.equal(lab.seat(1).node.propose(DATA), null);
});

test("3.10: a later transfer replaces an earlier one, and a follower passes it on", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(2);
  lab.seat(1).node.propose(DATA);
  lab.settle();
  lab.seat(1).node.transferLeader(2n);
  lab.seat(3).node.transferLeader(3n);
  lab.settle();
  assert.equal(lab.seat(3).node.core.state, StateType.leader);
});

test("6.2: a leader steps down when a timeout passes without a majority's answers", () => {
  for (const [silent, state] of [
    [[2, 3], StateType.follower],
    [[3], StateType.leader],
  ] as const) {
    const lab = new Lab(3, { checkQuorum: true });
    lab.elect(1);
    lab.tick(10);
    lab.isolate(...silent);
    lab.seat(2).node.core.randomizedElectionTicks = 1000;
    lab.tick(20);
    assert.equal(lab.seat(1).node.core.state, state, `without ${silent}`);
    assert.equal(lab.seat(1).node.core.term, 1);
  }
});

test("9.6: a candidate enters a new term only after a majority would vote for it", () => {
  const lab = new Lab(3, { preVote: true });
  lab.isolate(1);
  lab.seat(1).tick(100);
  lab.settle();
  assert.equal(lab.seat(1).node.core.state, StateType.preCandidate);
  assert.equal(lab.seat(1).node.core.term, 0);
  assert.equal(lab.seat(1).node.core.vote, NONE);
  lab.heal();
  lab.elect(1);
  assert.equal(lab.seat(1).node.core.state, StateType.leader);
  assert.equal(lab.seat(1).node.core.term, 1);
});

test("9.6: a partitioned server that comes back does not disrupt the leader", () => {
  const lab = new Lab(3, { preVote: true, checkQuorum: true });
  lab.elect(1);
  lab.tick(2);
  lab.isolate(3);
  for (let time = 0; time < 5; time += 1) lab.tick(15);
  lab.heal();
  lab.tick(30);
  assert.equal(lab.seat(1).node.core.state, StateType.leader);
  assert.equal(lab.seat(1).node.core.term, 1);
  assert.equal(lab.seat(3).node.core.lead, 1n);
});

test("9.6: a pre-vote is not answered within the lease of a leader", () => {
  const lab = new Lab(3, { preVote: true, checkQuorum: true });
  lab.elect(1);
  lab.seat(2).receive(MessageType.preVote, 3n, { term: 2, index: 9, logTerm: 1 });
  assert.deepEqual(lab.seat(2).work(), []);
});

test("9.6: a pre-vote changes neither vote nor term of the voter", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, vote: 2n, config: { preVote: true } });
  seat.receive(MessageType.preVote, 3n, { term: 3, index: 9, logTerm: 2 });
  const [answer] = seat.work();
  assert.deepEqual([answer!.reject, answer!.term], [false, 3]);
  assert.deepEqual([seat.node.core.term, seat.node.core.vote], [2, 2n]);
});

test("9.6: a pre-vote is denied to a log that is not up-to-date", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 2] });
  seat.receive(MessageType.preVote, 3n, { term: 3, index: 1, logTerm: 1 });
  const [answer] = seat.work();
  assert.deepEqual([answer!.reject, answer!.term], [true, 2]);
});

test("9.6: one that is behind in its term is told so, and catches up", () => {
  const lab = new Lab(3, { preVote: true }, [
    { term: 2, log: [1, 1] },
    { term: 5, log: [1] },
    { term: 5, log: [1] },
  ]);
  lab.elect(1);
  lab.elect(1);
  assert.equal(lab.seat(1).node.core.state, StateType.leader);
  assert.equal(lab.seat(1).node.core.term, 6);
});

test("a member stuck in a newer term brings the leader there", () => {
  const lab = new Lab(3, { checkQuorum: true }, [{}, {}, { term: 7 }]);
  lab.isolate(3);
  lab.elect(1);
  lab.heal();
  lab.tick(3);
  assert.ok(lab.seat(1).node.core.term >= 7);
  lab.tick(60);
  assert.equal(lab.leaders.length, 1);
  assert.equal(lab.seat(3).node.core.lead, lab.leaders[0]!.id);
});

test("a follower told to forget its leader may vote, until it hears of it again", () => {
  const lab = new Lab(3, { checkQuorum: true });
  lab.elect(1);
  lab.seat(2).node.forgetLeader();
  assert.equal(lab.seat(2).node.core.lead, NONE);
  lab.seat(2).receive(MessageType.vote, 3n, { term: 2, index: 9, logTerm: 1 });
  assert.equal(lab.seat(2).work()[0]!.reject, false);
  lab.seat(3).node.forgetLeader();
  lab.seat(3).receive(MessageType.heartbeat, 1n, { term: 1 });
  assert.equal(lab.seat(3).node.core.lead, 1n);
});

test("with leases a leader is not forgotten: its reads rely on it", () => {
  const lab = new Lab(3, { checkQuorum: true, readOnly: ReadOnlyOption.leaseBased });
  lab.elect(1);
  lab.seat(2).node.forgetLeader();
  assert.equal(lab.seat(2).node.core.lead, 1n);
});

test("10.2: appends follow each other without waiting, up to the window", () => {
  const lab = new Lab(3, { inflightMessagesMax: 4 });
  const { node } = lab.elect(1);
  lab.isLost = () => true;
  const counts: number[] = [];
  for (let at = 0; at < 10; at += 1) {
    node.propose(DATA);
    const before = lab.sent.length;
    lab.settle();
    counts.push(lab.sent.slice(before).filter(({ to }) => to === 2n).length);
  }
  assert.deepEqual(counts, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  lab.heal();
  lab.tick(3);
  assert.deepEqual(lab.seat(2).logTerms, lab.seat(1).logTerms, "a lost window is recovered");
});

test("10.2: the window is bounded in bytes too, by one message softly", () => {
  const config = { inflightBytesMax: 100, bytesPerMessageMax: 10 };
  const lab = new Lab(3, config);
  const { node } = lab.elect(1);
  lab.isLost = () => true;
  for (let at = 0; at < 10; at += 1) {
    node.propose(new Uint8Array(40));
    lab.settle();
  }
  const bytes = lab.sent
    .filter(({ to, type }) => to === 2n && type === MessageType.app)
    .flatMap(({ entries }) => entries)
    .reduce((sum, { data }) => sum + data.length, 0);
  assert.equal(bytes, 120);
});

test("a message holds as many entries as its limit has room for, and at least one", () => {
  const lab = new Lab(2, { bytesPerMessageMax: 100 }, [{ term: 1, log: [1, 1] }, { term: 1 }]);
  lab.elect(1);
  lab.isolate(2);
  for (const size of [10, 10, 500, 10]) lab.seat(1).node.propose(new Uint8Array(size));
  lab.settle();
  lab.heal();
  const before = lab.sent.length;
  lab.tick(3);
  const sizes = lab.sent
    .slice(before)
    .filter(({ entries }) => entries.length > 0)
    .map(({ entries }) => entries.map(({ data }) => data.length));
  assert.deepEqual(sizes, [[10, 10], [500], [10]]);
});

test("proposals beyond the uncommitted quota are refused; empty ones and a first one never", () => {
  const lab = new Lab(3, { uncommittedBytesMax: 100 });
  const { node } = lab.elect(1);
  lab.isLost = () => true;
  assert.equal(node.propose(new Uint8Array(500)), null);
  assert.equal(node.propose(new Uint8Array(1)), "raft proposal dropped");
  assert.equal(node.propose(new Uint8Array(0)), null);
  lab.heal();
  lab.tick(3);
  assert.equal(node.propose(new Uint8Array(1)), null);
});
