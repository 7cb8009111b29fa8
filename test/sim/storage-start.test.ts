import assert from "node:assert/strict";
import { test } from "node:test";
import { createPutRequest, encodePutRequestToBytes } from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { openBolt } from "../../src/storage/backend/bolt/bolt-backend.ts";
import { SimMember } from "./sim-member.ts";

const LIMIT_MS = 60_000;
const DB = "data/member/snap/db";
const WAL = "data/member/wal";

/** A directory with a database, snapshots of the log, and segments that were removed. */
class World {
  readonly clock = new VirtualClock();
  readonly disk = new VirtualDisk({ clock: this.clock, seed: 5 });

  start(): SimMember {
    const member = new SimMember({
      clock: this.clock,
      disk: this.disk,
      seed: 5,
      snapshotCount: 50,
      walSegmentBytes: 8192,
    });
    assert.ok(this.clock.runUntil(() => member.core.isReady, LIMIT_MS));
    return member;
  }

  /** Puts, with commits and snapshots between them. */
  fill(member: SimMember): void {
    for (let put = 0; put < 400; put += 1) {
      let isDone = false;
      const key = new TextEncoder().encode(`k${put}`);
      const request = { ...createPutRequest(), key, value: new Uint8Array(100) };
      member.call("Put", encodePutRequestToBytes(request), (outcome) => {
        assert.ok(outcome.ok);
        isDone = true;
      });
      assert.ok(this.clock.runUntil(() => isDone, LIMIT_MS));
      if (put % 50 === 49) this.clock.runFor(500);
    }
  }

  stop(member: SimMember): void {
    let isClosed = false;
    member.core.close((error) => {
      assert.equal(error, null);
      isClosed = true;
    });
    assert.ok(this.clock.runUntil(() => isClosed, LIMIT_MS));
    member.die();
  }

  /** A world whose member ran, and ended orderly. */
  static used(): World {
    const world = new World();
    const member = world.start();
    world.fill(member);
    world.stop(member);
    return world;
  }

  /** Changes the database behind the back of the log. */
  edit(change: (db: ReturnType<typeof openBolt>) => void): void {
    const fail = (error: Error): never => {
      throw error;
    };
    const db = openBolt({ disk: this.disk, path: DB, onFailure: fail });
    change(db);
    db.commit();
    assert.ok(this.clock.runUntil(() => db.isIdle, LIMIT_MS));
    db.close();
  }
}

test("a directory that ended orderly starts again, without its first segments", () => {
  const world = World.used();
  const [first] = world.disk.listSync(WAL);
  assert.notEqual(first, "0000000000000000-0000000000000000.wal", "no segment was removed");
  const member = world.start();
  assert.equal(member.core.store.currentRevision, 401);
  assert.equal(member.core.store.keyCount, 400);
});

test("a second member on the directory is refused", () => {
  const world = new World();
  world.start();
  assert.throws(() => world.start(), /locked by another process/);
});

test("a database without its log is refused", () => {
  const world = World.used();
  world.disk.removeTreeSync(WAL);
  assert.throws(() => world.start(), /has entries up to \d+, and .* has no log/);
});

test("a log without its database, or with one behind its snapshot, is refused", () => {
  const world = World.used();
  world.disk.unlinkSync(DB);
  assert.throws(
    () => world.start(),
    /database file \(.* index 0\) does not match with snapshot \(index \d+\)/,
  );
});

test("a database ahead of its log is refused", () => {
  const world = World.used();
  const index = new Uint8Array(8);
  new DataView(index.buffer).setBigUint64(0, 100_000n);
  world.edit((db) => db.put("meta", new TextEncoder().encode("consistent_index"), index));
  assert.throws(() => world.start(), /has entries up to 100000, and the log ends at \d+/);
});

test("a lease under another's id is refused", () => {
  const world = World.used();
  world.edit((db) => db.put("lease", new Uint8Array(8).fill(1), new Uint8Array([8, 1, 16, 60])));
  assert.throws(() => world.start(), /not a lease under its own id/);
});

test("what this version does not serve is refused by name", () => {
  const users = World.used();
  users.edit((db) => db.put("auth", new TextEncoder().encode("authEnabled"), Uint8Array.of(1)));
  assert.throws(() => users.start(), /authentication is on/);
  const others = World.used();
  const id = "8e9e05c52164694e";
  const member = `{"id":${BigInt(`0x${id}`)},"peerURLs":["http://localhost:1"],"name":"b"}`;
  const encoder = new TextEncoder();
  others.edit((db) => db.put("members", encoder.encode(id), encoder.encode(member)));
  assert.throws(() => others.start(), /a cluster of 2 members/);
});
