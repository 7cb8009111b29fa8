import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../base/span.ts";
import { joinLeaseId, newLeaseId, splitLeaseId } from "./lease-id.ts";
import { CHECKPOINT_INTERVAL_MS, type DueCheckpoint, Lessor, Renewal } from "./lessor.ts";
import { TTL_MAX_S, ttlMinSeconds } from "./limits.ts";

const ID_MAX = 2n ** 63n - 1n;
const ID_MIN = -(2n ** 63n);
const KEY = newSpan();

function open(hasCheckpoints = false): Lessor {
  const lessor = new Lessor({ hashSeed: 7, ttlMinSeconds: 2, hasCheckpoints });
  lessor.promote(0, 0);
  return lessor;
}

function renew(lessor: Lessor, id: bigint, nowMs: number): number {
  const halves = newLeaseId();
  splitLeaseId(id, halves);
  return lessor.renew(halves.high, halves.low, nowMs);
}

function expired(lessor: Lessor, nowMs: number, most = 10): bigint[] {
  const ids: bigint[] = [];
  lessor.takeExpired(nowMs, most, ids);
  return ids;
}

function attach(lessor: Lessor, keyId: number, lease: bigint): void {
  lessor.leaseChanged({ key: KEY, keyId, lease });
}

test("ids keep all their 64 bits in halves", () => {
  const ids = [
    1n,
    -1n,
    2n ** 31n,
    -(2n ** 31n),
    2n ** 32n,
    2n ** 53n,
    -(2n ** 53n),
    2n ** 53n + 1n,
  ];
  for (const id of [...ids, ID_MAX, ID_MIN, ID_MIN + 1n, 0x7fff_ffff_0000_0001n]) {
    const halves = newLeaseId();
    splitLeaseId(id, halves);
    assert.equal(halves.high, halves.high | 0);
    assert.equal(joinLeaseId(halves.high, halves.low), id);
  }
});

test("the least time to live is one and a half elections, in whole ticks", () => {
  assert.equal(ttlMinSeconds(1000, 100), 2);
  assert.equal(ttlMinSeconds(2000, 100), 3);
  assert.equal(ttlMinSeconds(1050, 100), 2);
  assert.equal(ttlMinSeconds(50_000, 100), 75);
  assert.equal(ttlMinSeconds(50, 10), 1);
});

test("grants: raised to the least, refused above the most and where the id is taken", () => {
  const lessor = open();
  const ttlOf = (id: bigint, ttl: number): unknown => {
    const slot = lessor.grant(id, ttl, 0);
    return typeof slot === "string" ? slot : lessor.ttlOf(slot);
  };
  assert.equal(ttlOf(1n, 1), 2);
  assert.equal(ttlOf(2n, -(2 ** 53)), 2);
  assert.equal(ttlOf(3n, 0), 2);
  assert.equal(ttlOf(4n, 3), 3);
  assert.equal(ttlOf(ID_MIN, TTL_MAX_S), TTL_MAX_S);
  assert.equal(ttlOf(ID_MAX, TTL_MAX_S + 1), "leaseTtlTooLarge");
  assert.equal(ttlOf(1n, TTL_MAX_S + 1), "leaseTtlTooLarge");
  assert.equal(ttlOf(1n, 5), "leaseExists");
  assert.equal(ttlOf(0n, 5), "leaseNotFound");
  assert.equal(lessor.size, 5);
  assert.equal(lessor.granted, 5);
});

test("a lease expires when its time is over, not a moment earlier; renewal starts it anew", () => {
  const lessor = open();
  lessor.grant(1n, 5, 1000);
  lessor.grant(2n, 5, 1500);
  assert.equal(lessor.nextExpiryMs, 6000);
  assert.deepEqual(expired(lessor, 5999.9), []);
  assert.equal(renew(lessor, 1n, 5999.9), 5);
  assert.deepEqual(expired(lessor, 6000), []);
  assert.deepEqual(expired(lessor, 6500), [2n]);
  assert.deepEqual(expired(lessor, 6500), [], "told of once");
  assert.equal(renew(lessor, 2n, 6500), Renewal.ending);
  lessor.retry(2n, 7000);
  assert.deepEqual(expired(lessor, 6999), []);
  assert.deepEqual(expired(lessor, 7000), [2n]);
  lessor.beginRevoke(lessor.find(2n));
  lessor.endRevoke(lessor.find(2n));
  assert.equal(renew(lessor, 2n, 7000), Renewal.unknown);
  lessor.retry(2n, 7000);
  assert.deepEqual(expired(lessor, 11_000.9), [1n]);
});

test("a lease whose keys are being deleted is renewed no more", () => {
  const lessor = open();
  const slot = lessor.grant(1n, 5, 0) as number;
  lessor.beginRevoke(slot);
  assert.equal(renew(lessor, 1n, 1), Renewal.ending);
  lessor.endRevoke(slot);
  assert.equal(renew(lessor, 1n, 1), Renewal.unknown);
  assert.ok(typeof lessor.grant(1n, 5, 1) === "number", "an id may be granted again");
});

