import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { SlicedSort } from "./sliced-sort.ts";

test("any count, in steps of any size, is sorted as Array.sort does it, ties included", () => {
  const prng = new Prng(11);
  for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000]) {
    const values = Array.from({ length: count }, () => prng.below(20));
    const compare = (x: number, y: number): number => values[x]! - values[y]!;
    const expected = Array.from(values.keys()).toSorted(compare);
    for (const moves of [1, 7, Number.POSITIVE_INFINITY]) {
      const sort = new SlicedSort(count, compare);
      let steps = 1;
      while (!sort.step(moves)) steps += 1;
      assert.deepEqual([...sort.order], expected, `${count} entries, ${moves} a step`);
      assert.ok(steps <= 1 + (count * Math.ceil(Math.log2(count + 1))) / moves);
    }
  }
});
