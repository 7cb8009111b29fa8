import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Inflights } from "./inflights.ts";

test("the window is a list with limits, however often it wraps around", () => {
  const steps = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 30 })), { maxLength: 300 });
  const limits = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.constantFrom(0, 0, 50, 200));
  fc.assert(
    fc.property(limits, steps, ([countMax, bytesMax], picks) => {
      const window = new Inflights(countMax, bytesMax);
      let twin: { index: number; bytes: number }[] = [];
      let last = 0;
      for (const [what, amount] of picks) {
        if (what < 6 && !window.isFull) {
          last += 1 + (amount % 3);
          window.add(last, amount);
          twin.push({ index: last, bytes: amount });
        } else if (what < 9) {
          // Few of them, so that the ring grows in the midst of a round.
          const upTo = (twin[0]?.index ?? last) + (amount % 4) - 1;
          window.freeTo(upTo);
          twin = twin.filter(({ index }) => index > upTo);
        } else if (amount === 0) {
          window.reset();
          twin = [];
        }
        const bytes = twin.reduce((sum, each) => sum + each.bytes, 0);
        assert.equal(window.count, twin.length);
        assert.equal(
          window.isFull,
          twin.length === countMax || (bytesMax > 0 && bytes >= bytesMax),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test("a window is full at its limit, of messages or of bytes, and takes nothing more", () => {
  const one = new Inflights(1, 0);
  one.add(5, 10);
  assert.throws(() => one.add(6, 10), /cannot add into a Full inflights/);
  const bytes = new Inflights(9, 20);
  bytes.add(5, 10);
  assert.equal(bytes.isFull, false);
  bytes.add(6, 10);
  assert.equal(bytes.isFull, true);
});