test("a key has the lease of its last put", () => {
  const lessor = open();
  const one = lessor.grant(1n, 5, 0) as number;
  const two = lessor.grant(2n, 5, 0) as number;
  for (const keyId of [10, 20, 30]) attach(lessor, keyId, 1n);
  attach(lessor, 20, 2n);
  attach(lessor, 30, 0n);
  attach(lessor, 10, 1n);
  assert.deepEqual([...lessor.keysOf(one)], [10]);
  assert.deepEqual([...lessor.keysOf(two)], [20]);
  attach(lessor, 20, 77n);
  assert.deepEqual([...lessor.keysOf(two)], [], "a lease that is not there counts as none");
  lessor.beginRevoke(one);
  lessor.endRevoke(one);
  assert.equal(lessor.leaseOf(10), 0);
  const again = lessor.grant(3n, 5, 0) as number;
  assert.deepEqual([...lessor.keysOf(again)], [], "a slot that is used again has no keys");
});

test("only the primary keeps time; a new one gives every lease all of it and an election", () => {
  const lessor = open();
  lessor.grant(1n, 10, 0);
  lessor.demote();
  assert.equal(renew(lessor, 1n, 1), Renewal.notPrimary);
  assert.deepEqual(expired(lessor, 1e12), []);
  lessor.grant(2n, 10, 5);
  lessor.promote(1000, 20_000);
  assert.deepEqual(expired(lessor, 30_999), []);
  assert.deepEqual(new Set(expired(lessor, 31_000)), new Set([1n, 2n]));
});

test("checkpoints: of long leases, what is left is kept, and cleared before a renewal", () => {
  const lessor = open(true);
  const due = (nowMs: number): DueCheckpoint[] => {
    const into: DueCheckpoint[] = [];
    lessor.takeCheckpoints(nowMs, 10, into);
    return into;
  };
  lessor.grant(1n, 1000, 0);
  lessor.grant(2n, 300, 0);
  assert.deepEqual(due(CHECKPOINT_INTERVAL_MS - 1), []);
  assert.deepEqual(due(CHECKPOINT_INTERVAL_MS + 200), [{ id: 1n, remaining: 700 }]);
  lessor.checkpoint(1n, 700, CHECKPOINT_INTERVAL_MS + 300);
  assert.equal(lessor.remainingOf(lessor.find(1n)), 700);
  assert.equal(renew(lessor, 1n, 400_000), Renewal.checkpointed);
  lessor.promote(1000, 500_000);
  assert.equal(lessor.expiryMsOf(lessor.find(1n)), 500_000 + 1000 + 700_000);
  lessor.checkpoint(1n, 0, 500_000);
  assert.equal(renew(lessor, 1n, 500_000), 1000);
  assert.equal(lessor.expiryMsOf(lessor.find(1n)), 1_500_000);
  assert.equal(lessor.checkpoint(99n, 5, 0), 0, "one that is gone");
});

test("a hundred thousand leases take few bytes", () => {
  const before = process.memoryUsage();
  const lessor = open();
  for (let id = 1; id <= 100_000; id += 1) lessor.grant(BigInt(id) << 20n, 60, id);
  const after = process.memoryUsage();
  const used = after.rss - before.rss;
  assert.ok(used < 60 * 2 ** 20, `${used} bytes`);
  assert.equal(lessor.size, 100_000);
});

test("a checkpoint on its way holds renewals up, one that the log refused does not", () => {
  const lessor = new Lessor({ hashSeed: 7, ttlMinSeconds: 2, hasCheckpoints: true });
  lessor.promote(0, 0);
  lessor.grant(5n, 1000, 0);
  const take = (nowMs: number): DueCheckpoint[] => {
    const due: DueCheckpoint[] = [];
    lessor.takeCheckpoints(nowMs, 10, due);
    assert.equal(due.length, 1);
    return due;
  };
  const [first] = take(CHECKPOINT_INTERVAL_MS);
  assert.equal(lessor.renew(0, 5, CHECKPOINT_INTERVAL_MS), Renewal.checkpointed);
  lessor.checkpoint(5n, 0, CHECKPOINT_INTERVAL_MS);
  assert.equal(lessor.renew(0, 5, CHECKPOINT_INTERVAL_MS), Renewal.checkpointed, "not applied yet");
  lessor.checkpoint(5n, first!.remaining, CHECKPOINT_INTERVAL_MS);
  lessor.checkpoint(5n, 0, CHECKPOINT_INTERVAL_MS);
  assert.equal(lessor.renew(0, 5, CHECKPOINT_INTERVAL_MS), 1000);
  lessor.dropCheckpoints(take(2 * CHECKPOINT_INTERVAL_MS));
  assert.equal(lessor.renew(0, 5, 2 * CHECKPOINT_INTERVAL_MS), 1000);
  take(3 * CHECKPOINT_INTERVAL_MS);
  lessor.promote(0, 3 * CHECKPOINT_INTERVAL_MS);
  assert.equal(lessor.renew(0, 5, 3 * CHECKPOINT_INTERVAL_MS), 1000, "a new term");
});
