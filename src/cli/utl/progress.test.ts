import assert from "node:assert/strict";
import { test } from "node:test";
import { Progress } from "./progress.ts";
import type { World } from "./world.ts";

/** What is shown of work of a hundred steps, one every 50 ms. */
function shown(isTerminal: boolean): string {
  let nowMs = 0;
  let text = "";
  const clock = { monotonicMs: () => nowMs };
  const err = (line: string): void => void (text += line);
  const progress = new Progress({ isTerminal, clock, err } as unknown as World);
  for (let step = 1; step <= 100; step++) {
    nowMs += 50;
    progress.show("copying", step, 100);
  }
  progress.end();
  progress.end();
  return text;
}

test("a line of a terminal is written over five times a second, and taken away at the end", () => {
  const lines = shown(true).split("\r\u001b[K").slice(1);
  assert.deepEqual(lines.slice(0, 2), ["copying: 4 %", "copying: 8 %"]);
  assert.equal(lines.length, 26);
  assert.equal(lines.at(-1), "");
});

test("nothing where there is no terminal", () => {
  assert.equal(shown(false), "");
});
