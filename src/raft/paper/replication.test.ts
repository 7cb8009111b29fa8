// Raft paper (extended version), sections 5.3, 5.4.2 and 5.5: log replication and commitment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageType } from "../message.ts";
import { Lab } from "../testing/lab.ts";
import { entry, Seat } from "../testing/seat.ts";
import { ProgressState } from "../tracker/progress.ts";
import { StateType } from "../types.ts";

const VOTERS = [1n, 2n, 3n];
const DATA = new Uint8Array([7]);

/** A leader of term 1 in a group of `count` whose first entry is committed by all. */
function leaderOf(count: number): Seat {
  const voters = Array.from({ length: count }, (_, at) => BigInt(at + 1));
  const seat = new Seat({ id: 1n, voters });
  seat.node.campaign();
  seat.work();
  for (const id of voters.slice(1)) seat.receive(MessageType.voteResp, id);
  seat.work();
  for (const id of voters.slice(1)) seat.receive(MessageType.appResp, id, { index: 1 });
  seat.work();
  return seat;
}

test("5.3: the leader appends the command and sends it in parallel to all others", () => {
  const seat = leaderOf(3);
  seat.node.propose(DATA);
  const sent = seat.work();
  assert.deepEqual(seat.logTerms, [1, 1]);
  assert.deepEqual(
    sent.map(({ type, to, index, logTerm, entries }) => [type, to, index, logTerm, entries]),
    [2n, 3n].map((to) => [MessageType.app, to, 1, 1, [entry(1, 2, DATA)]]),
  );
});

test("5.3: an entry is committed once its leader has replicated it on a majority", () => {
  const cases: [size: number, acknowledged: number, isCommitted: boolean][] = [
    [1, 0, true],
    [3, 0, false],
    [3, 1, true],
    [3, 2, true],
    [5, 0, false],
    [5, 1, false],
    [5, 2, true],
    [5, 4, true],
  ];
  for (const [size, acknowledged, isCommitted] of cases) {
    const seat = leaderOf(size);
    seat.node.propose(DATA);
    seat.work();
    for (let at = 0; at < acknowledged; at += 1) {
      seat.receive(MessageType.appResp, BigInt(at + 2), { index: 2 });
    }
    assert.equal(seat.node.status().commit, isCommitted ? 2 : 1, `${acknowledged} of ${size}`);
  }
});

test("5.3: the same acknowledgement twice is one acknowledgement", () => {
  const seat = leaderOf(5);
  seat.node.propose(DATA);
  seat.work();
  for (let time = 0; time < 4; time += 1) seat.receive(MessageType.appResp, 2n, { index: 2 });
  assert.equal(seat.node.status().commit, 1);
});

test("5.3: what commits an entry commits all before it, also those of earlier leaders", () => {
  for (const log of [[], [2], [1, 2], [1]]) {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log });
    seat.node.campaign();
    seat.work();
    seat.receive(MessageType.voteResp, 2n);
    seat.work();
    seat.node.propose(DATA);
    seat.work();
    const last = seat.storage.lastIndex();
    seat.receive(MessageType.appResp, 2n, { index: last });
    seat.work();
    assert.deepEqual(
      seat.applied.map(({ term }) => term),
      [...log, 3, 3],
    );
  }
});

test("5.3: a follower that learns of a commit applies the entries in log order", () => {
  for (let commit = 1; commit <= 3; commit += 1) {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 1 });
    const entries = [entry(1, 1), entry(1, 2, DATA), entry(1, 3)];
    seat.receive(MessageType.app, 2n, { entries, commit });
    seat.work();
    assert.deepEqual(seat.applied, entries.slice(0, commit));
  }
});

test("5.3: a follower commits no further than the entries it was just shown to share", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 1, 1] });
  seat.receive(MessageType.app, 2n, { index: 1, logTerm: 1, commit: 3 });
  assert.equal(seat.node.status().commit, 1);
});

test("5.3: a heartbeat's commit index covers only what the follower is known to hold", () => {
  const seat = leaderOf(3);
  seat.node.propose(DATA);
  seat.work();
  seat.receive(MessageType.appResp, 2n, { index: 2 });
  seat.work();
  seat.tick(1);
  const commits = seat.work().map(({ to, commit }) => [to, commit]);
  assert.deepEqual(commits, [
    [2n, 2],
    [3n, 1],
  ]);
});

