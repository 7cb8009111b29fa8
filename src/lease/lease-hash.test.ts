import assert from "node:assert/strict";
import { test } from "node:test";
import { leaseHash } from "./lease-hash.ts";

const BITS = 8;
const COUNT = 2 ** BITS;
/** The buckets that so many ids have in a table. */
const BUCKETS = 2 * COUNT ** 2;
/** Random ids meet, too: 51,600 buckets of 65,536 ids. A weak hash has 256. */
const BUCKETS_MIN = 50_000;

test("ids that are chosen to meet in the hash are spread as others are", () => {
  for (const seed of [0x1234_5678, 0x9e37_79b9, 0xffff_ffff]) {
    const used = new Set<number>();
    for (let at = 0; at < COUNT ** 2; at += 1) {
      // They differ in the upper bits of both halves.
      const upper = (at % COUNT) << (32 - BITS);
      const low = (Math.floor(at / COUNT) << (32 - BITS)) | 5;
      const high = upper ^ (upper >>> 13) ^ 77;
      used.add(leaseHash(high, low, seed, seed ^ 0x5bd1_e995) % BUCKETS);
    }
    assert.ok(used.size > BUCKETS_MIN, `seed ${seed}: ${used.size} buckets`);
  }
});
