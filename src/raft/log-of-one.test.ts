import assert from "node:assert/strict";
import { test } from "node:test";
import { LogOfOne } from "./log-of-one.ts";
import { type Entry, EntryType } from "./types.ts";

const DATA = new Uint8Array([1, 2, 3]);

function newNode(overrides: Partial<ConstructorParameters<typeof LogOfOne>[0]> = {}): LogOfOne {
  return new LogOfOne({
    id: 7n,
    hardState: { term: 0, vote: 0n, commit: 0 },
    entries: [],
    appliedIndex: 0,
    unappliedBytesMax: 10,
    ...overrides,
  });
}

/** Elects and commits the term's empty entry. */
function elect(node: LogOfOne): void {
  node.tick();
  node.ready();
  node.appended(node.lastIndex, node.term);
  node.ready();
  node.appended(node.lastIndex, node.term);
  const { committed } = node.ready();
  node.applied(node.commitIndex, bytesOf(committed));
}

function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.data.length, 0);
}

test("a vote for oneself counts only once it is durable", () => {
  const node = newNode();
  node.tick();
  const ready = node.ready();
  assert.deepEqual(ready.hardState, { term: 1, vote: 7n, commit: 0 });
  assert.equal(ready.mustSync, true);
  assert.equal(node.leader, 0n);
  assert.equal(node.propose(DATA), "no leader");
  node.appended(0, 1);
  assert.equal(node.leader, 7n);
});

test("an entry is handed out for apply only after its durability was reported", () => {
  const node = newNode();
  elect(node);
  assert.equal(node.propose(DATA), null);
  const first = node.ready();
  assert.deepEqual(
    first.entries.map((entry) => entry.index),
    [2],
  );
  assert.equal(first.committed.length, 0);
  assert.equal(node.hasReady(), false, "nothing is handed out twice");
  node.appended(2, 1);
  assert.deepEqual(
    node.ready().committed.map((entry) => entry.index),
    [2],
  );
});

test("an acknowledgement of an older term is ignored", () => {
  const node = newNode({ hardState: { term: 4, vote: 7n, commit: 0 } });
  node.tick();
  node.ready();
  node.appended(0, 4);
  assert.equal(node.leader, 0n);
});

test("reads wait for a commit of the own term and for apply", () => {
  const node = newNode();
  node.tick();
  node.ready();
  node.appended(0, 1);
  assert.equal(node.readNow(), false);
  assert.equal(node.readIndex(1), false);
  node.ready();
  node.appended(1, 1);
  assert.equal(node.readIndex(2), true);
  assert.equal(node.readNow(), false, "committed and not applied");
  const ready = node.ready();
  assert.deepEqual(ready.readStates, [{ context: 2, index: 1 }]);
  node.applied(1, 0);
  assert.equal(node.readNow(), true);
  node.propose(new Uint8Array(8));
  node.ready();
  node.appended(2, 1);
  assert.equal(node.commitIndex, 2);
  assert.equal(node.readNow(), true, "what is not applied was not acknowledged to anybody");
});

test("proposals beyond the byte limit are refused until some were applied", () => {
  const node = newNode();
  elect(node);
  assert.equal(node.propose(new Uint8Array(8)), null);
  assert.equal(node.propose(new Uint8Array(8)), "uncommitted limit");
  node.ready();
  node.appended(2, 1);
  node.ready();
  node.applied(2, 8);
  assert.equal(node.propose(new Uint8Array(8)), null);
});

test("one proposal above the limit passes when it is alone", () => {
  const node = newNode();
  elect(node);
  assert.equal(node.propose(new Uint8Array(100)), null);
});

test("a restart delivers the log again, then commits what was only durable", () => {
  const entries: Entry[] = [1, 2, 3].map((index) => ({
    type: EntryType.normal,
    term: 1,
    index,
    data: DATA,
  }));
  const node = newNode({ hardState: { term: 1, vote: 7n, commit: 2 }, entries });
  assert.deepEqual(
    node.ready().committed.map((entry) => entry.index),
    [1, 2],
  );
  node.applied(2, 6);
  elect(node);
  assert.equal(node.term, 2);
  assert.equal(node.commitIndex, 4);
  assert.equal(node.appliedIndex, 4);
});

test("a commit index alone does not ask for a sync", () => {
  const node = newNode();
  node.tick();
  node.ready();
  node.appended(0, 1);
  node.ready();
  node.appended(1, 1);
  const ready = node.ready();
  assert.equal(ready.hardState?.commit, 1);
  assert.equal(ready.mustSync, false);
});

test("durability of one batch commits nothing of the batch behind it", () => {
  const node = newNode();
  elect(node);
  node.propose(DATA);
  node.ready();
  node.propose(DATA);
  assert.equal(node.ready().entries.length, 1, "the second batch is with the disk");
  node.appended(2, 1);
  assert.deepEqual(
    node.ready().committed.map((entry) => entry.index),
    [2],
  );
  node.appended(3, 1);
  assert.deepEqual(
    node.ready().committed.map((entry) => entry.index),
    [3],
  );
});
