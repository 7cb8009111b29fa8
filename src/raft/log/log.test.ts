import assert from "node:assert/strict";
import { test } from "node:test";
import { entry } from "../testing/seat.ts";
import { EntryType, type Snapshot, UNLIMITED } from "../types.ts";
import { QUIET } from "../logger.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RaftLog } from "./raft-log.ts";
import { encodedBytes, endWithin } from "./sizes.ts";
import { StorageError, TERM_UNKNOWN } from "./storage.ts";

function snapshotOf(index: number, term: number): Snapshot {
  const confState = {
    voters: [1n],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { data: new Uint8Array(0), metadata: { confState, index, term } };
}

/** A log of `stored` terms behind a compacted prefix, then `unstable` terms. */
function logOf(compacted: number, stored: readonly number[], unstable: readonly number[]): RaftLog {
  const storage = new MemoryStorage();
  if (compacted > 0) storage.applySnapshot(snapshotOf(compacted, 1));
  storage.append(stored.map((term, at) => entry(term, compacted + at + 1)));
  const log = new RaftLog({ storage, logger: QUIET, applyingBytesMax: UNLIMITED });
  const first = compacted + stored.length + 1;
  log.append(unstable.map((term, at) => entry(term, first + at)));
  return log;
}

function termsOf(log: RaftLog): readonly number[] {
  return log.entriesFrom(log.firstIndex(), UNLIMITED)!.map(({ term }) => term);
}

test("encoded sizes are protobuf's", () => {
  assert.equal(encodedBytes(entry(1, 1)), 4);
  assert.equal(encodedBytes(entry(1, 300, new Uint8Array(200))), 2 + 3 + 3 + 200);
  assert.equal(encodedBytes({ ...entry(1, 1), type: EntryType.confChangeV2 }), 6);
});

test("a limit lets one entry through, and no further one beyond it", () => {
  const entries = [1, 2, 3].map((index) => entry(1, index));
  assert.equal(endWithin(entries, 0, 3, 0), 1);
  assert.equal(endWithin(entries, 0, 3, 7), 1);
  assert.equal(endWithin(entries, 0, 3, 8), 2);
  assert.equal(endWithin(entries, 1, 3, 8), 3);
  assert.equal(endWithin(entries, 2, 2, 8), 2);
});

test("terms are known from the compacted index to the last", () => {
  const log = logOf(5, [2, 2], [3]);
  assert.deepEqual(
    [4, 5, 6, 7, 8, 9].map((index) => log.term(index)),
    [TERM_UNKNOWN, 1, 2, 2, 3, TERM_UNKNOWN],
  );
  assert.deepEqual([log.firstIndex(), log.lastIndex(), log.lastTerm()], [6, 8, 3]);
});

test("a slice spans storage and what is unstable, within the limit", () => {
  const log = logOf(5, [2, 2], [3, 3]);
  assert.equal(log.slice(5, 7, UNLIMITED), null, "compacted");
  assert.deepEqual(
    [0, 4, 8, 12, UNLIMITED].map((max) => log.slice(6, 10, max)!.length),
    [1, 1, 2, 3, 4],
  );
  assert.throws(() => log.slice(6, 11, UNLIMITED), /out of bounds/);
});

test("appending before what is unstable replaces it, inside cuts, behind extends it", () => {
  for (const [from, terms] of [
    [4, [1, 1, 1, 9]],
    [3, [1, 1, 9]],
    [2, [1, 9]],
    [5, [1, 1, 1, 2, 9]],
    [6, [1, 1, 1, 2, 2, 9]],
  ] as const) {
    const log = logOf(0, [1, 1, 1], [2, 2]);
    log.append([entry(9, from)]);
    assert.deepEqual(termsOf(log), terms, `from ${from}`);
  }
  assert.throws(() => logOf(0, [1], []).append([entry(1, 3)]), /gap/);
});

test("entries cut off while they were written are handed out again", () => {
  const log = logOf(0, [1], [2, 2, 2]);
  log.unstable.acceptInProgress();
  assert.equal(log.unstable.hasNextEntries, false);
  log.append([entry(3, 3)]);
  assert.deepEqual(log.unstable.nextEntries(), [entry(3, 3)]);
  log.unstable.stableTo(4, 2);
  assert.equal(log.unstable.length, 2, "an acknowledgement of entries that are gone is ignored");
  log.unstable.stableTo(3, 3);
  assert.equal(log.unstable.length, 0);
});

test("the commit index never goes back, and not beyond the log", () => {
  const log = logOf(0, [1, 1, 1], []);
  log.commitTo(2);
  log.commitTo(1);
  assert.equal(log.committed, 2);
  assert.throws(() => log.commitTo(4), /Was the raft log corrupted, truncated, or lost/);
  assert.throws(() => log.append([entry(2, 2)]), /out of range/);
});

test("a snapshot replaces the log, and nothing is applied before it is stable", () => {
  const log = logOf(0, [1, 1], [1]);
  log.commitTo(3);
  log.restore(snapshotOf(9, 4));
  assert.deepEqual([log.firstIndex(), log.lastIndex(), log.lastTerm()], [10, 9, 4]);
  assert.equal(log.hasNextCommitted(true), false);
  log.unstable.acceptInProgress();
  assert.equal(log.unstable.nextSnapshot(), null);
  log.unstable.stableSnapshotTo(8);
  assert.notEqual(log.unstable.snapshot, null);
  log.unstable.stableSnapshotTo(9);
  assert.equal(log.unstable.snapshot, null);
});

test("the largest index with a term up to another one; unknown terms count", () => {
  const log = logOf(2, [3, 3, 5, 5], [6]);
  assert.deepEqual(
    [6, 5, 4, 3, 2].map((term) => log.lastIndexWithTermUpTo(7, term)),
    [7, 6, 4, 4, 2],
  );
  assert.equal(log.lastIndexWithTermUpTo(1, 1), 1);
  assert.equal(logOf(0, [3], []).lastIndexWithTermUpTo(1, 2), 0);
});

test("storage in memory: compaction, snapshots, and appends over what is there", () => {
  const storage = new MemoryStorage();
  assert.deepEqual([storage.firstIndex(), storage.lastIndex()], [1, 0]);
  storage.append([1, 2, 3, 4].map((index) => entry(1, index)));
  assert.equal(storage.compact(2), null);
  assert.equal(storage.compact(2), StorageError.compacted);
  assert.throws(() => storage.compact(9), /out of bound/);
  assert.deepEqual([storage.firstIndex(), storage.term(2), storage.term(1)], [3, 1, TERM_UNKNOWN]);
  assert.equal(storage.entries(2, 4, UNLIMITED), null);
  storage.append([entry(2, 2), entry(2, 3)]);
  assert.deepEqual(storage.entries(3, 4, UNLIMITED), [entry(2, 3)]);
  assert.throws(() => storage.append([entry(2, 6)]), /missing log entry/);
  assert.equal(storage.createSnapshot(3, null, new Uint8Array(1))!.metadata.term, 2);
  assert.equal(storage.createSnapshot(3, null, new Uint8Array(1)), null);
  assert.equal(storage.applySnapshot(snapshotOf(3, 2)), StorageError.snapshotOutOfDate);
  assert.equal(storage.applySnapshot(snapshotOf(8, 3)), null);
  assert.deepEqual([storage.firstIndex(), storage.lastIndex()], [9, 8]);
});
