// Raft paper (extended version), section 8, and thesis, 6.4: reads that do not go through the log.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadOnlyOption } from "../config.ts";
import { MessageType } from "../message.ts";
import { Lab } from "../testing/lab.ts";
import { Seat } from "../testing/seat.ts";
import { StateType } from "../types.ts";

const DATA = new Uint8Array([7]);

function contextOf(number: number): Uint8Array {
  return new Uint8Array([number]);
}

function readsOf(seat: Seat): readonly (readonly [number, number])[] {
  return seat.reads.map(({ index, context }) => [context[0]!, index]);
}

test("8: the leader begins its term with an entry without data", () => {
  const lab = new Lab(3, {}, [{ term: 1, log: [1] }, { term: 1, log: [1] }, {}]);
  const { applied } = lab.elect(1);
  assert.deepEqual(
    applied.map(({ term, data }) => [term, data.length]),
    [
      [1, 0],
      [2, 0],
    ],
  );
});

test("8: the leader answers no read before it has committed an entry of its term", () => {
  const lab = new Lab(3, {}, [{ term: 1, log: [1], commit: 1 }, { term: 1, log: [1] }, {}]);
  lab.isLost = ({ type }) => type === MessageType.app;
  const seat = lab.elect(1);
  assert.equal(seat.node.core.state, StateType.leader);
  seat.node.readIndex(contextOf(1));
  lab.settle();
  lab.heal();
  assert.deepEqual(readsOf(seat), []);
  lab.tick(2);
  assert.deepEqual(readsOf(seat), [[1, 2]]);
});

test("8: the leader exchanges heartbeats with a majority before it answers a read", () => {
  for (const [silent, isAnswered] of [
    [[2, 3], true],
    [[2, 3, 4], false],
  ] as const) {
    const lab = new Lab(5);
    const seat = lab.elect(1);
    lab.isolate(...silent);
    seat.node.readIndex(contextOf(1));
    lab.settle();
    assert.deepEqual(readsOf(seat), isAnswered ? [[1, 1]] : [], `without ${silent}`);
  }
});

test("8: answers to heartbeats that left before the read confirm nothing", () => {
  const lab = new Lab(3);
  const seat = lab.elect(1);
  seat.tick(1);
  const early = seat.work();
  seat.node.readIndex(contextOf(1));
  seat.work();
  for (const message of early) lab.seats[Number(message.to) - 1]!.node.step(message);
  for (const id of [2, 3]) for (const answer of lab.seat(id).work()) seat.node.step(answer);
  seat.work();
  assert.deepEqual(readsOf(seat), []);
  lab.tick(1);
  assert.deepEqual(readsOf(seat), [[1, 1]]);
});

test("thesis 6.4: the read index is the commit index at the time of the request", () => {
  const lab = new Lab(3);
  const seat = lab.elect(1);
  lab.isLost = ({ type }) => type === MessageType.heartbeatResp;
  seat.node.readIndex(contextOf(1));
  seat.node.propose(DATA);
  lab.settle();
  lab.heal();
  lab.tick(1);
  assert.deepEqual(readsOf(seat), [[1, 1]]);
  assert.equal(seat.node.status().commit, 2);
});

test("thesis 6.4: one round of heartbeats confirms any number of reads", () => {
  const lab = new Lab(3);
  const seat = lab.elect(1);
  lab.isLost = ({ type }) => type === MessageType.heartbeat;
  for (let at = 0; at < 100; at += 1) seat.node.readIndex(contextOf(at));
  lab.settle();
  lab.heal();
  const before = lab.sent.length;
  lab.tick(1);
  assert.equal(seat.reads.length, 100);
  const beats = lab.sent.slice(before).filter(({ type }) => type === MessageType.heartbeat);
  assert.equal(beats.length, 2);
});

test("thesis 6.4: a follower asks the leader for the read index", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.seat(1).node.propose(DATA);
  lab.seat(2).node.readIndex(contextOf(4));
  lab.settle();
  assert.equal(lab.seat(1).reads.length, 0);
  assert.equal(readsOf(lab.seat(2))[0]![0], 4);
});

test("thesis 6.4: a deposed leader answers none of the reads it was asked before", () => {
  const lab = new Lab(3);
  const old = lab.elect(1);
  lab.partition([1], [2, 3]);
  old.node.readIndex(contextOf(1));
  lab.settle();
  lab.elect(2);
  lab.seat(2).node.propose(DATA);
  lab.settle();
  lab.heal();
  lab.tick(3);
  assert.equal(lab.seat(2).node.core.state, StateType.leader);
  assert.deepEqual(readsOf(old), []);
});

test("thesis 6.4: nor when it leads again: others may have written before it was asked", () => {
  const lab = new Lab(3);
  const old = lab.elect(1);
  lab.partition([1], [2, 3]);
  lab.elect(2);
  lab.seat(2).node.propose(DATA);
  lab.settle();
  old.node.readIndex(contextOf(1));
  lab.settle();
  lab.heal();
  lab.tick(3);
  lab.elect(1);
  assert.equal(old.node.core.state, StateType.leader);
  old.node.readIndex(contextOf(2));
  lab.settle();
  assert.deepEqual(readsOf(old), [[2, 4]]);
});

test("thesis 6.4: a round confirms the reads that came before it, and none after", () => {
  const lab = new Lab(3);
  const seat = lab.elect(1);
  seat.node.readIndex(contextOf(1));
  const round = seat.work();
  seat.node.readIndex(contextOf(2));
  seat.work();
  for (const message of round) lab.seats[Number(message.to) - 1]!.node.step(message);
  for (const id of [2, 3]) for (const answer of lab.seat(id).work()) seat.node.step(answer);
  seat.work();
  assert.deepEqual(readsOf(seat), [[1, 1]]);
});

test("thesis 6.4: confirmations of one leadership count for no other", () => {
  const lab = new Lab(3);
  const seat = lab.elect(1);
  const late = [];
  lab.isLost = ({ type }) => type === MessageType.heartbeatResp;
  seat.node.readIndex(contextOf(1));
  lab.settle();
  late.push(...lab.sent.filter(({ type }) => type === MessageType.heartbeatResp));
  assert.equal(late.length, 2);
  lab.heal();
  lab.elect(2);
  lab.elect(1);
  seat.node.readIndex(contextOf(2));
  seat.work();
  for (const message of late) seat.node.step(message);
  seat.work();
  assert.deepEqual(readsOf(seat), []);
});

test("a single voter answers at once, also before the term's first commit", () => {
  const seat = new Seat({ id: 1n, voters: [1n] });
  seat.node.campaign();
  seat.work();
  seat.node.readIndex(contextOf(3));
  seat.work();
  assert.deepEqual(readsOf(seat), [[3, 1]]);
});

test("thesis 6.4.1: with a lease the leader answers without asking anybody", () => {
  const lab = new Lab(3, { checkQuorum: true, readOnly: ReadOnlyOption.leaseBased });
  const seat = lab.elect(1);
  lab.isolate(2, 3);
  seat.node.readIndex(contextOf(1));
  lab.settle();
  assert.deepEqual(readsOf(seat), [[1, 1]]);
});

test("thesis 6.4.1: without its quorum a leader's lease ends, within two timeouts", () => {
  const lab = new Lab(3, { checkQuorum: true, readOnly: ReadOnlyOption.leaseBased });
  const old = lab.elect(1);
  lab.tick(12);
  lab.isolate(1);
  lab.tick(20);
  assert.equal(old.node.core.state, StateType.follower);
  old.node.readIndex(contextOf(1));
  lab.settle();
  assert.deepEqual(readsOf(old), []);
});
