import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeClock } from "./clock.ts";
import { NodeRandom } from "./random.ts";

test("timers come in order, not early, never inside the call, and can be cancelled", async () => {
  const clock = new NodeClock();
  const seen: string[] = [];
  const startMs = clock.monotonicMs();
  await new Promise<void>((done) => {
    const cancelled = clock.startTimer(1, () => seen.push("cancelled"));
    clock.startTimer(6.5, () => {
      assert.ok(clock.monotonicMs() - startMs >= 6.5);
      seen.push("late");
      done();
    });
    clock.startTimer(0, () => seen.push("soon"));
    clock.cancelTimer(cancelled);
    clock.cancelTimer(12345);
    assert.deepEqual(seen, []);
  });
  assert.deepEqual(seen, ["soon", "late"]);
});

test("defer runs after the current turn, in order", async () => {
  const clock = new NodeClock();
  const seen: number[] = [];
  await new Promise<void>((done) => {
    clock.defer(() => seen.push(1));
    clock.defer(() => {
      seen.push(2);
      done();
    });
    assert.deepEqual(seen, []);
  });
  assert.deepEqual(seen, [1, 2]);
});

test("a closed clock calls nobody", async () => {
  const clock = new NodeClock();
  clock.startTimer(0, () => assert.fail("called"));
  clock.close();
  await new Promise<void>((done) => new NodeClock().startTimer(5, done));
});

test("random numbers differ and fill covers the target", () => {
  const random = new NodeRandom();
  const seen = new Set(Array.from({ length: 3000 }, () => random.uint32()));
  assert.ok(seen.size > 2990);
  const bytes = new Uint8Array(64);
  random.fill(bytes);
  assert.ok(bytes.some((b) => b !== 0));
});
