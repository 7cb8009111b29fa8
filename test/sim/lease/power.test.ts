import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../src/base/prng.ts";
import { LeaseWorld } from "./world.ts";

const SEEDS = [11, 12, 13, 14, 15, 16, 17, 18];
const STEPS = 400;
const KEYS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const IDS = [1n, 2n, 3n, -(2n ** 63n), 2n ** 63n - 1n];
/** A tick, and some time for the disk. */
const LATE_MS = 200;
const EXTENSION_MS = 1000;

/** A lease that was acknowledged. */
interface Lease {
  readonly ttlMs: number;
  /** It must not end before that, and must have ended after. */
  earliestMs: number;
  latestMs: number;
}

/** What was acknowledged, and what follows from it. */
class Model {
  readonly leases = new Map<bigint, Lease>();
  readonly keys = new Map<string, bigint>();

  forget(id: bigint): void {
    this.leases.delete(id);
    for (const [key, lease] of this.keys) if (lease === id) this.keys.delete(key);
  }

  /** Compares with the keys that were there at some moment from `fromMs` to `toMs`. */
  check(there: ReadonlyMap<string, bigint>, fromMs: number, toMs: number, why: string): void {
    for (const [id, { earliestMs, latestMs }] of this.leases) {
      const keys = [...this.keys].filter(([, lease]) => lease === id).map(([key]) => key);
      const left = keys.filter((key) => there.get(key) === id);
      if (toMs < earliestMs) assert.deepEqual(left, keys, `${why}: lease ${id} ended too early`);
      if (fromMs > latestMs) assert.deepEqual(left, [], `${why}: lease ${id} is there too long`);
      assert.ok(left.length === 0 || left.length === keys.length, `${why}: a part of lease ${id}`);
      if (fromMs > latestMs || (keys.length > 0 && left.length === 0)) this.forget(id);
    }
    for (const [key, lease] of this.keys) assert.equal(there.get(key), lease, `${why}: ${key}`);
    for (const key of there.keys()) assert.ok(this.keys.has(key), `${why}: ${key} came back`);
  }
}

class Run {
  readonly prng: Prng;
  readonly world: LeaseWorld;
  readonly model = new Model();
  readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
    this.prng = new Prng(seed);
    this.world = new LeaseWorld(seed);
  }

  step(): void {
    const { prng, world, model } = this;
    const id = IDS[prng.below(IDS.length)]!;
    const key = KEYS[prng.below(KEYS.length)]!;
    switch (prng.below(10)) {
      case 0:
      case 1:
        return this.grant(id);
      case 2:
      case 3:
      case 4: {
        const lease = prng.below(3) === 0 ? 0n : id;
        const isThere = this.isSure(lease);
        const { ok } = world.put(key, lease);
        if (isThere === true) assert.ok(ok, `seed ${this.seed}: lease ${lease} is not there`);
        if (isThere === false) assert.ok(!ok, `seed ${this.seed}: lease ${lease} is there`);
        if (ok) model.keys.set(key, lease);
        return;
      }
      case 5:
        if (world.delete(key).ok) model.keys.delete(key);
        return;
      case 6:
        if (prng.below(2) === 0 && world.revoke(id).ok) model.forget(id);
        return;
      case 7:
        return this.renew(id);
      case 8:
        world.clock.runFor(prng.below(1500));
        return this.check();
      default:
        if (prng.below(4) === 0) this.crash();
        return this.check();
    }
  }

  /** Undefined while the lease may just be about to end. */
  isSure(id: bigint): boolean | undefined {
    if (id === 0n) return true;
    const lease = this.model.leases.get(id);
    const { nowMs } = this.world;
    if (lease === undefined || nowMs > lease.latestMs) return false;
    return nowMs < lease.earliestMs - 50 ? true : undefined;
  }

  grant(id: bigint): void {
    const { world, model, prng } = this;
    const wasThere = this.isSure(id);
    const ttl = 2 + prng.below(5);
    const sentMs = world.nowMs;
    const { ok } = world.grant(id, ttl);
    if (wasThere !== undefined) assert.equal(ok, !wasThere, `seed ${this.seed}: grant of ${id}`);
    if (!ok) return;
    model.forget(id);
    const ttlMs = ttl * 1000;
    const latestMs = world.nowMs + ttlMs + LATE_MS;
    model.leases.set(id, { ttlMs, earliestMs: sentMs + ttlMs, latestMs });
  }

  renew(id: bigint): void {
    const { world, model } = this;
    const isThere = this.isSure(id);
    const sentMs = world.nowMs;
    const ttl = world.keepAlive(id);
    if (isThere !== undefined)
      assert.equal(ttl > 0, isThere, `seed ${this.seed}: renewal of ${id}`);
    const lease = model.leases.get(id);
    if (lease === undefined) return;
    if (ttl === 0) {
      model.forget(id);
      return;
    }
    lease.earliestMs = sentMs + lease.ttlMs;
    lease.latestMs = world.nowMs + lease.ttlMs + LATE_MS;
  }

  /** Nothing is under way; what the machine does by itself may be. */
  crash(): void {
    const { world, model, prng } = this;
    const mode = prng.below(2) === 0 ? "kill" : "power";
    const diedMs = world.nowMs;
    world.restart(mode);
    for (const lease of model.leases.values()) {
      // One that had ended may be gone, or have all its time again.
      if (lease.earliestMs > diedMs) lease.earliestMs = world.nowMs + lease.ttlMs;
      lease.latestMs = world.nowMs + lease.ttlMs + EXTENSION_MS + LATE_MS;
    }
  }

  check(): void {
    const fromMs = this.world.nowMs;
    const there = this.world.keys();
    this.model.check(there, fromMs, this.world.nowMs, `seed ${this.seed} at ${fromMs} ms`);
  }
}

test(`keys live as long as their leases, ${STEPS} steps with crashes of ${SEEDS.join()}`, () => {
  for (const seed of SEEDS) {
    const run = new Run(seed);
    for (let step = 0; step < STEPS; step += 1) run.step();
    run.world.clock.runFor(10_000);
    run.check();
  }
});
