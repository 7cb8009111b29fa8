// Thesis, 3.8 and 10.2.1: what is persisted before what, with storage that takes its time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageType } from "../message.ts";
import { AsyncSeat } from "../testing/async-seat.ts";
import { entry, Seat } from "../testing/seat.ts";
import { NONE, StateType } from "../types.ts";

const VOTERS = [1n, 2n, 3n];
const DATA = new Uint8Array([7]);

test("3.8: a vote leaves after the term and the vote are durable", () => {
  const seat = new AsyncSeat({ id: 1n, voters: VOTERS });
  seat.receive(MessageType.vote, 2n, { term: 3 });
  assert.deepEqual(seat.send(), []);
  assert.deepEqual(seat.pendingHardState, { term: 3, vote: 2n, commit: 0 });
  seat.syncOne();
  assert.deepEqual(
    seat.send().map(({ type, to, reject }) => [type, to, reject]),
    [[MessageType.voteResp, 2n, false]],
  );
});

test("3.8: entries are durable before they are acknowledged", () => {
  const seat = new AsyncSeat({ id: 1n, voters: VOTERS, term: 1 });
  seat.receive(MessageType.app, 2n, { entries: [entry(1, 1)] });
  assert.deepEqual(seat.send(), []);
  seat.syncOne();
  assert.deepEqual(
    seat.send().map(({ type, index }) => [type, index]),
    [[MessageType.appResp, 1]],
  );
});

test("3.8: a refusal waits as well, for what it was founded on may not last", () => {
  const seat = new AsyncSeat({ id: 1n, voters: VOTERS });
  seat.receive(MessageType.vote, 2n, { term: 3 });
  seat.receive(MessageType.vote, 3n, { term: 3 });
  assert.deepEqual(seat.send(), []);
  seat.syncOne();
  assert.deepEqual(
    seat.send().map(({ to, reject }) => [to, reject]),
    [
      [2n, false],
      [3n, true],
    ],
  );
});

test("3.8: a candidate counts its own vote when it is durable", () => {
  const seat = new AsyncSeat({ id: 1n, voters: [1n] });
  seat.node.campaign();
  seat.send();
  assert.equal(seat.node.core.state, StateType.candidate);
  seat.syncOne();
  assert.equal(seat.node.core.state, StateType.leader);
});

test("3.8: what is not synced is lost in a crash, and nobody was told of it", () => {
  const seat = new AsyncSeat({ id: 1n, voters: VOTERS });
  seat.receive(MessageType.vote, 2n, { term: 3 });
  seat.send();
  seat.crash();
  assert.deepEqual([seat.node.core.term, seat.node.core.vote], [0, NONE]);
  seat.receive(MessageType.vote, 3n, { term: 3 });
  seat.send();
  seat.syncOne();
  assert.deepEqual(
    seat.send().map(({ to, reject }) => [to, reject]),
    [[3n, false]],
  );
});

test("3.8: a restart loses neither term nor vote nor acknowledged entries", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS });
  seat.receive(MessageType.vote, 2n, { term: 5, index: 9, logTerm: 5 });
  seat.receive(MessageType.app, 2n, { term: 5, entries: [entry(5, 1), entry(5, 2)] });
  seat.work();
  seat.restart();
  const { term, vote } = seat.node.status();
  assert.deepEqual([term, vote, seat.logTerms], [5, 2n, [5, 5]]);
});

test("10.2.1: the leader sends entries while its own disk writes them", () => {
  const seat = AsyncSeat.leader(VOTERS);
  seat.node.propose(DATA);
  const sent = seat.send();
  assert.deepEqual(
    sent.map(({ type, to }) => [type, to]),
    [
      [MessageType.app, 2n],
      [MessageType.app, 3n],
    ],
  );
});

test("10.2.1: the leader counts itself when its own write is durable", () => {
  const seat = AsyncSeat.leader(VOTERS);
  seat.node.propose(DATA);
  seat.send();
  seat.receive(MessageType.appResp, 2n, { index: 2 });
  assert.equal(seat.node.status().commit, 1);
  seat.syncAll();
  assert.equal(seat.node.status().commit, 2);
});

test("10.2.1: the others may commit an entry before the leader's disk has it", () => {
  const seat = AsyncSeat.leader(VOTERS);
  seat.node.propose(DATA);
  seat.send();
  seat.receive(MessageType.appResp, 2n, { index: 2 });
  seat.receive(MessageType.appResp, 3n, { index: 2 });
  assert.equal(seat.node.status().commit, 2);
  seat.send();
  assert.deepEqual(
    seat.applied.map(({ index }) => index),
    [1],
    "and applies it when it has",
  );
  seat.syncAll();
  seat.send();
  assert.deepEqual(
    seat.applied.map(({ index }) => index),
    [1, 2],
  );
});

test("an acknowledgement of an older term does not make entries stable (ABA)", () => {
  const seat = new AsyncSeat({ id: 1n, voters: VOTERS });
  seat.receive(MessageType.app, 2n, { term: 1, entries: [entry(1, 1, DATA)] });
  seat.send();
  seat.receive(MessageType.app, 3n, { term: 2, entries: [entry(2, 1)] });
  seat.send();
  seat.receive(MessageType.app, 2n, { term: 3, entries: [entry(1, 1, DATA)] });
  seat.send();
  const { unstable } = seat.node.core.log;
  seat.syncOne();
  seat.syncOne();
  assert.equal(unstable.length, 1, "the disk's last write is that of the other entry");
  seat.syncOne();
  assert.equal(unstable.length, 0);
  assert.equal(seat.storage.term(1), 1);
});

test("messages held for durability leave in the order in which they were promised", () => {
  const seat = new AsyncSeat({ id: 1n, voters: VOTERS, term: 1 });
  seat.receive(MessageType.app, 2n, { entries: [entry(1, 1)] });
  seat.send();
  seat.receive(MessageType.app, 2n, { index: 1, logTerm: 1, entries: [entry(1, 2)] });
  seat.send();
  seat.syncAll();
  assert.deepEqual(
    seat.send().map(({ index }) => index),
    [1, 2],
  );
});
