import assert from "node:assert/strict";
import { test } from "node:test";
import { type FaultRound, runFaultRound } from "./power/fault-round.ts";

/** Writing calls of a start, its load and its close, roughly. */
const CALLS = 90;
const WHOLE: FaultRound["fault"] = { code: "EIO", after: Number.MAX_SAFE_INTEGER };

function check(round: FaultRound): number {
  const { problems, hits } = runFaultRound(round);
  assert.deepEqual(problems, [], JSON.stringify(round));
  return hits;
}

test("whichever disk call fails, nothing acknowledged is lost", () => {
  let hits = 0;
  for (let after = 0; after < CALLS; after += 1) {
    const code = ["EIO", "ENOSPC", "EROFS"][after % 3]!;
    const mode = after % 2 === 0 ? "power" : "kill";
    const round = { seed: after, acks: 40, mode, closeSteps: Number.POSITIVE_INFINITY } as const;
    hits += check({ ...round, fault: { after, code } });
  }
  assert.ok(hits > CALLS / 2, `${hits} processes met the fault`);
});

test("a disk full or read-only for good loses nothing either", () => {
  for (let after = 0; after < CALLS; after += 4) {
    const code = after % 8 === 0 ? "ENOSPC" : "EROFS";
    const fault = { after, code, times: Number.POSITIVE_INFINITY };
    check({
      seed: after,
      acks: 40,
      mode: "power",
      closeSteps: Number.POSITIVE_INFINITY,
      fault,
    });
  }
});

test("what cannot be opened, read or locked is a typed error", () => {
  for (const op of ["open", "read", "lock", "mkdir", "rename", "syncDir", "unlink"] as const) {
    for (let after = 0; after < 6; after += 1) {
      const fault = { op, after, code: "EIO" };
      check({
        seed: after,
        acks: 30,
        mode: "power",
        closeSteps: Number.POSITIVE_INFINITY,
        fault,
      });
    }
  }
});

test("a process killed at any step of its close loses nothing", () => {
  for (let closeSteps = 0; closeSteps < 40; closeSteps += 1) {
    check({ seed: closeSteps, acks: 40, mode: "power", closeSteps, fault: WHOLE });
  }
});

test("a process killed again and again while it starts finds its way", () => {
  for (let closeSteps = 0; closeSteps < 30; closeSteps += 1) {
    check({ seed: closeSteps, acks: 0, mode: "power", closeSteps, fault: WHOLE });
  }
});
