import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import { newKeyState } from "../types.ts";
import { bareKeyValueBytes, framedBytes } from "./framed-size.ts";
import { KeyIndex } from "./key-index.ts";
import { FLAG_TOMBSTONE } from "./records.ts";

const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const textOf = (b: Uint8Array): string => Buffer.from(b).toString("latin1");

/** Shapes of keys: what a node's shared prefix and inline heads must cope with. */
const SHAPES: Record<string, (n: number) => string> = {
  "dense numbers": (n) => `/registry/pods/ns-${n % 7}/pod-${n}`,
  "random bytes": (n) => String.fromCharCode(...hashBytes(n)),
  "zeros and prefixes": (n) =>
    "\0".repeat(n % 60) + (n % 3 === 0 ? "" : String.fromCharCode(n % 256)),
  "0xff": (n) => "\xff".repeat(n % 50) + String.fromCharCode(255 - (n % 9)),
  "long with a late difference": (n) => "k".repeat(300) + String(n % 4000).padStart(9, "0"),
  "one byte differs in the middle": (n) => `a${String.fromCharCode(n % 256)}zzzzzzzzzzzz`,
};

function hashBytes(n: number): number[] {
  const prng = new Prng(n);
  return Array.from({ length: 1 + (n % 17) }, () => prng.below(256));
}

interface Twin {
  alive: boolean;
  mod: number;
  version: number;
  create: number;
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`the index agrees with a sorted map: ${name}`, () => {
    for (const seed of [1, 2]) work(seed, shape, seed === 1 ? 0xffff_ffff : 3, 6000);
  });
}

/** Grows, shrinks by compaction, grows again; with `hashMask` 3 all keys share four hashes. */
function work(seed: number, shape: (n: number) => string, hashMask: number, steps: number): void {
  const prng = new Prng(seed);
  const index = new KeyIndex(seed, hashMask);
  const twin = new Map<string, Twin>();
  const universe = hashMask === 3 ? 900 : 5000;
  const life = { create: 0, version: 0 };
  let main = 1;
  for (let step = 0; step < steps; step++) {
    const key = shape(prng.below(universe)) || "-";
    const span = newSpan(latin(key));
    const isShrinking = step % 3000 > 1800;
    const old = twin.get(key);
    main += 1;
    if (prng.below(10) < (isShrinking ? 1 : 8)) {
      const record = index.findOrAdd(span);
      index.lifeOfNextPut(record, main, life);
      index.apply(record, { main, sub: 0, flags: 0, sizeBytes: key.length + (main % 999) }, life);
      const isNew = old === undefined || !old.alive;
      const create = isNew ? main : old.create;
      twin.set(key, { alive: true, mod: main, version: isNew ? 1 : old.version + 1, create });
    } else if (old?.alive === true) {
      const record = index.find(span);
      index.apply(record, { main, sub: 0, flags: FLAG_TOMBSTONE, sizeBytes: 5 }, life);
      twin.set(key, { alive: false, mod: main, version: 0, create: 0 });
    }
    if (step % 500 === 499) {
      for (let record = 1; record < index.records.top; record++) {
        if (index.records.keyLocation(record) !== 0) index.compact(record, main);
      }
      for (const [k, t] of twin) if (!t.alive && t.mod < main) twin.delete(k);
      index.reclaim(1 << 20);
      check(index, twin, main, `seed ${seed}, step ${step}`);
      checkSeeks(index, twin, prng, shape);
    }
  }
}

function check(index: KeyIndex, twin: Map<string, Twin>, main: number, message: string): void {
  const { tree, records } = index;
  const sorted = [...twin.keys()].sort();
  const span = newSpan();
  const place = { leaf: 0, at: 0 };
  const state = newKeyState();
  tree.seek(newSpan(), place);
  let leaf = 0;
  let sums = { live: 0, framed: 0, keys: 0 };
  const endLeaf = (): void => {
    if (leaf === 0) return;
    const { leaves } = tree;
    const actual = [leaves.live(leaf), leaves.framed(leaf), leaves.framedKeys(leaf)];
    assert.deepEqual(actual, [sums.live, sums.framed, sums.keys], `${message}: sums of a leaf`);
    sums = { live: 0, framed: 0, keys: 0 };
  };
  for (const key of sorted) {
    if (place.leaf !== leaf) endLeaf();
    leaf = place.leaf;
    const record = tree.leaves.slot(place.leaf, place.at);
    index.keyOf(record, span);
    assert.equal(textOf(copyOfSpan(span)), key, `${message}: order`);
    assert.equal(index.find(newSpan(latin(key))), record, `${message}: hash`);
    assert.equal(records.leaf(record), place.leaf);
    const expected = twin.get(key)!;
    assert.equal(index.stateAt(record, main, state), expected.alive, message);
    assert.ok(tree.leaves.maxMod(leaf) >= records.mod(record));
    if (expected.alive) {
      assert.deepEqual(
        [state.modRevision, state.createRevision, state.version],
        [expected.mod, expected.create, expected.version],
        message,
      );
      sums.live += 1;
      sums.framed += framedBytes(state.sizeBytes);
      const { createRevision, modRevision, version } = state;
      sums.keys += framedBytes(bareKeyValueBytes(key.length, createRevision, modRevision, version));
    }
    place.at += 1;
    tree.settle(place);
  }
  endLeaf();
  assert.equal(place.leaf, 0, `${message}: nothing behind the last key`);
  assert.equal(index.recordCount, sorted.length, message);
  assert.equal(index.liveCount, [...twin.values()].filter((t) => t.alive).length, message);
}

