import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../base/prng.ts";
import { newSpan } from "../base/span.ts";
import { newLeaseId, splitLeaseId } from "./lease-id.ts";
import { Lessor, Renewal } from "./lessor.ts";

const SEEDS = [1, 2, 3, 4, 5, 6];
const STEPS = 4000;
const TTL_MIN = 2;
const KEY = newSpan();

interface DumbLease {
  ttl: number;
  remaining: number;
  expiryMs: number;
  /** Told of as expired. */
  isTold: boolean;
}

/** Leases in a Map, every question answered by looking at all of them. */
class DumbLessor {
  readonly leases = new Map<bigint, DumbLease>();
  readonly leaseOf = new Map<number, bigint>();
  isPrimary = false;

  start(lease: DumbLease, extendMs: number, nowMs: number): void {
    const seconds = lease.remaining > 0 ? lease.remaining : lease.ttl;
    lease.expiryMs = this.isPrimary ? nowMs + extendMs + seconds * 1000 : Infinity;
    lease.isTold = false;
  }

  keysOf(id: bigint): number[] {
    return [...this.leaseOf].filter(([, lease]) => lease === id).map(([key]) => key);
  }

  expired(nowMs: number): bigint[] {
    return [...this.leases]
      .filter(([, { expiryMs, isTold }]) => !isTold && expiryMs <= nowMs)
      .map(([id]) => id);
  }
}

class Run {
  readonly prng: Prng;
  readonly lessor: Lessor;
  readonly twin = new DumbLessor();
  readonly ids: bigint[];
  readonly seed: number;
  nowMs = 0;

  constructor(seed: number) {
    this.seed = seed;
    this.prng = new Prng(seed);
    this.lessor = new Lessor({ hashSeed: seed, ttlMinSeconds: TTL_MIN, hasCheckpoints: false });
    const count = seed % 2 === 0 ? 20 : 600;
    const edges = [1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, 2n ** 53n + 1n];
    this.ids = [
      ...edges,
      ...Array.from({ length: count }, (_, i) => BigInt(i) * 0x1_0000_0007n + 9n),
    ];
  }

  id(): bigint {
    return this.ids[this.prng.below(this.ids.length)]!;
  }

  step(): void {
    const { lessor, twin, prng } = this;
    this.nowMs += prng.below(200);
    const id = this.id();
    switch (prng.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.grant(id);
      case 3:
        return this.revoke(id);
      case 4:
      case 5:
        return this.renew(id);
      case 6:
      case 7:
      case 8:
        return this.attach(1 + prng.below(9000), prng.below(4) === 0 ? 0n : id);
      case 9: {
        const remaining = prng.below(5);
        const slot = lessor.checkpoint(id, remaining, this.nowMs);
        const lease = twin.leases.get(id);
        assert.equal(slot !== 0, lease !== undefined);
        if (lease !== undefined) lease.remaining = remaining;
        return;
      }
      case 10:
        return this.expire();
      default:
        if (prng.below(20) === 0) this.change();
    }
  }

  grant(id: bigint): void {
    const { lessor, twin, prng } = this;
    const ttl = prng.below(12) - 2;
    const slot = lessor.grant(id, ttl, this.nowMs);
    if (twin.leases.has(id)) assert.equal(slot, "leaseExists");
    else {
      assert.ok(typeof slot === "number");
      const lease = { ttl: Math.max(ttl, TTL_MIN), remaining: 0, expiryMs: 0, isTold: false };
      twin.start(lease, 0, this.nowMs);
      twin.leases.set(id, lease);
    }
  }

  revoke(id: bigint): void {
    const { lessor, twin } = this;
    const slot = lessor.find(id);
    assert.equal(slot !== 0, twin.leases.has(id), "find");
    if (slot === 0) return;
    lessor.beginRevoke(slot);
    lessor.endRevoke(slot);
    twin.leases.delete(id);
    for (const key of twin.keysOf(id)) twin.leaseOf.delete(key);
  }

  renew(id: bigint): void {
    const { lessor, twin } = this;
    const halves = newLeaseId();
    splitLeaseId(id, halves);
    const answer = lessor.renew(halves.high, halves.low, this.nowMs);
    const lease = twin.leases.get(id);
    if (!twin.isPrimary) assert.equal(answer, Renewal.notPrimary);
    else if (lease === undefined) assert.equal(answer, Renewal.unknown);
    else if (lease.expiryMs <= this.nowMs) assert.equal(answer, Renewal.ending);
    else if (lease.remaining > 0) assert.equal(answer, Renewal.checkpointed);
    else {
      assert.equal(answer, lease.ttl);
      twin.start(lease, 0, this.nowMs);
    }
  }

  attach(keyId: number, lease: bigint): void {
    this.lessor.leaseChanged({ key: KEY, keyId, lease });
    if (this.twin.leases.has(lease)) this.twin.leaseOf.set(keyId, lease);
    else this.twin.leaseOf.delete(keyId);
  }

  expire(): void {
    const { lessor, twin, prng } = this;
    const told: bigint[] = [];
    const most = 1 + prng.below(30);
    lessor.takeExpired(this.nowMs, most, told);
    const all = twin.expired(this.nowMs);
    assert.equal(told.length, Math.min(most, all.length));
    for (const id of told) {
      assert.ok(all.includes(id), `seed ${this.seed}: told of ${id}`);
      twin.leases.get(id)!.isTold = true;
      if (prng.below(3) === 0) {
        lessor.retry(id, this.nowMs);
        twin.leases.get(id)!.isTold = false;
      } else if (prng.below(2) === 0) this.revoke(id);
    }
  }

  change(): void {
    const { lessor, twin } = this;
    twin.isPrimary = !twin.isPrimary;
    if (twin.isPrimary) lessor.promote(500, this.nowMs);
    else lessor.demote();
    for (const lease of twin.leases.values()) twin.start(lease, 500, this.nowMs);
  }

  compare(): void {
    const { lessor, twin, seed } = this;
    assert.equal(lessor.size, twin.leases.size);
    const ids = [...lessor.slots()].map((slot) => lessor.idOf(slot));
    assert.deepEqual(new Set(ids), new Set(twin.leases.keys()), `seed ${seed}`);
    for (const [id, lease] of twin.leases) {
      const slot = lessor.find(id);
      const why = `seed ${seed}: lease ${id}`;
      assert.equal(lessor.ttlOf(slot), lease.ttl, why);
      assert.equal(lessor.remainingOf(slot), lease.remaining, why);
      assert.equal(lessor.expiryMsOf(slot), lease.expiryMs, why);
      const keys = [...lessor.keysOf(slot)].sort((a, b) => a - b);
      assert.deepEqual(
        keys,
        twin.keysOf(id).sort((a, b) => a - b),
        why,
      );
    }
  }
}

test(`the lessor agrees with a dumb twin, ${STEPS} steps each of seeds ${SEEDS.join()}`, () => {
  for (const seed of SEEDS) {
    const run = new Run(seed);
    for (let step = 1; step <= STEPS; step += 1) {
      run.step();
      if (step % 500 === 0) run.compare();
    }
  }
});
