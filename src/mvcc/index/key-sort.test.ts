import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { pausesOf } from "../../base/testing/pauses-of.ts";
import { newSpan } from "../../base/span.ts";
import { KeyIndex } from "./key-index.ts";
import { FLAG_TOMBSTONE } from "./records.ts";

const SEED = 5;
/** So many that the largest sets are parted before they are sorted. */
const KEYS = 20_000;

/** What makes sorting by bytes hard. */
const SHAPES: Record<string, (prng: Prng, n: number) => number[]> = {
  "dense numbers, a common beginning": (_, n) => [...Buffer.from(`/registry/pods/pod-${n}`)],
  "random bytes": (prng) => bytes(prng, 8 + prng.below(24), 256),
  "zeros at the end, keys that begin others": (prng) => bytes(prng, 1 + prng.below(30), 2),
  "long keys of few letters": (prng) => [...bytes(prng, 60, 1), ...bytes(prng, 20, 3)],
  "one letter, every length": (_, n) => bytes(null, 1 + (n % 300), 1, 0x61),
  "nothing but zeros": (_, n) => bytes(null, 1 + (n % 300), 1),
};

function bytes(prng: Prng | null, length: number, letters: number, first = 0): number[] {
  return Array.from({ length }, () => first + (prng === null ? 0 : prng.below(letters)));
}

function keysOf(index: KeyIndex): string[] {
  const place = { leaf: 0, at: 0 };
  const key = newSpan();
  const found: string[] = [];
  const { tree } = index;
  tree.seek(newSpan(), place);
  for (; place.leaf !== 0; place.at += 1, tree.settle(place)) {
    index.keyOf(tree.leaves.slot(place.leaf, place.at), key);
    found.push(Buffer.from(key.bytes.subarray(key.start, key.end)).toString("latin1"));
  }
  return found;
}

/** Of all leaves together: keys that are there, and their sizes. */
function sumsOf(index: KeyIndex): number[] {
  const { leaves } = index.tree;
  const place = { leaf: 0, at: 0 };
  index.tree.seek(newSpan(), place);
  let [live, framed, framedKeys, maxMod] = [0, 0, 0, 0];
  for (let leaf = place.leaf; leaf !== 0; leaf = leaves.next(leaf)) {
    live += leaves.live(leaf);
    framed += leaves.framed(leaf);
    framedKeys += leaves.framedKeys(leaf);
    maxMod = Math.max(maxMod, leaves.maxMod(leaf));
  }
  return [live, framed, framedKeys, maxMod];
}

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`an index loaded in bulk is the one that grew: ${name} (seed ${SEED})`, () => {
    const prng = new Prng(SEED);
    const grown = new KeyIndex(1);
    // So few hashes that many keys share one.
    const loaded = new KeyIndex(2, 0xffff);
    const load = loaded.startLoading();
    const life = { create: 0, version: 0 };
    for (let main = 1; main <= KEYS; main++) {
      const key = newSpan(Uint8Array.from(shape(prng, prng.below(KEYS))));
      const record = grown.findOrAdd(key);
      const isDead = prng.below(20) === 0;
      if (!isDead) grown.lifeOfNextPut(record, main, life);
      const change = { main, sub: 0, flags: isDead ? FLAG_TOMBSTONE : 0, sizeBytes: main % 999 };
      grown.apply(record, change, life);
      load.add(key, loaded.hashOf(key), change, life);
    }
    const pauses = pausesOf(load.finish());
    assert.ok(pauses >= loaded.recordCount / 200, `${pauses} pauses`);
    const keys = keysOf(grown);
    assert.deepEqual(keysOf(loaded), keys);
    assert.deepEqual(sumsOf(loaded), sumsOf(grown));
    assert.equal(loaded.liveCount, grown.liveCount);
    assert.equal(loaded.recordCount, grown.recordCount);
    goOn(loaded, keys);
  });
}

/** What was loaded takes keys between those that it has, and gives them up. */
function goOn(index: KeyIndex, keys: readonly string[]): void {
  const all = new Set(keys);
  const life = { create: 1, version: 1 };
  const change = { main: KEYS + 1, sub: 0, flags: FLAG_TOMBSTONE, sizeBytes: 1 };
  for (let i = 0; i < keys.length; i += 3) {
    for (const end of ["", "\x01", "\xff"]) {
      const key = newSpan(Uint8Array.from(Buffer.from(keys[i]! + end, "latin1")));
      index.apply(index.findOrAdd(key), { ...change, flags: i % 2 }, life);
      if (i % 2 === 0) all.add(keys[i]! + end);
      else all.delete(keys[i]! + end);
    }
  }
  for (let record = 1; record < index.records.top; record++) index.compact(record, KEYS + 2);
  const dead = new Set<string>();
  const found = keysOf(index);
  for (const key of all) {
    const record = index.find(newSpan(Uint8Array.from(Buffer.from(key, "latin1"))));
    if (record === 0) dead.add(key);
    else assert.ok(index.isLive(record));
  }
  assert.deepEqual(found, [...all].filter((key) => !dead.has(key)).toSorted(compareBytes));
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"));
}
