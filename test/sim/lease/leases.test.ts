import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createPutRequest,
  decodeLeaseKeepAliveResponse,
  encodeAlarmRequestToBytes,
  encodeLeaseGrantRequestToBytes,
  encodeLeaseKeepAliveRequestToBytes,
  encodePutRequestToBytes,
} from "../../../src/proto/gen/etcdserverpb.ts";
import { AlarmType } from "../../../src/cluster/alarms.ts";
import { DEFAULT_FEATURE_GATES } from "../../../src/member/config.ts";
import { LeaseWorld, utf8 } from "./world.ts";

/** A tick, and some time for the disk. */
const LATE_MS = 150;
/** What a start adds to every lease: an election timeout. */
const EXTENSION_MS = 1000;

test("keys go when their lease has expired: never before, and within a tick after", () => {
  const world = new LeaseWorld(1);
  const ends = new Map<string, number>();
  for (let lease = 1; lease <= 40; lease += 1) {
    const ttl = 2 + (lease % 7);
    const key = `key ${lease}`;
    world.clock.runFor(lease % 5);
    assert.ok(world.grant(BigInt(lease), ttl).ok);
    ends.set(key, world.nowMs + ttl * 1000);
    assert.ok(world.put(key, BigInt(lease)).ok);
  }
  const { revision } = world.everything().header!;
  while (ends.size > 0) {
    const there = world.keys();
    for (const [key, endMs] of ends) {
      // Its time began before the grant was answered.
      if (world.nowMs < endMs - 10) assert.ok(there.has(key), `${key} went too early`);
      if (world.nowMs > endMs + LATE_MS) assert.ok(!there.has(key), `${key} stays too long`);
      if (!there.has(key)) ends.delete(key);
    }
    world.clock.runFor(17);
  }
  assert.equal(world.everything().header!.revision, revision + 40, "one revision for each");
  assert.deepEqual(world.leases(), []);
});

test("a restart gives leases all their time, and an election; their keys go with them", () => {
  const world = new LeaseWorld(2);
  assert.ok(world.grant(1n, 10).ok);
  assert.ok(world.grant(-5n, 300).ok);
  for (const key of ["c", "a", "b"]) assert.ok(world.put(key, 1n).ok);
  assert.ok(world.put("kept", 1n).ok);
  assert.ok(world.put("kept").ok);
  assert.ok(world.put("other", 1n).ok);
  assert.ok(world.put("other", -5n).ok);
  for (const mode of ["kill", "power"] as const) {
    world.clock.runFor(9000);
    world.restart(mode);
    world.clock.runFor(10);
    assert.equal(world.timeToLive(1n).ttl, 10);
  }
  assert.deepEqual(world.leases(), [1n, -5n], "those that end first");
  assert.equal(world.timeToLive(1n).keys.length, 3);
  assert.equal(world.timeToLive(-5n).grantedTTL, 300);
  const { revision } = world.everything().header!;
  world.clock.runFor(10_000 + EXTENSION_MS - 200);
  assert.equal(world.keys().size, 5);
  world.clock.runFor(200 + LATE_MS);
  assert.deepEqual([...world.keys().keys()], ["kept", "other"]);
  assert.equal(world.everything().header!.revision, revision + 1, "all in one revision");
  assert.equal(world.timeToLive(1n).ttl, -1);
  world.restart("power");
  assert.deepEqual([...world.keys().keys()], ["kept", "other"]);
});

test("a keep-alive of what has expired is answered with 0, once it is gone", () => {
  const world = new LeaseWorld(3);
  assert.ok(world.grant(7n, 2).ok);
  assert.ok(world.put("k", 7n).ok);
  assert.equal(world.keepAlive(7n), 2);
  const slot = world.member.core.lessor.find(7n);
  const endMs = world.member.core.lessor.expiryMsOf(slot);
  world.clock.runUntil(() => world.nowMs >= endMs, 10_000);
  if (world.member.core.lessor.find(7n) !== 0) assert.equal(world.keepAlive(7n), 0);
  assert.equal(world.keys().size, 0, "answered only when its keys are gone");
  assert.equal(world.keepAlive(8n), 0);
});

