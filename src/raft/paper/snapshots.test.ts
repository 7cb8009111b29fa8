// Raft paper (extended version), section 7: log compaction.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageType } from "../message.ts";
import { ProgressState } from "../tracker/progress.ts";
import { Lab } from "../testing/lab.ts";
import { Seat } from "../testing/seat.ts";
import type { ConfState, Snapshot } from "../types.ts";

const VOTERS = [1n, 2n, 3n];
const DATA = new Uint8Array([7]);

function confStateOf(voters: readonly bigint[]): ConfState {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
}

function snapshotOf(index: number, term: number, voters: readonly bigint[] = VOTERS): Snapshot {
  return { data: DATA, metadata: { confState: confStateOf(voters), index, term } };
}

/** Member 1 leads; member 3 missed entries that the leader has compacted away. */
function compactedLab(): Lab {
  const lab = new Lab(3);
  lab.elect(1);
  lab.isolate(3);
  for (let at = 0; at < 10; at += 1) lab.seat(1).node.propose(DATA);
  lab.settle();
  const { storage } = lab.seat(1);
  storage.createSnapshot(9, confStateOf(VOTERS), DATA);
  storage.compact(9);
  return lab;
}

test("7: the leader sends a snapshot when it has discarded the next entry to send", () => {
  const lab = compactedLab();
  lab.heal();
  lab.tick(2);
  const snapshots = lab.sent.filter(({ type }) => type === MessageType.snap);
  assert.equal(snapshots.length, 1);
  assert.deepEqual(snapshots[0]!.snapshot!.metadata.index, 9);
  assert.deepEqual(lab.seat(3).logTerms, [1, 1], "the entries after it follow");
  assert.equal(lab.seat(3).node.status().commit, 11);
  const peer = lab.seat(1).node.status().progress.get(3n)!;
  assert.equal(peer.state, ProgressState.replicate);
});

test("7: it is not sent to a member that was silent since the leader came to power", () => {
  const lab = compactedLab();
  lab.seat(1).node.core.tracker.progress(3n)!.recentActive = false;
  lab.seat(1).node.reportUnreachable(3n);
  lab.heal();
  lab.seat(1).node.propose(DATA);
  lab.settle();
  assert.ok(lab.sent.every(({ type }) => type !== MessageType.snap));
});

test("7: while it is under way nothing else is sent; a report of failure tries again", () => {
  const lab = compactedLab();
  const { node } = lab.seat(1);
  lab.isLost = ({ type, to }) => to === 3n && type === MessageType.snap;
  lab.tick(2);
  const peer = node.status().progress.get(3n)!;
  assert.equal(peer.state, ProgressState.snapshot);
  const before = lab.sent.length;
  node.propose(DATA);
  lab.settle();
  const appends = lab.sent.slice(before).filter(({ type, to }) => {
    return to === 3n && type === MessageType.app;
  });
  assert.equal(appends.length, 0);
  node.reportSnapshot(3n, false);
  assert.equal(peer.state, ProgressState.probe);
  assert.equal(peer.next, 2, "from where it was known to be");
  lab.heal();
  lab.tick(2);
  assert.deepEqual(lab.seat(3).node.status().commit, 12);
});

test("7: a report of success goes on behind the snapshot, when the member is heard of", () => {
  const lab = compactedLab();
  const { node } = lab.seat(1);
  lab.isLost = ({ type, to }) => to === 3n && type === MessageType.snap;
  lab.tick(2);
  node.reportSnapshot(3n, true);
  const peer = node.status().progress.get(3n)!;
  assert.deepEqual([peer.state, peer.next, peer.isPaused], [ProgressState.probe, 10, true]);
});

test("7: a snapshot of what is not in the log replaces the entire log", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 1, 1] });
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(7, 2, [1n, 2n, 4n]) });
  assert.equal(seat.node.hasReady(), true);
  const sent = seat.work();
  assert.deepEqual([seat.storage.firstIndex(), seat.storage.lastIndex()], [8, 7]);
  assert.equal(String(seat.node.status().config.voters), "(1 2 4)");
  assert.deepEqual(
    sent.map(({ type, index }) => [type, index]),
    [[MessageType.appResp, 7]],
  );
  assert.equal(seat.node.status().applied, 7);
});

test("7: of a snapshot of a prefix of the log the entries that follow are retained", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 1, 2, 2] });
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(3, 2) });
  seat.work();
  assert.deepEqual(seat.logTerms, [1, 1, 2, 2]);
  assert.equal(seat.node.status().commit, 3);
});

test("7: a snapshot not newer than what is committed is answered, and ignored", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2, log: [1, 1, 2], commit: 3 });
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(2, 1, [2n]) });
  const [answer] = seat.work();
  assert.deepEqual([answer!.index, answer!.reject], [3, false]);
  assert.equal(String(seat.node.status().config.voters), "(1 2 3)");
});

test("7: a snapshot of what is compacted long since does not take the state back", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2 });
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(7, 2) });
  seat.work();
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(3, 1) });
  seat.work();
  assert.equal(seat.storage.lastIndex(), 7);
  assert.equal(seat.node.status().commit, 7);
});

test("a snapshot whose configuration lacks the receiver is ignored", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2 });
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(7, 2, [2n, 3n]) });
  seat.work();
  assert.equal(seat.storage.lastIndex(), 0);
});

test("a member does not campaign while a snapshot waits to be persisted", () => {
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2 });
  seat.receive(MessageType.snap, 2n, { snapshot: snapshotOf(7, 2) });
  seat.tick(100);
  seat.node.campaign();
  assert.equal(seat.node.core.term, 2);
  seat.work();
  seat.node.campaign();
  assert.equal(seat.node.core.term, 3);
});

test("a configuration within a joint phase comes back from a snapshot as it was", () => {
  const confState: ConfState = {
    voters: [1n, 2n, 4n],
    learners: [5n],
    votersOutgoing: [1n, 2n, 3n],
    learnersNext: [3n],
    autoLeave: true,
  };
  const seat = new Seat({ id: 1n, voters: VOTERS, term: 2 });
  const snapshot = { data: DATA, metadata: { confState, index: 7, term: 2 } };
  seat.receive(MessageType.snap, 2n, { snapshot });
  seat.work();
  seat.restart();
  const { voters, learners, learnersNext, autoLeave } = seat.node.status().config;
  assert.equal(String(voters), "(1 2 4)&&(1 2 3)");
  assert.deepEqual([learners, learnersNext, autoLeave], [[5n], [3n], true]);
});
