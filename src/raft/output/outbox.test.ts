import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageType } from "../message.ts";
import { AsyncSeat } from "../testing/async-seat.ts";
import { entry, Seat } from "../testing/seat.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, StateType } from "../types.ts";

const VOTERS = [1n, 2n, 3n];

test("a Ready asks for a sync when entries, the term or the vote are in it", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 1, log: [1] });
  const mustSync = (): boolean => {
    const ready = seat.node.ready();
    seat.persist(ready);
    seat.node.advance();
    return ready.mustSync;
  };
  seat.receive(MessageType.vote, 2n, { term: 1, index: 1, logTerm: 1 });
  assert.equal(mustSync(), true, "the vote");
  seat.receive(MessageType.heartbeat, 2n, { term: 2 });
  assert.equal(mustSync(), true, "the term");
  seat.receive(MessageType.app, 2n, { index: 1, logTerm: 1, entries: [entry(2, 2)] });
  assert.equal(mustSync(), true, "entries");
  seat.receive(MessageType.heartbeat, 2n, { commit: 2 });
  assert.equal(mustSync(), false, "the commit index alone");
});

test("a node with nothing to do has no Ready, and hands nothing out twice", () => {
  const seat = new Seat({ id: 1n, voters: [1n] });
  assert.equal(seat.node.hasReady(), false);
  seat.node.campaign();
  assert.equal(seat.node.hasReady(), true);
  const ready = seat.node.ready();
  assert.deepEqual(ready.hardState, { term: 1, vote: 1n, commit: 0 });
  assert.deepEqual(ready.softState, { lead: 0n, state: StateType.candidate });
  assert.throws(() => seat.node.ready(), /without call to Advance/);
  seat.node.advance();
  seat.work();
  assert.equal(seat.node.hasReady(), false);
  assert.equal(seat.node.ready().messages.length, 0);
});

test("in asynchronous mode the work of storage comes behind the other messages", () => {
  const seat = AsyncSeat.leader(VOTERS);
  seat.node.propose(new Uint8Array(1));
  seat.receive(MessageType.appResp, 2n, { index: 1 });
  const { messages } = seat.node.ready();
  assert.deepEqual(
    messages.map(({ type, to }) => [type, to]),
    [
      [MessageType.app, 2n],
      [MessageType.app, 3n],
      [MessageType.storageAppend, LOCAL_APPEND_THREAD],
    ],
  );
  const responses = messages.at(-1)!.responses.map(({ type, from, to }) => [type, from, to]);
  assert.deepEqual(responses, [
    [MessageType.appResp, 1n, 1n],
    [MessageType.storageAppendResp, LOCAL_APPEND_THREAD, 1n],
  ]);
  assert.throws(() => seat.node.advance(), /AsyncStorageWrites/);
});

test("no more is handed out for apply than the limit, until some is acknowledged", () => {
  const config = { asyncStorageWrites: true, committedBytesPerReadyMax: 30 };
  const log = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 1, log, commit: 12, config });
  const batches: number[] = [];
  for (let at = 0; seat.node.hasReady(); at += 1) {
    const { committedEntries, messages } = seat.node.ready();
    if (committedEntries.length === 0) continue;
    batches.push(committedEntries.length);
    assert.equal(seat.node.ready().committedEntries.length, 0);
    const apply = messages.find(({ to }) => to === LOCAL_APPLY_THREAD)!;
    for (const response of apply.responses) seat.node.step(response);
  }
  assert.deepEqual(batches, [7, 5]);
  assert.equal(seat.node.status().applied, 12);
});

test("messages of storage are taken from the pseudo-nodes only, answers from members only", () => {
  const { node } = new Seat({ id: 1n, voters: VOTERS });
  const seat = new Seat({ id: 2n, voters: VOTERS });
  for (const type of [MessageType.hup, MessageType.beat, MessageType.storageAppendResp]) {
    seat.node.campaign();
    const [message] = seat.work().filter(({ to }) => to === 1n);
    assert.equal(
      node.step(Object.assign(message!, { type })),
      "raft: cannot step raft local message",
    );
  }
  const [message] = seat.work();
  assert.equal(message, undefined);
  seat.node.campaign();
  const answer = Object.assign(seat.work()[0]!, { type: MessageType.appResp, from: 9n });
  assert.equal(node.step(answer), "raft: cannot step as peer not found");
});