test("keep-alives of one call are answered in order, and end with it", () => {
  const world = new LeaseWorld(4);
  assert.ok(world.grant(1n, 20).ok);
  const answers: string[] = [];
  let end = "";
  const token = world.member.open(
    "Lease/LeaseKeepAlive",
    (bytes) => {
      const { id, ttl } = decodeLeaseKeepAliveResponse(bytes, 0, bytes.length);
      answers.push(`${id}:${ttl}`);
    },
    (outcome) => {
      end = outcome.ok ? "message" : `code ${outcome.code}`;
    },
  );
  for (const id of [1n, 2n, 1n, -1n, 1n]) {
    world.member.send(token, encodeLeaseKeepAliveRequestToBytes({ id }));
  }
  world.member.halfClose(token);
  world.clock.runUntil(() => end !== "", 10_000);
  assert.deepEqual(answers, ["1:20", "2:0", "1:20", "-1:0", "1:20"]);
  assert.equal(end, "code 0");
});

test("10,000 leases that end at once delay no put, and are gone within a second", () => {
  const world = new LeaseWorld(5, { lookMs: 0.02 });
  const { member, clock } = world;
  const leases = 10_000;
  let granted = 0;
  const grant = (lease: number): void => {
    const id = BigInt(lease);
    const request = encodeLeaseGrantRequestToBytes({ id, ttl: 30 });
    member.call("Lease/LeaseGrant", request, (outcome) => {
      assert.ok(outcome.ok);
      const put = { ...createPutRequest(), key: utf8(`k${lease}`), lease: id };
      member.call("Put", encodePutRequestToBytes(put), (answer) => {
        assert.ok(answer.ok);
        granted += 1;
      });
    });
  };
  for (let lease = 1; lease <= leases; lease += 1) {
    grant(lease);
    // No more than the member takes at a time.
    if (lease % 1000 === 0) assert.ok(clock.runUntil(() => granted === lease, 60_000));
  }
  // All at the same moment.
  member.core.lessor.promote(0, world.nowMs);
  const endMs = world.nowMs + 30_000;
  assert.equal(world.keys().size, leases);
  clock.runUntil(() => world.nowMs > endMs - 50, 60_000);
  let worstMs = 0;
  let mostGone = 0;
  let puts = 0;
  while (member.core.lessor.size > 0 && world.nowMs < endMs + 5000) {
    const startMs = world.nowMs;
    const before = member.core.lessor.size;
    assert.ok(world.put("among them").ok);
    mostGone = Math.max(mostGone, before - member.core.lessor.size);
    worstMs = Math.max(worstMs, world.nowMs - startMs);
    puts += 1;
  }
  assert.ok(world.nowMs < endMs + 1000, `gone after ${world.nowMs - endMs} ms`);
  assert.ok(puts > 20, `${puts} puts`);
  assert.ok(mostGone < 1000, `${mostGone} leases went before one put`);
  assert.ok(worstMs < 50, `a put took ${worstMs} ms`);
  assert.equal(world.keys().size, 1);
});

test("what cannot be revoked while an alarm forbids it is revoked after that", () => {
  const world = new LeaseWorld(10);
  assert.ok(world.grant(1n, 3).ok);
  assert.ok(world.put("k", 1n).ok);
  const alarm = (action: number): void => {
    const memberID = world.member.core.start.memberId;
    const request = { action, memberID, alarm: AlarmType.corrupt };
    assert.ok(world.call("Maintenance/Alarm", encodeAlarmRequestToBytes(request)).ok);
  };
  alarm(1);
  assert.equal(world.grant(2n, 3).ok, false);
  world.clock.runFor(10_000);
  assert.ok(world.timeToLive(1n).ttl < -5, "still there, long after its time");
  alarm(2);
  world.clock.runFor(1000);
  assert.equal(world.timeToLive(1n).ttl, -1);
  assert.equal(world.keys().size, 0);
});