test("5.3: a follower without the entry before refuses the new ones, and says what it has", () => {
  const cases: [logTerm: number, index: number, hint: number | null][] = [
    [0, 0, null],
    [1, 1, null],
    [2, 2, null],
    [1, 2, 1],
    [3, 3, 2],
  ];
  for (const [logTerm, index, hint] of cases) {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 4, log: [1, 2], commit: 0 });
    seat.receive(MessageType.app, 2n, { logTerm, index });
    const [answer] = seat.work();
    assert.equal(answer!.reject, hint !== null, `anchor ${index} of ${logTerm}`);
    if (hint !== null) assert.equal(answer!.rejectHint, hint);
  }
});

test("5.3: a conflicting entry and all that follow it are deleted, others are not", () => {
  const cases: [logTerm: number, index: number, entries: [number, number][], log: number[]][] = [
    [2, 2, [[3, 3]], [1, 2, 3]],
    [
      1,
      1,
      [
        [3, 2],
        [4, 3],
      ],
      [1, 3, 4],
    ],
    [0, 0, [[1, 1]], [1, 2]],
    [0, 0, [[3, 1]], [3]],
    [
      0,
      0,
      [
        [1, 1],
        [2, 2],
      ],
      [1, 2],
    ],
    [2, 2, [], [1, 2]],
  ];
  for (const [logTerm, index, added, log] of cases) {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 4, log: [1, 2] });
    const entries = added.map(([term, at]) => entry(term, at));
    seat.receive(MessageType.app, 2n, { logTerm, index, entries });
    seat.work();
    assert.deepEqual(seat.logTerms, log);
  }
});

test("5.3: a conflict with a committed entry stops the server instead", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 1], commit: 2 });
  assert.throws(() => {
    seat.node.core.log.appendBehind(1, 1, [entry(2, 2)]);
  }, /conflict with committed entry/);
});

// Figure 7: the logs of possible followers when the leader at the top comes to power.
const FIGURE_7_LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const FIGURE_7: readonly (readonly number[])[] = [
  [1, 1, 1, 4, 4, 5, 5, 6, 6],
  [1, 1, 1, 4],
  [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  [1, 1, 1, 4, 4, 4, 4],
  [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
];

for (const [at, log] of FIGURE_7.entries()) {
  test(`5.3: the leader makes the follower of figure 7 (${"abcdef"[at]}) duplicate its log`, () => {
    // Member 3 has the vote that the follower may refuse.
    const lab = new Lab(3, {}, [
      { term: 7, log: FIGURE_7_LEADER, commit: 9 },
      { term: 7, log, commit: 0 },
      {},
    ]);
    lab.elect(1);
    assert.equal(lab.seat(1).node.core.state, StateType.leader);
    assert.deepEqual(lab.seat(2).logTerms, [...FIGURE_7_LEADER, 8]);
    assert.deepEqual(lab.seat(1).logTerms, [...FIGURE_7_LEADER, 8], "and deletes nothing of it");
    const rejections = lab.sent.filter(
      ({ type, from, reject }) => type === MessageType.appResp && from === 2n && reject,
    );
    const terms = new Set([...log.slice(3), ...FIGURE_7_LEADER.slice(3)]).size;
    assert.ok(rejections.length <= terms + 1, `${rejections.length} probes`);
  });
}

test("5.3: the leader finds where the logs part with one probe a term, not one an entry", () => {
  const shared = [1, 1];
  const lab = new Lab(3, {}, [
    { term: 9, log: [...shared, ...Array<number>(100).fill(2), ...Array<number>(100).fill(5)] },
    { term: 9, log: [...shared, ...Array<number>(150).fill(3), ...Array<number>(20).fill(4)] },
    {},
  ]);
  lab.elect(1);
  assert.deepEqual(lab.seat(2).logTerms, lab.seat(1).logTerms);
  const rejections = lab.sent.filter(({ from, reject }) => from === 2n && reject);
  assert.ok(rejections.length <= 5, `${rejections.length} probes`);
});

test("5.3: the leader retries until all followers store all entries", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(3);
  for (let at = 0; at < 5; at += 1) lab.seat(1).node.propose(DATA);
  lab.settle();
  lab.tick(5);
  assert.equal(lab.seat(3).storage.lastIndex(), 1);
  lab.heal();
  lab.tick(3);
  assert.deepEqual(lab.seat(3).logTerms, lab.seat(1).logTerms);
  assert.deepEqual(lab.seat(3).applied, lab.seat(1).applied);
});

test("5.3: a leader never overwrites or deletes entries of its log", () => {
  const seat = leaderOf(3);
  seat.node.propose(DATA);
  seat.work();
  seat.receive(MessageType.app, 2n, { index: 0, logTerm: 0, entries: [entry(1, 1), entry(1, 2)] });
  seat.receive(MessageType.snap, 2n);
  seat.work();
  assert.deepEqual(seat.logTerms, [1, 1]);
  assert.equal(seat.node.core.state, StateType.leader);
});

test("5.4.2: only entries of the leader's own term are committed by counting", () => {
  for (const [index, commit] of [
    [1, 0],
    [2, 0],
    [3, 3],
  ] as const) {
    const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 2] });
    seat.node.campaign();
    seat.work();
    seat.receive(MessageType.voteResp, 2n);
    seat.work();
    seat.receive(MessageType.appResp, 2n, { index });
    assert.equal(seat.node.status().commit, commit, `up to ${index}`);
  }
});

