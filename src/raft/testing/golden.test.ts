import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import {
  findGoldenFiles,
  GIVEN_GOLDEN_DIR,
  GIVEN_GOLDEN_FILES,
  SCENARIOS_DIR,
  SUITES,
} from "./golden-folders.ts";
import { describeMismatch, replay } from "./replay.ts";

const isGiven = existsSync(GIVEN_GOLDEN_DIR);
const given = findGoldenFiles(GIVEN_GOLDEN_DIR);
const ours = findGoldenFiles(SCENARIOS_DIR);

for (const [whose, files] of [
  ["given", given],
  ["ours", ours],
] as const) {
  for (const { name, suite, text } of files) {
    test(`${whose}: ${name} prints what was recorded`, () => {
      const { mismatch } = replay(text, SUITES[suite]!());
      assert.equal(mismatch === null ? "" : describeMismatch(mismatch), "");
    });
  }
}

test(
  "every recording that we were given is replayed",
  { skip: isGiven ? false : `${GIVEN_GOLDEN_DIR} is not there` },
  () => {
    assert.equal(given.length, GIVEN_GOLDEN_FILES);
  },
);
