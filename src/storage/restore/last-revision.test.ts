import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import type { BackendReader, ChangeId } from "../backend/backend.ts";
import { lastMain } from "./last-revision.ts";

const SEED = 20261122;

/** A reader whose `changes` walks a list. */
function readerOf(list: readonly ChangeId[]): BackendReader {
  let at = 0;
  const cursor = {
    ...{ main: 0, sub: 0, isTombstone: false },
    seek: (main: number, sub: number) => {
      at = list.findIndex((each) => each.main > main || (each.main === main && each.sub >= sub));
      if (at < 0) at = list.length;
    },
    next: () => {
      const found = list[at];
      if (found === undefined) return false;
      Object.assign(cursor, found);
      at += 1;
      return true;
    },
  };
  return { changes: () => cursor } as unknown as BackendReader;
}

test(`the last of any revisions is found (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  assert.equal(lastMain(readerOf([])), 0);
  for (let round = 0; round < 500; round++) {
    const list: ChangeId[] = [];
    let main = 0;
    for (let i = prng.below(12); i >= 0; i--) {
      main += 1 + (prng.chance(0.2) ? prng.below(2 ** 31) * 1000 : prng.below(4));
      for (let sub = 0; sub <= prng.below(3); sub++) {
        list.push({ main, sub, isTombstone: prng.chance(0.3) });
      }
    }
    assert.equal(lastMain(readerOf(list)), main);
  }
});
