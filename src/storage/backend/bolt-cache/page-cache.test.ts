import assert from "node:assert/strict";
import { test } from "node:test";
import { PageCache } from "./page-cache.ts";

const page = (id: number, bytes = 10): Uint8Array => new Uint8Array(bytes).fill(id);
const held = (cache: PageCache, ids: readonly number[]): number[] =>
  ids.filter((id) => cache.get(id) !== null);

test("holds no more than its bytes, and the newest page in any case", () => {
  const cache = new PageCache(30);
  for (let id = 1; id <= 10; id++) cache.set(id, page(id));
  assert.equal(cache.bytes, 30);
  assert.deepEqual(held(cache, [7, 8, 9, 10]), [8, 9, 10]);
  cache.set(11, page(11, 100));
  assert.equal(cache.bytes, 100);
  assert.deepEqual(held(cache, [8, 9, 10, 11]), [11]);
  cache.set(12, page(12));
  assert.equal(cache.bytes, 10);
});

test("what was asked for again stays longest", () => {
  const cache = new PageCache(30);
  for (const id of [1, 2, 3]) cache.set(id, page(id));
  cache.get(1);
  cache.set(4, page(4));
  cache.set(5, page(5));
  assert.deepEqual(held(cache, [2, 3]), []);
  assert.deepEqual(held(cache, [1, 4, 5]), [1, 4, 5]);
});

test("a page is replaced and deleted by its number, and never another one's bytes", () => {
  const cache = new PageCache(1000);
  for (let round = 0; round < 50; round++) {
    const id = (round * 7) % 13;
    if (round % 3 === 0) cache.delete(id);
    else cache.set(id, page(id, 10 + id));
  }
  let bytes = 0;
  for (let id = 0; id < 13; id++) {
    const found = cache.get(id);
    if (found === null) continue;
    bytes += found.length;
    assert.equal(found[0], id);
    assert.equal(found.length, 10 + id);
  }
  assert.equal(cache.bytes, bytes);
});
