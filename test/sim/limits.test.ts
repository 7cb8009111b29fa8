import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createTxnRequest,
  decodeDeleteRangeResponse,
  decodeRangeResponse,
  encodeDeleteRangeRequestToBytes,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
  encodeTxnRequestToBytes,
} from "../../src/proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../src/sim/world/clock.ts";
import { VirtualDisk } from "../../src/sim/world/disk.ts";
import { type Outcome, SimMember } from "./sim-member.ts";

const READY_LIMIT_MS = 60_000;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function putBytes(key: string, valueBytes: number): Uint8Array {
  const request = { ...createPutRequest(), key: utf8(key), value: new Uint8Array(valueBytes) };
  return encodePutRequestToBytes(request);
}

interface World {
  /** May be changed at any time: how long each operation of the disk takes from now on. */
  readonly latencyMs: { min: number; max: number };
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
  readonly member: SimMember;
  readonly fatal: Error[];
}

function readyMember(options: { readonly lookMs?: number } = {}): World {
  const clock = new VirtualClock();
  const latencyMs = { min: 0, max: 0 };
  const disk = new VirtualDisk({ clock, seed: 7, latencyMs });
  const fatal: Error[] = [];
  const onFatal = (error: Error): unknown => fatal.push(error);
  const member = new SimMember({ clock, disk, seed: 7, onFatal, ...options });
  assert.ok(clock.runUntil(() => member.core.isReady, READY_LIMIT_MS));
  return { clock, disk, member, fatal, latencyMs };
}

/** Runs one call to its end. */
function call({ clock, member }: World, method: string, request: Uint8Array): Outcome {
  let outcome: Outcome | null = null;
  member.call(method, request, (result) => {
    outcome = result;
  });
  clock.runUntil(() => outcome !== null, READY_LIMIT_MS);
  return outcome!;
}

test("a proposal that the disk does not take is answered after etcd's 7 seconds", () => {
  const world = readyMember();
  Object.assign(world.latencyMs, { min: 20_000, max: 20_000 });
  const startMs = world.clock.monotonicMs();
  const outcome = call(world, "Put", putBytes("k", 1));
  assert.deepEqual(outcome, { ok: false, code: 14, text: "etcdserver: request timed out" });
  const tookMs = world.clock.monotonicMs() - startMs;
  assert.ok(tookMs >= 7000 && tookMs <= 7200, `${tookMs} ms`);
});

test("calls that wait when the member stops are told so", () => {
  const world = readyMember();
  const { clock, member } = world;
  Object.assign(world.latencyMs, { min: 500, max: 500 });
  const outcomes: Outcome[] = [];
  member.call("Put", putBytes("k", 1), (outcome) => outcomes.push(outcome));
  clock.runFor(100);
  assert.equal(outcomes.length, 0);
  let closed = false;
  member.core.close(() => {
    closed = true;
  });
  assert.deepEqual(outcomes, [{ ok: false, code: 14, text: "etcdserver: server stopped" }]);
  assert.ok(clock.runUntil(() => closed, READY_LIMIT_MS));
});

test("proposals are refused beyond the memory for them, and taken again afterwards", () => {
  const world = readyMember();
  Object.assign(world.latencyMs, { min: 3000, max: 3000 });
  const { clock, member } = world;
  const outcomes: Outcome[] = [];
  const request = putBytes("k", 1_000_000);
  for (let i = 0; i < 200; i += 1) member.call("Put", request, (outcome) => outcomes.push(outcome));
  const refused = outcomes.filter((outcome) => !outcome.ok);
  assert.ok(refused.length > 50 && refused.length < 100, `${refused.length} refused`);
  for (const outcome of refused) {
    assert.deepEqual(outcome, { ok: false, code: 2, text: "etcdserver: too many requests" });
  }
  assert.ok(clock.runUntil(() => outcomes.length === 200, 600_000));
  const { node } = member.core.group;
  clock.runUntil(() => node.appliedIndex === node.lastIndex, 600_000);
  assert.equal(
    member.core.store.currentRevision,
    1 + 200 - refused.length,
    "what was taken is there",
  );
  Object.assign(world.latencyMs, { min: 0, max: 0 });
  assert.equal(call(world, "Put", putBytes("k", 1)).ok, true);
});

test("after a failed sync nothing is acknowledged and the member stops", () => {
  const world = readyMember();
  const { clock, disk, member, fatal } = world;
  disk.faults.add({ op: "sync", code: "EIO" });
  const outcomes: Outcome[] = [];
  for (let i = 0; i < 10; i += 1) {
    member.call("Put", putBytes(`k${i}`, 10), (outcome) => outcomes.push(outcome));
  }
  clock.runFor(5000);
  assert.equal(fatal.length, 1);
  assert.match(fatal[0]!.message, /EIO/u);
  assert.deepEqual(
    outcomes.filter((outcome) => outcome.ok),
    [],
  );
});

test("a long deletion is seen whole or not at all by reads in between", () => {
  const world = readyMember({ lookMs: 0.5 });
  const { clock, member } = world;
  const keys = 20_000;
  for (let from = 0; from < keys; from += 100) {
    const success = Array.from({ length: 100 }, (_, at) => ({
      request: {
        case: "requestPut" as const,
        value: { ...createPutRequest(), key: utf8(`d/${from + at}`), value: utf8("v") },
      },
    }));
    const request = encodeTxnRequestToBytes({ ...createTxnRequest(), success });
    assert.equal(call(world, "Txn", request).ok, true);
  }
  const everything = { key: utf8("d/"), rangeEnd: utf8("d0") };
  const count = encodeRangeRequestToBytes({
    ...createRangeRequest(),
    ...everything,
    countOnly: true,
    serializable: true,
  });
  let deleted: Outcome | null = null;
  const request = { ...createDeleteRangeRequest(), ...everything };
  member.call("DeleteRange", encodeDeleteRangeRequestToBytes(request), (outcome) => {
    deleted = outcome;
  });
  const seen = new Set<number>();
  let readsInside = 0;
  while (deleted === null) {
    clock.step();
    if (member.core.store.pendingChanges > 0) readsInside += 1;
    member.call("Range", count, (outcome) => {
      assert.ok(outcome.ok);
      seen.add(decodeRangeResponse(outcome.message, 0, outcome.message.length).count);
    });
  }
  const result: Outcome = deleted;
  assert.ok((result as Outcome).ok);
  const { message } = result as Outcome & { ok: true };
  assert.equal(decodeDeleteRangeResponse(message, 0, message.length).deleted, keys);
  assert.deepEqual(
    [...seen].filter((value) => value !== keys && value !== 0),
    [],
  );
  assert.ok(readsInside >= 3, `${readsInside} reads while the deletion was half done`);
});
