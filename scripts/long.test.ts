import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLongArgs } from "./long.ts";

test("suite, seed, size and the rest are taken apart", () => {
  assert.deepEqual(parseLongArgs(["kill", "--seed", "7", "--size=ci", "--rounds", "3"]), {
    suite: "kill",
    options: { seed: 7, size: "ci", args: ["--rounds", "3"] },
  });
});

test("without a seed one is drawn; the size is full", () => {
  const parsed = parseLongArgs(["kill"]);
  assert.ok("options" in parsed && Number.isInteger(parsed.options.seed));
  assert.equal(parsed.options.size, "full");
});

for (const [argv, message] of [
  [[], /which suite/],
  [["kill", "--seed", "x"], /--seed x: an integer/],
  [["kill", "--seed", "-1"], /an integer/],
  [["kill", "--seed"], /an integer/],
  [["kill", "--size", "big"], /ci or full/],
] as const) {
  test(`refused: ${argv.join(" ")}`, () => {
    const parsed = parseLongArgs(argv);
    assert.ok("error" in parsed);
    assert.match(parsed.error, message);
  });
}
