// Raft paper (extended version), section 5.1: terms. Quotations are of the paper.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageType } from "../message.ts";
import { Seat } from "../testing/seat.ts";
import { NONE, StateType } from "../types.ts";

const VOTERS = [1n, 2n, 3n];

function seatIn(state: StateType): Seat {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 1 });
  if (state === StateType.follower) return seat;
  seat.node.campaign();
  seat.work();
  if (state === StateType.leader) seat.receive(MessageType.voteResp, 2n);
  seat.work();
  assert.equal(seat.node.core.state, state);
  return seat;
}

const ROLES = [StateType.follower, StateType.candidate, StateType.leader];

test("5.1: a server with a smaller term updates it to the larger one, and follows", () => {
  const types = [MessageType.app, MessageType.appResp, MessageType.vote, MessageType.heartbeat];
  for (const role of ROLES) {
    for (const type of types) {
      const seat = seatIn(role);
      seat.receive(type, 2n, { term: 7 });
      assert.equal(seat.node.core.term, 7);
      assert.equal(seat.node.core.state, StateType.follower);
    }
  }
});

test("5.1: only what leaders send tells who leads in a newer term", () => {
  for (const [type, lead] of [
    [MessageType.app, 2n],
    [MessageType.heartbeat, 2n],
    [MessageType.appResp, NONE],
    [MessageType.vote, NONE],
  ] as const) {
    const seat = seatIn(StateType.leader);
    seat.receive(type, 2n, { term: 9 });
    assert.equal(seat.node.core.lead, lead);
  }
});

test("5.1: a request with a stale term changes nothing", () => {
  for (const role of ROLES) {
    const seat = seatIn(role);
    const { term, vote, lead } = seat.node.status();
    const log = seat.logTerms;
    const entries = [{ type: 0, term: term - 1, index: 1, data: new Uint8Array(0) } as const];
    seat.receive(MessageType.app, 2n, { term: term - 1 || 1, entries, commit: 1 });
    if (term === 1) continue;
    seat.receive(MessageType.vote, 3n, { term: term - 1, index: 100, logTerm: 100 });
    const sent = seat.work();
    assert.deepEqual(seat.logTerms, log);
    assert.equal(sent.length, 0);
    const after = seat.node.status();
    assert.deepEqual([after.term, after.vote, after.lead], [term, vote, lead]);
    assert.equal(after.state, role);
  }
});

test("5.1: the term increases monotonically over time, restarts included", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS });
  let last = 0;
  for (const term of [3, 2, 5, 1, 5, 8]) {
    seat.receive(MessageType.heartbeat, 2n, { term });
    seat.work();
    seat.restart();
    assert.ok(seat.node.core.term >= last);
    last = seat.node.core.term;
  }
  assert.equal(last, 8);
});
