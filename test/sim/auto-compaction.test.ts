import assert from "node:assert/strict";
import { test } from "node:test";
import { createPutRequest, encodePutRequestToBytes } from "../../src/proto/gen/etcdserverpb.ts";
import type { AutoCompaction } from "../../src/service/compaction/auto-compactor.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { SimMember } from "./sim-member.ts";

const READY_LIMIT_MS = 60_000;
const MINUTE_MS = 60_000;
const PUTS = 100;

/** A member that compacts by itself; it can be killed and started again on its disk. */
class World {
  readonly clock = new VirtualClock();
  /** So that a start takes longer than a tick. */
  #disk = new VirtualDisk({ clock: this.clock, seed: 11, latencyMs: { min: 150, max: 150 } });
  readonly #autoCompaction: AutoCompaction;
  member: SimMember;

  constructor(autoCompaction: AutoCompaction) {
    this.#autoCompaction = autoCompaction;
    this.member = this.#start();
  }

  restart(): void {
    this.member.die();
    this.#disk = this.#disk.crash("kill");
    this.member = this.#start();
  }

  get compacted(): number {
    return this.member.core.store.compactRevision;
  }

  put(times: number): void {
    let left = times;
    const key = new TextEncoder().encode("k");
    const request = encodePutRequestToBytes({ ...createPutRequest(), key });
    for (let each = 0; each < times; each += 1) {
      this.member.call("Put", request, (outcome) => {
        assert.ok(outcome.ok);
        left -= 1;
      });
    }
    assert.ok(this.clock.runUntil(() => left === 0, READY_LIMIT_MS));
  }

  #start(): SimMember {
    const member = new SimMember({
      clock: this.clock,
      disk: this.#disk,
      seed: 11,
      autoCompaction: this.#autoCompaction,
    });
    assert.ok(this.clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
    return member;
  }
}

test("by revision: all but the newest go, and stay gone", () => {
  const world = new World({ mode: "revision", retentionRevisions: 10 });
  world.put(PUTS);
  const newest = world.member.core.store.currentRevision;
  world.clock.runFor(4.9 * MINUTE_MS);
  assert.equal(world.compacted, -1);
  world.clock.runFor(MINUTE_MS);
  assert.equal(world.compacted, newest - 10);
  world.clock.runFor(MINUTE_MS);
  assert.equal(world.member.core.store.finishedCompactRevision, newest - 10);
  world.restart();
  assert.equal(world.compacted, newest - 10);
  world.put(PUTS);
  world.clock.runFor(6 * MINUTE_MS);
  assert.equal(world.compacted, newest + PUTS - 10);
  assert.equal(world.member.core.store.currentRevision, newest + PUTS);
});

test("by period: what is older goes, counted from each start", () => {
  const world = new World({ mode: "periodic", retentionMs: 10 * MINUTE_MS });
  world.clock.runFor(MINUTE_MS);
  world.put(PUTS);
  const newest = world.member.core.store.currentRevision;
  world.clock.runFor(20 * MINUTE_MS);
  assert.equal(world.compacted, newest);
  world.put(PUTS);
  world.restart();
  world.clock.runFor(9 * MINUTE_MS);
  assert.equal(world.compacted, newest, "too early");
  world.clock.runFor(2 * MINUTE_MS);
  assert.equal(world.compacted, newest + PUTS, "the first sample is that of the applied log");
});

test("closed, the member leaves no timer of it behind", () => {
  const world = new World({ mode: "periodic", retentionMs: 10 * MINUTE_MS });
  world.clock.runFor(MINUTE_MS);
  let isClosed = false;
  world.member.core.close(() => {
    isClosed = true;
  });
  assert.ok(world.clock.runUntil(() => isClosed, READY_LIMIT_MS));
  // Less than a period: it would only look and go on.
  world.clock.runFor(2 * MINUTE_MS);
  assert.equal(world.clock.waiting, 0);
});