test("5.4.2: figure 8: an entry of an earlier term on a majority is not committed by that", () => {
  const lab = new Lab(5, {}, [
    { term: 3, log: [1, 2] },
    { term: 3, log: [1, 2] },
    { term: 3, log: [1] },
    { term: 3, log: [1] },
    { term: 3, log: [1, 3] },
  ]);
  // (c): S1 leads again and replicates the entry of term 2 to S3, but nothing of its own term.
  lab.partition([1, 2, 3], [4], [5]);
  const cut = lab.isLost;
  lab.isLost = (message) => cut(message) || message.entries.some(isOfTerm4);
  lab.elect(1);
  lab.tick(2);
  assert.equal(lab.seat(1).node.core.term, 4);
  assert.equal(lab.seat(1).node.status().commit, 0);
  // (d): S5 may still win, and overwrite it.
  lab.heal();
  lab.isolate(1);
  lab.seat(5).receive(MessageType.heartbeat, 1n, { term: 4 });
  lab.elect(5);
  assert.equal(lab.seat(5).node.core.state, StateType.leader);
  assert.deepEqual(lab.seat(3).logTerms, [1, 3, 5]);
});

function isOfTerm4({ term }: { readonly term: number }): boolean {
  return term === 4;
}

test("5.5: requests are idempotent: repeated appends and votes change nothing", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.seat(1).node.propose(DATA);
  lab.settle();
  const before = lab.seats.map(({ logTerms, node }) => [logTerms, node.status().commit]);
  for (const message of [...lab.sent]) {
    lab.seats[Number(message.to) - 1]!.node.step(message);
    lab.settle();
  }
  const after = lab.seats.map(({ logTerms, node }) => [logTerms, node.status().commit]);
  assert.deepEqual(after, before);
  assert.equal(lab.seat(1).node.core.state, StateType.leader);
});

test("5.5: a refusal that comes late, after later entries were accepted, changes nothing", () => {
  const seat = leaderOf(3);
  for (let at = 0; at < 4; at += 1) seat.node.propose(DATA);
  seat.work();
  seat.receive(MessageType.appResp, 2n, { index: 5 });
  const peer = seat.node.status().progress.get(2n)!;
  seat.receive(MessageType.appResp, 2n, { index: 3, reject: true, rejectHint: 0 });
  assert.deepEqual([peer.match, peer.next, peer.state], [5, 6, ProgressState.replicate]);
});

test("5.5: a server that crashed catches up after its restart", () => {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(2);
  lab.seat(1).node.propose(DATA);
  lab.settle();
  lab.seat(2).restart();
  lab.heal();
  lab.tick(3);
  assert.deepEqual(lab.seat(2).applied, lab.seat(1).applied);
});
