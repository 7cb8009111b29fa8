// Raft paper (extended version), sections 5.2 and 5.4.1: leader election and who may be elected.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { MessageType } from "../message.ts";
import { Lab } from "../testing/lab.ts";
import { Seat } from "../testing/seat.ts";
import { NONE, StateType } from "../types.ts";

const VOTERS = [1n, 2n, 3n];
const { follower, candidate, leader } = StateType;

function votersOf(count: number): readonly bigint[] {
  return Array.from({ length: count }, (_, at) => BigInt(at + 1));
}

test("5.2: when servers start up, they begin as followers", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 4, vote: 1n });
  assert.equal(seat.node.core.state, follower);
  assert.equal(seat.node.core.lead, NONE);
});

test("5.2: leaders send periodic heartbeats to all followers to maintain their authority", () => {
  const lab = new Lab(3, { heartbeatTicks: 3 });
  const { node } = lab.elect(1);
  const beats: string[] = [];
  for (let tick = 1; tick <= 6; tick += 1) {
    node.tick();
    for (const { type, to } of lab.seat(1).work()) {
      if (type === MessageType.heartbeat) beats.push(`${tick}->${to}`);
    }
  }
  assert.deepEqual(beats, ["3->2", "3->3", "6->2", "6->3"]);
});

for (const start of [follower, candidate]) {
  test(`5.2: without communication over an election timeout a ${
    start === follower ? "follower" : "candidate"
  } begins an election`, () => {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 1 });
    if (start === candidate) seat.node.campaign();
    seat.work();
    const { term } = seat.node.core;
    seat.tick(9);
    assert.equal(seat.work().length, 0, "not before the timeout");
    seat.tick(1);
    const sent = seat.work();
    assert.equal(seat.node.core.term, term + 1, "it increments its term");
    assert.equal(seat.node.core.state, candidate, "becomes a candidate");
    assert.equal(seat.node.core.vote, 1n, "votes for itself");
    assert.deepEqual(
      sent.map(({ type, to, term: asked }) => [type, to, asked]),
      [
        [MessageType.vote, 2n, term + 1],
        [MessageType.vote, 3n, term + 1],
      ],
      "and asks all others for their votes",
    );
  });
}

test("5.2: a candidate wins with votes of a majority of the servers in the full cluster", () => {
  const cases: [size: number, granted: number, rejected: number, state: StateType][] = [
    [1, 0, 0, leader],
    [3, 2, 0, leader],
    [3, 1, 0, leader],
    [3, 0, 2, follower],
    [3, 0, 1, candidate],
    [5, 4, 0, leader],
    [5, 2, 0, leader],
    [5, 1, 0, candidate],
    [5, 2, 2, leader],
    [5, 1, 3, follower],
    [5, 0, 4, follower],
    [5, 0, 2, candidate],
  ];
  for (const [size, granted, rejected, state] of cases) {
    const seat = new Seat({ id: 1n, voters: votersOf(size) });
    seat.node.campaign();
    seat.work();
    for (let at = 0; at < granted + rejected; at += 1) {
      seat.receive(MessageType.voteResp, BigInt(at + 2), { term: 1, reject: at >= granted });
    }
    assert.equal(seat.node.core.state, state, `${size}: ${granted} for, ${rejected} against`);
    assert.equal(seat.node.core.term, 1);
  }
});

test("5.2: the vote of a server counts once, and its first word counts", () => {
  const seat = new Seat({ id: 1n, voters: votersOf(5) });
  seat.node.campaign();
  seat.work();
  for (let time = 0; time < 5; time += 1) seat.receive(MessageType.voteResp, 2n);
  assert.equal(seat.node.core.state, candidate);
  seat.receive(MessageType.voteResp, 3n, { reject: true });
  seat.receive(MessageType.voteResp, 3n);
  assert.equal(seat.node.core.state, candidate);
});

test("5.2: each server votes for at most one candidate in a term, first come, first served", () => {
  const cases: [vote: bigint, asker: bigint, isRejected: boolean][] = [
    [NONE, 2n, false],
    [NONE, 3n, false],
    [2n, 2n, false],
    [3n, 3n, false],
    [2n, 3n, true],
    [3n, 2n, true],
  ];
  for (const [vote, asker, isRejected] of cases) {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 1, vote });
    seat.receive(MessageType.vote, asker, { term: 1 });
    const [answer] = seat.work();
    assert.equal(answer!.reject, isRejected, `voted for ${vote}, asked by ${asker}`);
  }
});

test("5.2: who grants a vote waits an election timeout before it campaigns", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 1 });
  seat.tick(9);
  seat.receive(MessageType.vote, 2n, { term: 1 });
  seat.work();
  seat.tick(9);
  assert.equal(seat.node.core.term, 1);
});