function checkSeeks(
  index: KeyIndex,
  twin: Map<string, Twin>,
  prng: Prng,
  shape: (n: number) => string,
): void {
  const sorted = [...twin.keys()].sort();
  const span = newSpan();
  const place = { leaf: 0, at: 0 };
  for (let i = 0; i < 100; i++) {
    let key = shape(prng.below(10_000));
    if (prng.below(3) === 0) key += "\0";
    if (prng.below(3) === 0) key = key.slice(0, prng.below(key.length + 1));
    index.tree.seek(newSpan(latin(key)), place);
    const expected = sorted.find((k) => k >= key);
    if (expected === undefined) {
      assert.equal(place.leaf, 0);
      continue;
    }
    index.keyOf(index.tree.leaves.slot(place.leaf, place.at), span);
    assert.equal(textOf(copyOfSpan(span)), expected, `seek ${JSON.stringify(key)}`);
  }
}

test("an emptied index gives its memory back, or to the next keys", () => {
  const index = new KeyIndex(1);
  const life = { create: 0, version: 0 };
  let main = 1;
  const fill = (from: number): void => {
    for (let i = from; i < from + 60_000; i++) {
      const record = index.findOrAdd(newSpan(latin(`key-${(i * 7919) % 1_000_003}-${i}`)));
      main += 1;
      index.lifeOfNextPut(record, main, life);
      index.apply(record, { main, sub: 0, flags: 0, sizeBytes: 100 }, life);
    }
  };
  const empty = (): void => {
    for (let record = 1; record < index.records.top; record++) {
      if (index.records.keyLocation(record) === 0) continue;
      main += 1;
      index.apply(record, { main, sub: 0, flags: FLAG_TOMBSTONE, sizeBytes: 9 }, life);
    }
    for (let record = 1; record < index.records.top; record++) {
      if (index.records.keyLocation(record) !== 0) index.compact(record, main + 1);
    }
    while (index.reclaim(1 << 20));
  };
  fill(0);
  const used = index.inUseBytes;
  empty();
  const held = index.capacityBytes;
  assert.equal(index.recordCount, 0);
  assert.ok(index.inUseBytes < used / 20, `in use ${index.inUseBytes} of ${used}`);
  for (let round = 1; round < 4; round++) {
    fill(round * 60_000);
    empty();
  }
  assert.ok(
    index.capacityBytes < held * 1.2,
    `held ${index.capacityBytes}, after the first round ${held}`,
  );
});

test("keys that are moved out of sparse memory are found, in order, under their records", () => {
  const index = new KeyIndex(1);
  const life = { create: 0, version: 0 };
  const name = (i: number): string => `${"long-".repeat(80)}${String((i * 7919) % 30_011)}`;
  const count = 30_000;
  for (let i = 0; i < count; i++) {
    const record = index.findOrAdd(newSpan(latin(name(i))));
    index.lifeOfNextPut(record, i + 2, life);
    index.apply(record, { main: i + 2, sub: 0, flags: 0, sizeBytes: 9 }, life);
  }
  for (let i = 0; i < count; i++) {
    if (i % 10 === 0) continue;
    const record = index.find(newSpan(latin(name(i))));
    const main = count + i + 2;
    index.apply(record, { main, sub: 0, flags: FLAG_TOMBSTONE, sizeBytes: 9 }, life);
    index.compact(record, main + 1);
  }
  const held = index.capacityBytes;
  while (index.reclaim(1 << 18));
  assert.ok(index.capacityBytes < held - 2 * 1048576, `held ${held}, then ${index.capacityBytes}`);
  const span = newSpan();
  const kept: string[] = [];
  for (let i = 0; i < count; i += 10) {
    kept.push(name(i));
    const record = index.find(newSpan(latin(name(i))));
    assert.ok(record > 0, `key ${i} lost`);
    index.keyOf(record, span);
    assert.equal(textOf(copyOfSpan(span)), name(i));
  }
  const place = { leaf: 0, at: 0 };
  index.tree.seek(newSpan(), place);
  for (const key of kept.sort()) {
    index.keyOf(index.tree.leaves.slot(place.leaf, place.at++), span);
    assert.equal(textOf(copyOfSpan(span)), key);
    index.tree.settle(place);
  }
  assert.equal(place.leaf, 0);
});
