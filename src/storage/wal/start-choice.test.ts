import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { pausesOf } from "../../base/testing/pauses-of.ts";
import { entryOf, LogRig } from "../../sim/world/log-rig.ts";
import { openingWal, openWal, validSnapshots, WalError, type WalStart } from "./wal.ts";

const SEED = 11;
const LOGS = 40;
const SEGMENT_BYTES = 4096;
const CONF = {
  voters: [1n],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** A log with snapshots here and there, some of them ahead of the commit index. */
function randomLog(prng: Prng): { rig: LogRig; last: number } {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT_BYTES } });
  const last = 20 + prng.below(150);
  const snapshotsEvery = 3 + prng.below(120);
  for (let i = 1; i <= last; i++) {
    // Only the tail may be without a commit.
    const commit = prng.below(8) === 0 ? Math.max(0, i - 1 - prng.below(5)) : i - 1;
    rig.saveNow({ term: 1, vote: 0n, commit }, [entryOf(i, 1, 20 + prng.below(400))]);
    if (prng.below(snapshotsEvery) !== 0) continue;
    const index = Math.max(1, i - prng.below(30));
    rig.wal.saveSnapshot({ index, term: 1, confState: CONF });
  }
  rig.close();
  return { rig, last };
}

test(`a start that is chosen is that of the newest valid snapshot (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  for (let log = 0; log < LOGS; log++) {
    const { rig, last } = randomLog(prng);
    const newest = validSnapshots(rig).at(-1)!;
    const whole = rig.open(newest);
    rig.close();
    for (let turn = 0; turn < 4; turn++) {
      const appliedIndex = newest.index + prng.below(last - newest.index + 3);
      const opened = openWal(rig.walOptions(), {
        appliedIndex,
        choose: (found) => {
          assert.deepEqual(found, newest);
          return newest;
        },
      });
      rig.wal = opened.wal;
      assert.deepEqual(opened.start, newest);
      assert.deepEqual(opened.hardState, whole.hardState);
      assert.equal(opened.lastEntryIndex, whole.lastEntryIndex);
      assert.equal(opened.snapshotFound, true);
      const wanted = whole.entries.filter(({ index }) => index > appliedIndex);
      assert.deepEqual(opened.entries, wanted, `log ${log}, applied ${appliedIndex}`);
      rig.close();
    }
  }
});

function openApplied(rig: LogRig, appliedIndex: number): WalStart {
  const choice = { appliedIndex, choose: (newest: WalStart | undefined) => newest! };
  const opened = openWal(rig.walOptions(), choice);
  rig.wal = opened.wal;
  rig.close();
  return opened.start;
}

test("where it is chosen: entries between start and what is applied must be there", () => {
  const rig = new LogRig();
  for (let i = 1; i <= 5; i++) rig.saveNow(null, [entryOf(i, 1, 9)]);
  rig.saveNow({ term: 1, vote: 0n, commit: 9 }, [entryOf(8, 1, 9), entryOf(9, 1, 9)]);
  rig.close();
  const isGap = (error: unknown) => error instanceof WalError && error.code === "entry-gap";
  assert.throws(() => openApplied(rig, 9), isGap);
  const again = new LogRig();
  for (let i = 1; i <= 5; i++) again.saveNow(null, [entryOf(i, 1, 9)]);
  // As a leader sends it to a follower that was away.
  again.wal.saveSnapshot({ index: 7, term: 1, confState: CONF });
  again.saveNow({ term: 1, vote: 0n, commit: 9 }, [entryOf(8, 1, 9), entryOf(9, 1, 9)]);
  again.close();
  assert.equal(openApplied(again, 9).index, 7);
});

test("where it is chosen: damage is seen also in segments that nobody needs any more", () => {
  const rig = new LogRig({ wal: { segmentBytes: SEGMENT_BYTES } });
  for (let i = 1; i <= 60; i++) {
    rig.saveNow({ term: 1, vote: 0n, commit: i - 1 }, [entryOf(i, 1, 300)]);
    if (i % 10 === 0) rig.wal.saveSnapshot({ index: i - 1, term: 1, confState: CONF });
  }
  rig.close();
  const names = rig.disk.listSync(rig.dir).filter((name) => name.endsWith(".wal"));
  assert.ok(names.length > 3);
  assert.equal(openApplied(rig, 60).index, 59);
  rig.disk.flip(`${rig.dir}/${names[0]}`, 1000, 1);
  for (const applied of [60, 1]) assert.throws(() => openApplied(rig, applied), WalError);
  rig.disk.flip(`${rig.dir}/${names[0]}`, 1000, 1);
  assert.equal(openApplied(rig, 60).index, 59);
  rig.disk.unlinkSync(`${rig.dir}/${names[1]}`);
  const isHole = (error: unknown) => error instanceof WalError && error.code === "file-gap";
  assert.throws(() => openApplied(rig, 60), isHole);
});

test("reading a log pauses now and then", () => {
  const rig = new LogRig();
  for (let i = 1; i <= 40; i++) rig.saveNow(null, [entryOf(i, 1, 100_000)]);
  rig.close();
  const pauses = pausesOf(openingWal(rig.walOptions(), { index: 0, term: 0 }));
  assert.ok(pauses >= 12, `${pauses} pauses in 4 MB`);
});
