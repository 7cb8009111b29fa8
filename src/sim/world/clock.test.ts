import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "./clock.ts";

test("timers run by time, then by registration; deferred ones after what is due", () => {
  const clock = new VirtualClock(1000);
  const seen: string[] = [];
  const note = (text: string) => (): void => void seen.push(`${clock.monotonicMs()} ${text}`);
  clock.startTimer(5, note("c"));
  clock.startTimer(2, () => {
    note("a")();
    clock.defer(note("deferred"));
    clock.startTimer(0, note("at once"));
  });
  clock.startTimer(2, note("b"));
  const cancelled = clock.startTimer(3, note("never"));
  clock.cancelTimer(cancelled);
  clock.cancelTimer(99);
  assert.deepEqual(seen, []);
  assert.equal(clock.runUntilIdle(), 5);
  assert.deepEqual(seen, ["2 a", "2 b", "2 at once", "2 deferred", "5 c"]);
  assert.equal(clock.wallMs(), 1005);
  assert.equal(clock.waiting, 0);
});

test("runFor stops at its end, runUntil at its condition or limit", () => {
  const clock = new VirtualClock();
  let ticks = 0;
  const tick = (): void => {
    ticks++;
    clock.startTimer(10, tick);
  };
  clock.startTimer(10, tick);
  clock.runFor(35);
  assert.equal(ticks, 3);
  assert.equal(clock.monotonicMs(), 35);
  assert.equal(
    clock.runUntil(() => ticks === 5),
    true,
  );
  assert.equal(clock.monotonicMs(), 50);
  assert.equal(
    clock.runUntil(() => false, 25),
    false,
  );
  assert.equal(ticks, 7);
  clock.jumpWall(-1000);
  assert.equal(clock.monotonicMs(), 70);
  assert.throws(() => clock.runUntilIdle(100), /no end/);
});