test("an alarm that forbids revocations has none proposed, however many leases expired", () => {
  const world = new LeaseWorld(12);
  const leases = 1000;
  let granted = 0;
  for (let lease = 1; lease <= leases; lease += 1) {
    const request = encodeLeaseGrantRequestToBytes({ id: BigInt(lease), ttl: 3 });
    world.member.call("Lease/LeaseGrant", request, () => {
      granted += 1;
    });
  }
  assert.ok(world.clock.runUntil(() => granted === leases, 60_000));
  const memberID = world.member.core.start.memberId;
  const alarm = { memberID, alarm: AlarmType.corrupt };
  world.call("Maintenance/Alarm", encodeAlarmRequestToBytes({ ...alarm, action: 1 }));
  const { node } = world.member.core.group;
  const before = node.lastIndex;
  world.clock.runFor(10_000);
  assert.equal(node.lastIndex, before, "entries while nothing can be revoked");
  world.call("Maintenance/Alarm", encodeAlarmRequestToBytes({ ...alarm, action: 2 }));
  assert.ok(world.clock.runUntil(() => world.member.core.lessor.size === 0, 2000));
});

test("a revocation that waits for the disk for long ends no lease granted behind it", () => {
  const world = new LeaseWorld(13);
  const { member, clock } = world;
  const { group } = member.core;
  assert.ok(world.grant(7n, 2).ok);
  const durable = group.durable.bind(group);
  group.durable = () => {};
  const before = group.node.lastIndex;
  assert.ok(
    clock.runUntil(() => group.node.lastIndex > before, 5000),
    "its revocation",
  );
  clock.runFor(7100);
  let isGranted = false;
  member.call(
    "Lease/LeaseGrant",
    encodeLeaseGrantRequestToBytes({ id: 7n, ttl: 600 }),
    ({ ok }) => {
      isGranted = ok;
    },
  );
  // Longer than any proposal of a client waits, and than its retry takes.
  clock.runFor(3000);
  group.durable = durable;
  durable();
  assert.ok(clock.runUntil(() => isGranted, 3000));
  clock.runFor(2000);
  assert.ok(world.timeToLive(7n).ttl > 590, "it has its own time");
  assert.ok(world.grant(8n, 2).ok);
  assert.ok(
    clock.runUntil(() => member.core.lessor.size === 1, 3000),
    "others end as before",
  );
});

test("a revocation that was refused after a long wait for the disk is proposed again", () => {
  const world = new LeaseWorld(15);
  const { member, clock } = world;
  const { group } = member.core;
  assert.ok(world.grant(7n, 2).ok);
  const durable = group.durable.bind(group);
  group.durable = () => {};
  const alarm = { memberID: member.core.start.memberId, alarm: AlarmType.corrupt };
  // Before the revocation in the log, and not applied when that is proposed.
  const raise = encodeAlarmRequestToBytes({ ...alarm, action: 1 });
  member.call("Maintenance/Alarm", raise, () => {});
  clock.runFor(12_000);
  group.durable = durable;
  durable();
  clock.runFor(1000);
  assert.equal(member.core.lessor.size, 1, "refused");
  world.call("Maintenance/Alarm", encodeAlarmRequestToBytes({ ...alarm, action: 2 }));
  assert.ok(clock.runUntil(() => member.core.lessor.size === 0, 2000));
});

