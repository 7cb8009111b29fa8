import assert from "node:assert/strict";
import { test } from "node:test";
import { copyOf, copyOfSpan } from "./span.ts";

test("a copy is one, of whatever kind the bytes are", () => {
  for (const bytes of [Uint8Array.of(1, 2, 3, 4), Buffer.from([1, 2, 3, 4])]) {
    const copies = [copyOf(bytes), copyOf(bytes, 1), copyOfSpan({ bytes, start: 1, end: 3 })];
    bytes.fill(9);
    assert.deepEqual(
      copies.map((copy) => [...copy]),
      [
        [1, 2, 3, 4],
        [2, 3, 4],
        [2, 3],
      ],
    );
  }
});
