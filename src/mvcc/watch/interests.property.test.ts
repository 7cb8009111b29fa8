import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { compareSpans, newSpan } from "../../base/span.ts";
import { hashKey } from "../index/key-hash.ts";
import { Interests } from "./interests.ts";
import { StartHeap } from "./start-heap.ts";
import { type Interest, NO_END, Watcher, type WatchOwner, type WatchSpec } from "./watcher.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_122);
const NOBODY: WatchOwner = { liveWatchers: 0, deliver: () => true, compacted: () => {} };

function randomKey(prng: Prng): Uint8Array {
  const key = new Uint8Array(prng.between(1, 3));
  for (let i = 0; i < key.length; i += 1) key[i] = prng.chance(0.1) ? 255 : prng.below(4);
  return key;
}

function randomSpec(prng: Prng): WatchSpec {
  const key = randomKey(prng);
  const flags = prng.below(8);
  const kind = prng.below(5);
  if (kind === 0) return { key, end: NO_END, flags };
  const end = randomKey(prng);
  const isRange = kind < 3 && compareSpans(newSpan(key), newSpan(end)) < 0;
  return { key, end: isRange ? end : null, flags };
}

function holds({ key, end }: WatchSpec, at: Uint8Array): boolean {
  const order = compareSpans(newSpan(at), newSpan(key));
  if (end === null) return order === 0;
  return order >= 0 && (end === NO_END || compareSpans(newSpan(at), newSpan(end)) < 0);
}

test("who wants a key is found as if everybody was asked", () => {
  const prng = new Prng(SEED);
  const interests = new Interests(SEED);
  const all = new Set<Watcher>();
  const found: Interest[] = [];
  for (let step = 0; step < 20_000; step += 1) {
    // It grows, shrinks to nothing, and grows again.
    const isGrowing = step % 8000 < 4000;
    const joins = prng.chance(isGrowing ? 0.7 : 0.3);
    if (joins) {
      const watcher = new Watcher(NOBODY, randomSpec(prng));
      interests.join(watcher);
      all.add(watcher);
    } else if (all.size > 0) {
      const [watcher] = prng.chance(0.5) ? all : [...all].slice(-1);
      interests.leave(watcher!);
      all.delete(watcher!);
    }
    assert.equal(interests.watchers, all.size);
    if (step % 20 > 0) continue;
    const key = randomKey(prng);
    interests.match(newSpan(key), found);
    const told = new Set(found.flatMap(({ watchers }) => watchers));
    const wanted = [...all].filter(({ spec }) => holds(spec, key));
    assert.equal(told.size, wanted.length, `seed ${SEED}, step ${step}`);
    for (const watcher of wanted) assert.ok(told.has(watcher), `seed ${SEED}, step ${step}`);
    assert.equal(new Set(found).size, found.length, "an interest is found once");
  }
  for (const watcher of all) interests.leave(watcher);
  assert.equal(interests.first, null);
});

test("keys of the same hash are told apart", () => {
  const byHash = new Map<number, Uint8Array>();
  const pairs: [Uint8Array, Uint8Array][] = [];
  const prng = new Prng(SEED);
  while (pairs.length < 3) {
    const key = new Uint8Array(5);
    prng.fill(key);
    const hash = hashKey(newSpan(key), SEED);
    const other = byHash.get(hash);
    if (other === undefined) byHash.set(hash, key);
    else if (!Buffer.from(other).equals(key)) pairs.push([other, key]);
  }
  const interests = new Interests(SEED);
  const found: Interest[] = [];
  for (const pair of pairs) {
    const watchers = pair.map((key) => new Watcher(NOBODY, { key, end: null, flags: 0 }));
    for (const watcher of watchers) interests.join(watcher);
    for (const [at, key] of pair.entries()) {
      interests.match(newSpan(key), found);
      assert.deepEqual(
        found.map(({ watchers: [one] }) => one),
        [watchers[at]],
      );
    }
    interests.leave(watchers[0]!);
    interests.match(newSpan(pair[1]), found);
    assert.equal(found.length, 1);
    interests.match(newSpan(pair[0]), found);
    assert.equal(found.length, 0);
  }
});

test("who wants the same is one interest", () => {
  const interests = new Interests(1);
  const spec = (flags: number): WatchSpec => ({ key: Uint8Array.of(1), end: null, flags });
  for (const flags of [0, 0, 4, 4]) interests.join(new Watcher(NOBODY, spec(flags)));
  const found: Interest[] = [];
  interests.match(newSpan(Uint8Array.of(1)), found);
  const sizes = found.map(({ watchers }) => watchers.length);
  assert.deepEqual(sizes, [2, 2]);
});

test("100,000 watchers of single keys and prefixes: a change looks at few of them", () => {
  const interests = new Interests(SEED);
  for (let i = 0; i < 50_000; i += 1) {
    const key = Buffer.from(`/registry/pods/${i}/`);
    const end = Buffer.from(`/registry/pods/${i}0`);
    interests.join(new Watcher(NOBODY, { key, end: null, flags: 0 }));
    interests.join(new Watcher(NOBODY, { key, end, flags: 0 }));
  }
  const found: Interest[] = [];
  const wanted = newSpan(Buffer.from("/registry/pods/777/x"));
  const startMs = performance.now();
  for (let i = 0; i < 1000; i += 1) interests.match(wanted, found);
  const tookMs = performance.now() - startMs;
  assert.equal(found.length, 1);
  // Looking at all of them takes a millisecond each time.
  assert.ok(tookMs < 100, `${tookMs} ms for a thousand`);
});

test("the heap yields the lowest first, whoever leaves", () => {
  const prng = new Prng(SEED);
  const heap = new StartHeap();
  const all = new Set<Watcher>();
  for (let step = 0; step < 5000; step += 1) {
    if (prng.chance(0.55) || all.size === 0) {
      const watcher = new Watcher(NOBODY, { key: Uint8Array.of(1), end: null, flags: 0 });
      watcher.from = prng.below(100);
      heap.push(watcher);
      all.add(watcher);
    } else {
      const items = [...all];
      const watcher = prng.chance(0.5) ? heap.peek()! : items[prng.below(items.length)]!;
      heap.remove(watcher);
      assert.ok(all.delete(watcher));
    }
    assert.equal(heap.size, all.size);
    const lowest = Math.min(...[...all].map(({ from }) => from));
    if (all.size > 0) assert.equal(heap.peek()!.from, lowest, `seed ${SEED}, step ${step}`);
  }
});