test("with checkpoints a lease goes on from where it was, and a keep-alive clears that", () => {
  const config = { featureGates: { ...DEFAULT_FEATURE_GATES, LeaseCheckpoint: true } };
  const world = new LeaseWorld(6, { config });
  assert.ok(world.grant(1n, 1000).ok);
  assert.ok(world.grant(2n, 1000).ok);
  assert.ok(world.grant(3n, 290).ok);
  world.clock.runFor(301_000);
  assert.equal(world.timeToLive(3n).ttl, -1);
  assert.equal(world.keepAlive(2n), 1000);
  world.restart("power");
  const left = world.timeToLive(1n).ttl;
  assert.ok(left >= 699 && left <= 701, `${left} s are left`);
  assert.ok(world.timeToLive(2n).ttl >= 999, "renewed, so it has all of it");
  assert.equal(world.keepAlive(1n), 1000);
  world.restart("kill");
  assert.ok(world.timeToLive(1n).ttl >= 999);
});

test("a keep-alive while a checkpoint is on its way to the disk clears that, too", () => {
  const config = { featureGates: { ...DEFAULT_FEATURE_GATES, LeaseCheckpoint: true } };
  const world = new LeaseWorld(14, { config });
  assert.ok(world.grant(1n, 1000).ok);
  world.clock.runFor(200_000);
  const { group } = world.member.core;
  const { node } = group;
  const durable = group.durable.bind(group);
  group.durable = () => {};
  const before = node.lastIndex;
  assert.ok(
    world.clock.runUntil(() => node.lastIndex > before, 200_000),
    "a checkpoint",
  );
  const promised: number[] = [];
  const token = world.member.open("Lease/LeaseKeepAlive", (bytes) => {
    promised.push(decodeLeaseKeepAliveResponse(bytes, 0, bytes.length).ttl);
  });
  world.member.send(token, encodeLeaseKeepAliveRequestToBytes({ id: 1n }));
  group.durable = durable;
  durable();
  assert.ok(world.clock.runUntil(() => promised.length > 0, 1000));
  assert.deepEqual(promised, [1000]);
  world.clock.runFor(1000);
  const settled = node.lastIndex;
  world.restart("kill");
  assert.ok(world.timeToLive(1n).ttl >= 999, "what the keep-alive promised");
  assert.equal(world.keepAlive(1n), 1000);
  // The next term's own entry, and no other: there is nothing left to clear.
  assert.equal(world.member.core.group.node.lastIndex, settled + 1);
});

test("without checkpoints nothing of a lease's time is written", () => {
  const world = new LeaseWorld(7);
  assert.ok(world.grant(1n, 1000).ok);
  const before = world.member.core.group.node.commitIndex;
  world.clock.runFor(700_000);
  assert.equal(world.keepAlive(1n), 1000);
  assert.equal(world.member.core.group.node.commitIndex, before);
});

test("all leases are listed by when they end, also when they are many", () => {
  const world = new LeaseWorld(8);
  const { member, clock } = world;
  let granted = 0;
  const count = 3000;
  const idOf = (at: number): bigint => BigInt((at * 7919) % count) + 1n;
  for (let at = 0; at < count; at += 1) {
    const id = idOf(at);
    const request = encodeLeaseGrantRequestToBytes({ id, ttl: 100 + Number(id) });
    member.call("Lease/LeaseGrant", request, () => {
      granted += 1;
    });
  }
  clock.runUntil(() => granted === count, 60_000);
  const expected = Array.from({ length: count }, (_, at) => BigInt(at + 1));
  assert.deepEqual(world.leases(), expected);
});

test("all keys of a lease are told, also when they are many", () => {
  const world = new LeaseWorld(9);
  assert.ok(world.grant(1n, 100).ok);
  const count = 2500;
  for (let at = 0; at < count; at += 1) world.put(`k${at}`, 1n);
  const { keys } = world.timeToLive(1n);
  assert.equal(new Set(keys.map((key) => new TextDecoder().decode(key))).size, count);
  const { revision } = world.everything().header!;
  assert.ok(world.revoke(1n).ok);
  assert.equal(world.keys().size, 0);
  assert.equal(world.everything().header!.revision, revision + 1);
});
