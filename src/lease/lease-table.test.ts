import assert from "node:assert/strict";
import { test } from "node:test";
import { joinLeaseId, type LeaseId } from "./lease-id.ts";
import { LeaseTable, NO_SLOT } from "./lease-table.ts";

const BITS = 8;
const COUNT = 2 ** BITS;
/** As a hash that is not hit by them does it is below 2. */
const SLOWER_MAX = 8;

/** Ids that differ in the upper bits of both halves: what a weak hash maps onto few buckets. */
function aimedIds(): LeaseId[] {
  const ids: LeaseId[] = [];
  for (let at = 0; at < COUNT ** 2; at += 1) {
    const upper = (at % COUNT) << (32 - BITS);
    const low = (Math.floor(at / COUNT) << (32 - BITS)) | 5;
    ids.push({ high: (upper ^ (upper >>> 13) ^ 77) | 0, low });
  }
  return ids;
}

/** Best of three: time to find all of them, ms. */
function findingMs(ids: readonly LeaseId[], seed: number): number {
  const table = new LeaseTable(seed);
  for (const { high, low } of ids) table.add(joinLeaseId(high, low), 5);
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round += 1) {
    let missing = 0;
    const startMs = performance.now();
    for (const { high, low } of ids) if (table.find(high, low) === NO_SLOT) missing += 1;
    bestMs = Math.min(bestMs, performance.now() - startMs);
    assert.equal(missing, 0);
  }
  return bestMs;
}

test("ids that are chosen to meet in the hash are found about as fast as others", () => {
  const aimed = aimedIds();
  const others = aimed.map((_, at) => ({ high: 0, low: at }));
  for (const seed of [0x1234_5678, 0x9e37_79b9, 2 ** 53 - 1]) {
    const [aimedMs, otherMs] = [findingMs(aimed, seed), findingMs(others, seed)];
    assert.ok(aimedMs < SLOWER_MAX * otherMs, `seed ${seed}: ${aimedMs} ms against ${otherMs} ms`);
  }
});

test("with seeds of one word and of two, what is added is found until it is removed", () => {
  const ids = Array.from({ length: 300 }, (_, at) => joinLeaseId(at, -at));
  for (const seed of [7, 7 + 2 ** 32, 7 + 2 ** 52]) {
    const table = new LeaseTable(seed);
    for (const id of ids) table.add(id, 5);
    for (const id of ids.slice(0, 150)) table.remove(table.findId(id));
    const found = ids.filter((id) => table.findId(id) !== NO_SLOT);
    assert.deepEqual(found, ids.slice(150));
  }
});
