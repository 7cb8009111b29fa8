import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "./explore.ts";
import { WORLDS } from "./worlds.ts";

const STATES_MIN = 1_000_000;

test("no state of the small worlds breaks a safety property", () => {
  let states = 0;
  for (const [name, bounds] of Object.entries(WORLDS)) {
    const { violation, ...found } = explore(bounds);
    console.log(`${name}: ${JSON.stringify(found)}`);
    assert.equal(
      violation,
      null,
      violation === null ? "" : `${name}: ${violation.text}\n${violation.trace.join("\n  -> ")}`,
    );
    states += found.states;
  }
  assert.ok(states >= STATES_MIN, `${states} states`);
});
