import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Heap } from "./heap.ts";
import { Prng } from "./prng.ts";
import { Queue } from "./queue.ts";

/** undefined pops, a number pushes. */
const script = fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 200 });

test("heap pops the least, like a sorted array", () => {
  fc.assert(
    fc.property(script, (steps) => {
      const heap = new Heap<number>((a, b) => a - b);
      const twin: number[] = [];
      for (const step of steps) {
        if (step !== undefined) {
          heap.push(step);
          twin.push(step);
          twin.sort((a, b) => a - b);
        } else assert.equal(heap.pop(), twin.shift());
        assert.equal(heap.size, twin.length);
        assert.equal(heap.peek(), twin[0]);
      }
    }),
  );
});

test("queue keeps the order, like an array", () => {
  fc.assert(
    fc.property(script, (steps) => {
      const queue = new Queue<number>();
      const twin: number[] = [];
      for (const step of steps) {
        if (step !== undefined) {
          queue.push(step);
          twin.push(step);
        } else assert.equal(queue.shift(), twin.shift());
        assert.equal(queue.size, twin.length);
        assert.equal(queue.peek(), twin[0]);
      }
    }),
  );
});

test("prng repeats by seed, differs between seeds, and is spread evenly", () => {
  const take = (seed: number): number[] => {
    const prng = new Prng(seed);
    return Array.from({ length: 8 }, () => prng.uint32());
  };
  assert.deepEqual(take(7), take(7));
  assert.notDeepEqual(take(7), take(8));
  assert.notDeepEqual(take(7), take(7 + 2 ** 32));
  const counts = new Array<number>(10).fill(0);
  const prng = new Prng(1);
  for (let i = 0; i < 10_000; i++) counts[prng.below(10)]++;
  for (const count of counts) assert.ok(count > 850 && count < 1150, counts.join(" "));
  for (let i = 0; i < 100; i++) {
    const n = prng.between(3, 5);
    assert.ok(n >= 3 && n <= 5);
  }
});
