import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createCompactionRequest,
  createDeleteRangeRequest,
  createPutRequest,
  encodeCompactionRequestToBytes,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
} from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { type Outcome, SimMember } from "./sim-member.ts";

const LIMIT_MS = 120_000;
const DB = "data/member/snap/db";
const NO_BYTES = new Uint8Array(0);
const DEFRAGMENT = "Maintenance/Defragment";
const encoder = new TextEncoder();

/** A member with a file, most of which is free. */
class World {
  readonly clock = new VirtualClock();
  disk = new VirtualDisk({
    clock: this.clock,
    seed: 11,
    latencyMs: { min: 0, max: 1 },
  });
  member: SimMember;

  constructor() {
    this.member = this.start();
    for (let i = 0; i < 1200; i += 1) {
      const key = encoder.encode(`k${i}`);
      const request = { ...createPutRequest(), key, value: new Uint8Array(700).fill(i) };
      this.answered(this.member.call("Put", encodePutRequestToBytes(request), this.#keep));
    }
    const range = { key: encoder.encode("k"), rangeEnd: encoder.encode("k9") };
    const remove = { ...createDeleteRangeRequest(), ...range };
    this.call("DeleteRange", encodeDeleteRangeRequestToBytes(remove));
    const revision = this.member.core.store.currentRevision;
    const compact = { ...createCompactionRequest(), revision, physical: true };
    this.call("Compact", encodeCompactionRequestToBytes(compact));
    this.clock.runFor(1000);
  }

  #outcome: Outcome | null = null;
  readonly #keep = (outcome: Outcome): void => {
    this.#outcome = outcome;
  };

  start(): SimMember {
    const { clock, disk } = this;
    const member = new SimMember({ clock, disk, seed: 11 });
    assert.ok(clock.runUntil(() => member.core.isReady, LIMIT_MS));
    return member;
  }

  /** Runs until the call is answered, well. */
  answered(_token: number): Uint8Array {
    assert.ok(this.clock.runUntil(() => this.#outcome !== null, LIMIT_MS));
    const outcome = this.#outcome!;
    this.#outcome = null;
    assert.ok(outcome.ok, JSON.stringify(outcome));
    return outcome.message;
  }

  call(method: string, request: Uint8Array): Uint8Array {
    return this.answered(this.member.call(method, request, this.#keep));
  }

  get fileBytes(): number {
    const file = this.disk.openSync(DB, {});
    const bytes = this.disk.sizeSync(file);
    this.disk.closeSync(file);
    return bytes;
  }
}

test("Defragment answers when the file has shrunk, without a header as etcd does", () => {
  const world = new World();
  const { store, backend } = world.member.core;
  const before = { bytes: world.fileBytes, keys: store.keyCount, revision: store.currentRevision };
  assert.equal(world.call(DEFRAGMENT, NO_BYTES).length, 0);
  assert.ok(world.fileBytes < before.bytes / 4, `${before.bytes}, then ${world.fileBytes}`);
  assert.equal(backend.sizeBytes, world.fileBytes);
  assert.deepEqual(
    { bytes: before.bytes, keys: store.keyCount, revision: store.currentRevision },
    before,
  );
});

test("puts are answered meanwhile, each call is answered once, and a restart finds all", () => {
  const world = new World();
  const { member, clock } = world;
  const ends: number[] = [];
  const startMs = clock.monotonicMs();
  for (let i = 0; i < 3; i += 1) {
    member.call(DEFRAGMENT, NO_BYTES, (outcome) => {
      assert.ok(outcome.ok);
      ends.push(clock.monotonicMs() - startMs);
    });
  }
  let slowestMs = 0;
  let puts = 0;
  while (ends.length < 3) {
    const request = { ...createPutRequest(), key: encoder.encode(`n${puts}`), value: NO_BYTES };
    const sentMs = clock.monotonicMs();
    world.call("Put", encodePutRequestToBytes(request));
    slowestMs = Math.max(slowestMs, clock.monotonicMs() - sentMs);
    puts += 1;
  }
  assert.ok(puts > 20, `${puts} puts`);
  // A commit's operations on this disk, a millisecond each at most, and the log's.
  assert.ok(slowestMs < 60, `a put took ${slowestMs} ms`);
  const { keyCount, currentRevision } = member.core.store;
  world.disk = world.disk.crash("power");
  member.die();
  const again = world.start();
  assert.equal(again.core.store.keyCount, keyCount);
  assert.equal(again.core.store.currentRevision, currentRevision);
});
