import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "./explore.ts";
import { WORLDS } from "./worlds.ts";

test("a world without anything that happens has one state", () => {
  const bounds = { ...WORLDS["elections"]!, terms: 0 };
  const { states, isComplete } = explore(bounds);
  assert.deepEqual([states, isComplete], [1, true]);
});

test("the same world is the same states in every run", () => {
  const bounds = { ...WORLDS["a new leader"]!, statesMax: 5_000 };
  assert.deepEqual(explore(bounds), explore(bounds));
});
