import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { History } from "./history.ts";
import type { ChangePlace } from "./history.ts";
import { packVersionHigh, TWO_32, unpackVersion } from "./records.ts";

const change = (main: number) => ({
  main,
  create: main - 1,
  versionLow: main % 1000,
  versionHigh: 0,
  sub: main % 7,
  size: main + 5,
});

test("a chain agrees with an array through pushes, searches and cuts", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const prng = new Prng(seed);
    const history = new History();
    let head = 0;
    let twin: number[] = [];
    let main = 0;
    const place: ChangePlace = { block: 0, at: 0 };
    for (let step = 0; step < 1500; step++) {
      if (prng.below(100) > 0) {
        main += 1 + prng.below(3);
        head = history.push(head, change(main));
        twin.push(main);
      } else {
        const revision = prng.below(main + 2);
        const isFound = history.findAt(head, revision, place);
        const inclusive = prng.below(2) === 0;
        const newest = twin.findLast((m) => m <= revision);
        assert.equal(isFound, newest !== undefined);
        if (newest !== undefined) {
          head = history.cut(head, place, inclusive);
          twin = twin.filter((m) => (inclusive ? m > newest : m >= newest));
        }
      }
      const probe = prng.below(main + 3);
      assert.equal(history.has(head, probe, probe % 7), twin.includes(probe), `seed ${seed}`);
      assert.equal(history.has(head, probe, 8), false);
      const expected = twin.findLast((m) => m <= probe);
      assert.equal(history.findAt(head, probe, place), expected !== undefined, `seed ${seed}`);
      if (expected === undefined) continue;
      assert.equal(history.main(place.block, place.at), expected);
      assert.equal(history.create(place.block, place.at), expected - 1);
      assert.equal(history.version(place.block, place.at), expected % 1000);
      assert.equal(history.size(place.block, place.at), expected + 5);
    }
    assert.equal(history.length(head), twin.length);
    assert.equal(history.inUseBytes, twin.length * 32);
    history.dropAll(head);
    assert.equal(history.inUseBytes, 0);
  }
});

test("a million changes of one key are searched and cut in blocks", () => {
  const history = new History();
  let head = 0;
  for (let main = 1; main <= 1_000_000; main++) head = history.push(head, change(main));
  assert.ok(history.blocks(head) < 4_000, "a search walks blocks, not changes");
  const place: ChangePlace = { block: 0, at: 0 };
  assert.ok(history.findAt(head, 500_000, place));
  head = history.cut(head, place, false);
  assert.equal(history.length(head), 500_001);
  assert.ok(history.has(head, 500_000, 500_000 % 7));
  assert.equal(history.has(head, 499_999, 499_999 % 7), false);
});

test("versions above 2^32 are exact, beside the flags", () => {
  for (const version of [0, 1, TWO_32 - 1, TWO_32, TWO_32 * 12345 + 678, 2 ** 53 - 1]) {
    for (const flags of [0, 1, 2, 3]) {
      const high = packVersionHigh(version, flags);
      assert.equal(unpackVersion(version % TWO_32, high), version);
      assert.equal(high & 3, flags);
    }
  }
});
