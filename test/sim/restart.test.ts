import assert from "node:assert/strict";
import { test } from "node:test";
import { AlarmType } from "../../src/cluster/alarms.ts";
import {
  createAlarmRequest,
  createCompactionRequest,
  createHashKVRequest,
  createPutRequest,
  createTxnRequest,
  decodeHashKVResponse,
  encodeAlarmRequestToBytes,
  encodeCompactionRequestToBytes,
  encodeHashKVRequestToBytes,
  encodePutRequestToBytes,
  encodeTxnRequestToBytes,
} from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { type Outcome, SimMember } from "./sim-member.ts";

const READY_LIMIT_MS = 60_000;
const QUOTA_BYTES = 20_000_000;
const DISARM = 2;

/** One member that is killed and started again on its disk. */
class World {
  readonly clock = new VirtualClock();
  #disk = new VirtualDisk({ clock: this.clock, seed: 3 });
  member: SimMember;

  constructor() {
    this.member = this.#start();
  }

  restart(): void {
    this.member.die();
    this.#disk = this.#disk.crash("kill");
    this.member = this.#start();
  }

  call(method: string, request: Uint8Array): Outcome {
    let outcome: Outcome | null = null;
    this.member.call(method, request, (result) => {
      outcome = result;
    });
    assert.ok(this.clock.runUntil(() => outcome !== null, READY_LIMIT_MS));
    return outcome!;
  }

  put(key: string, valueBytes: number): Outcome {
    const value = new Uint8Array(valueBytes);
    const request = { ...createPutRequest(), key: new TextEncoder().encode(key), value };
    return this.call("Put", encodePutRequestToBytes(request));
  }

  hash(): { hash: number; compactRevision: number } {
    const outcome = this.call(
      "Maintenance/HashKV",
      encodeHashKVRequestToBytes(createHashKVRequest()),
    );
    assert.ok(outcome.ok);
    const { hash, compactRevision } = decodeHashKVResponse(
      outcome.message,
      0,
      outcome.message.length,
    );
    return { hash, compactRevision };
  }

  #start(): SimMember {
    const { clock } = this;
    const disk = this.#disk;
    const member = new SimMember({
      clock,
      disk,
      seed: 3,
      quotaBackendBytes: QUOTA_BYTES,
      lookMs: 2,
    });
    assert.ok(clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
    return member;
  }
}

test("a log whose end is behind its commit index is refused", () => {
  const world = new World();
  for (let put = 0; put < 3; put += 1) world.put("k", 10);
  const { wal } = world.member.core.start;
  const hardState = { term: 2, vote: 1n, commit: 1000 };
  const ticket = wal.save(hardState, []);
  wal.flush();
  assert.ok(world.clock.runUntil(() => wal.durableTicket() >= ticket, READY_LIMIT_MS));
  assert.throws(() => world.restart(), /1000 entries were committed/);
});

test("a disarmed alarm stays so when what raised it is replayed", () => {
  const world = new World();
  const alarms = (): unknown => world.member.core.alarms.list(AlarmType.none);
  let puts = 0;
  while (world.put(`k${puts % 10}`, 100_000).ok) puts += 1;
  world.clock.runFor(1000);
  assert.equal(world.member.core.alarms.list(AlarmType.noSpace).length, 1);
  const revision = world.member.core.store.currentRevision;
  const full = world.hash();
  world.restart();
  world.clock.runFor(1000);
  assert.equal(world.member.core.alarms.list(AlarmType.noSpace).length, 1, "kept over a restart");
  assert.deepEqual(world.hash(), full);
  assert.equal(world.member.core.store.currentRevision, revision);

  const compaction = { ...createCompactionRequest(), revision, physical: true };
  assert.ok(world.call("Compact", encodeCompactionRequestToBytes(compaction)).ok);
  world.clock.runFor(10_000);
  const memberID = world.member.core.start.memberId;
  const disarm = { ...createAlarmRequest(), action: DISARM, memberID, alarm: AlarmType.noSpace };
  assert.ok(world.call("Maintenance/Alarm", encodeAlarmRequestToBytes(disarm)).ok);
  assert.deepEqual(alarms(), []);
  const before = world.hash();
  assert.equal(before.compactRevision, revision);
  for (let start = 0; start < 3; start += 1) {
    world.restart();
    world.clock.runFor(10_000);
    assert.deepEqual(alarms(), [], `start ${start}`);
    assert.deepEqual(world.hash(), before);
    assert.equal(world.member.core.store.currentRevision, revision);
  }
  // A file may keep its size until it is defragmented, as with etcd.
  assert.ok(world.call("Maintenance/Defragment", new Uint8Array(0)).ok);
  assert.ok(world.put("more", 10).ok);
});

test("a compaction that was not finished goes on after a restart", () => {
  const world = new World();
  for (let round = 0; round < 200; round += 1) {
    const success = Array.from({ length: 100 }, (_, key) => {
      const value = new Uint8Array(10);
      const put = { ...createPutRequest(), key: new TextEncoder().encode(`k${key}`), value };
      return { request: { case: "requestPut" as const, value: put } };
    });
    const txn = encodeTxnRequestToBytes({ ...createTxnRequest(), success });
    assert.ok(world.call("Txn", txn).ok);
  }
  const { store } = world.member.core;
  const revision = store.currentRevision;
  const compaction = { ...createCompactionRequest(), revision };
  assert.ok(world.call("Compact", encodeCompactionRequestToBytes(compaction)).ok);
  // Long enough for a commit with the mark, too short for the work.
  world.clock.runFor(150);
  assert.ok(store.finishedCompactRevision < revision, "the compaction was finished too early");
  world.restart();
  world.clock.runFor(60_000);
  assert.equal(world.member.core.store.finishedCompactRevision, revision);
  assert.equal(world.hash().compactRevision, revision);
});