test("5.2: the vote is kept over a restart", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS });
  seat.receive(MessageType.vote, 2n, { term: 3 });
  assert.equal(seat.work()[0]!.reject, false);
  seat.restart();
  seat.receive(MessageType.vote, 3n, { term: 3 });
  assert.equal(seat.work()[0]!.reject, true);
});

test("5.2: a candidate that hears of a leader of its term or a newer one follows it", () => {
  for (const term of [1, 2]) {
    const seat = new Seat({ id: 1n, voters: VOTERS });
    seat.node.campaign();
    seat.work();
    seat.receive(MessageType.app, 2n, { term });
    assert.equal(seat.node.core.state, follower);
    assert.equal(seat.node.core.lead, 2n);
    assert.equal(seat.node.core.term, term);
  }
});

test("5.2: a candidate continues when the leader's term is smaller than its own", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 4 });
  seat.node.campaign();
  seat.work();
  seat.receive(MessageType.app, 2n, { term: 4 });
  assert.equal(seat.node.core.state, candidate);
});

test("5.2: there is at most one leader in a term, whoever campaigns", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const prng = new Prng(seed);
    const lab = new Lab(5);
    const leaderOf = new Map<number, bigint>();
    lab.isLost = () => prng.chance(0.3);
    for (let round = 0; round < 12; round += 1) {
      lab.seat(prng.between(1, 5)).node.campaign();
      if (prng.chance(0.5)) lab.seat(prng.between(1, 5)).node.campaign();
      lab.settle();
      for (const { id, node } of lab.leaders) {
        const { term } = node.core;
        assert.equal(leaderOf.get(term) ?? id, id, `seed ${seed}, term ${term}`);
        leaderOf.set(term, id);
      }
    }
  }
});

test("5.2: election timeouts are chosen randomly from a fixed interval", () => {
  const prng = new Prng(5);
  const random = (bound: number): number => prng.below(bound);
  const seat = new Seat({ id: 1n, voters: VOTERS, config: { random } });
  const seen = new Set<number>();
  for (let time = 0; time < 500; time += 1) {
    const { term } = seat.node.core;
    let ticks = 0;
    while (seat.node.core.term === term) {
      seat.node.tick();
      ticks += 1;
    }
    seen.add(ticks);
    seat.work();
  }
  assert.deepEqual(
    [...seen].toSorted((a, b) => a - b),
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  );
});

test("5.2: so split votes are rare, and resolved: a leader is found within few timeouts", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const prng = new Prng(seed);
    const lab = new Lab(5, { random: (bound) => prng.below(bound) });
    let ticks = 0;
    while (lab.leaders.length === 0 && ticks < 100) {
      lab.tick(1);
      ticks += 1;
    }
    assert.ok(ticks < 100, `seed ${seed}: ${ticks} ticks`);
  }
});

test("5.2: a candidate that wins sends to all others, to prevent new elections", () => {
  const lab = new Lab(3);
  lab.elect(2);
  for (const id of [1, 3]) assert.equal(lab.seat(id).node.core.lead, 2n);
  lab.tick(50);
  assert.equal(lab.seat(2).node.core.term, 1, "as long as its heartbeats arrive nobody campaigns");
});

test("5.4.1: the request for a vote tells of the candidate's log", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 4, log: [1, 1, 3] });
  seat.node.campaign();
  for (const { index, logTerm } of seat.work()) assert.deepEqual([index, logTerm], [3, 3]);
});

test("5.4.1: a voter denies its vote if its own log is more up-to-date", () => {
  const cases: [log: number[], logTerm: number, index: number, isRejected: boolean][] = [
    [[1], 1, 1, false],
    [[1], 1, 2, false],
    [[1, 1], 1, 1, true],
    [[1], 2, 1, false],
    [[1], 2, 2, false],
    [[1, 1], 2, 1, false],
    [[2], 1, 1, true],
    [[2], 1, 2, true],
    [[2, 1], 1, 1, true],
    [[], 0, 0, false],
  ];
  for (const [log, logTerm, index, isRejected] of cases) {
    const seat = new Seat({ id: 1n, voters: [1n, 2n], term: 3, log });
    seat.receive(MessageType.vote, 2n, { term: 4, logTerm, index });
    assert.equal(seat.work()[0]!.reject, isRejected, `${log} asked with ${index} of ${logTerm}`);
  }
});

test("5.4.1: a candidate that lacks a committed entry cannot win", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(3);
  lab.seat(1).node.propose(new Uint8Array(1));
  lab.settle();
  assert.equal(lab.seat(2).applied.length, 2);
  lab.heal();
  lab.elect(3);
  assert.notEqual(lab.seat(3).node.core.state, leader);
  lab.elect(2);
  assert.equal(lab.seat(2).node.core.state, leader);
});
