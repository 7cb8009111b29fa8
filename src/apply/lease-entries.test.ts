import assert from "node:assert/strict";
import { test } from "node:test";
import { inOneGo } from "../base/sliced.ts";
import { type ByteSpan, newSpan } from "../base/span.ts";
import { Lessor } from "../lease/lessor.ts";
import { openStore } from "../mvcc/store/kv-store.ts";
import { VirtualClock } from "../sim/world/clock.ts";
import { openMemoryBackend } from "../storage/backend/memory/memory-backend.ts";
import { type LeaseRecord, readLeases } from "../storage/schema/leases.ts";
import { LeaseEntries } from "./lease-entries.ts";
import { finish, STEP_KEYS } from "./steps.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function rig(storesCheckpoints = true) {
  const backend = openMemoryBackend();
  const lessor = new Lessor({ hashSeed: 1, ttlMinSeconds: 2, hasCheckpoints: false });
  const store = openStore({
    backend,
    hashSeed: 1,
    onLeaseChange: (change) => lessor.leaseChanged(change),
  });
  const told: (number | bigint)[] = [];
  const entries = new LeaseEntries({
    clock: new VirtualClock(),
    store,
    backend,
    lessor,
    events: {
      onLeaseGranted: (ttl) => told.push(ttl),
      onLeaseRevoked: (id) => told.push(id),
      storesCheckpoints: () => storesCheckpoints,
    },
  });
  const put = (key: string, lease: bigint): void => {
    store.begin();
    store.put(newSpan(bytes(key)), newSpan(bytes("v")), lease);
    store.end();
  };
  const stored = (): LeaseRecord[] => {
    const leases: LeaseRecord[] = [];
    inOneGo(readLeases(backend, (lease) => leases.push(lease)));
    return leases;
  };
  return { store, entries, lessor, told, put, stored };
}

test("a grant is stored as it was granted, a refused one is not", () => {
  const { entries, stored, told } = rig();
  assert.deepEqual(entries.grant({ id: 5n, ttl: 1 }), { id: 5n, ttl: 2 });
  assert.equal(entries.grant({ id: 5n, ttl: 9 }), "leaseExists");
  assert.equal(entries.grant({ id: 6n, ttl: 9_000_000_001 }), "leaseTtlTooLarge");
  assert.deepEqual(stored(), [{ id: 5n, ttl: 2, remaining: 0 }]);
  assert.deepEqual(told, [2]);
});

test("a revocation deletes the keys in bytewise order, in one revision, and the lease", () => {
  const { entries, store, put, stored, told } = rig();
  entries.grant({ id: 5n, ttl: 10 });
  entries.grant({ id: 6n, ttl: 10 });
  for (const key of ["b", "a\0", "ab", "a", "c", "moved"]) put(key, 5n);
  put("moved", 6n);
  put("c", 0n);
  const revision = finish(entries.revokeInSteps(5n));
  assert.equal(revision, store.currentRevision);
  const deleted: string[] = [];
  const out = newSpan();
  for (let sub = 0; store.readChange(revision as number, sub, out) === "tombstone"; sub += 1) {
    deleted.push(new TextDecoder().decode(out.bytes.subarray(out.start + 2, out.end)));
  }
  assert.deepEqual(deleted, ["a", "a\0", "ab", "b"]);
  assert.equal(store.keyCount, 2);
  assert.deepEqual(stored(), [{ id: 6n, ttl: 10, remaining: 0 }]);
  assert.deepEqual(told, [10, 10, 5n]);
  assert.equal(finish(entries.revokeInSteps(5n)), "leaseNotFound");
});

test("a revocation without keys is no revision; one of very many is cut into steps", () => {
  const { entries, store, put } = rig();
  entries.grant({ id: 5n, ttl: 10 });
  assert.equal(finish(entries.revokeInSteps(5n)), 1);
  entries.grant({ id: 5n, ttl: 10 });
  const keys = 5000;
  for (let key = 0; key < keys; key += 1) put(`k${(key * 7) % keys}`, 5n);
  let steps = 0;
  const work = entries.revokeInSteps(5n);
  while (work.next().done !== true) steps += 1;
  assert.ok(steps > 10, `${steps} steps`);
  assert.equal(store.keyCount, 0);
  assert.equal(store.currentRevision, keys + 2);
});

test("a step of a revocation deletes few keys, looks at few, and copies none", () => {
  const { entries, store, put, lessor } = rig();
  const [keys, deletionsMax, looksMax] = [5000, 100, 2 * STEP_KEYS + 100];
  entries.grant({ id: 5n, ttl: 10 });
  for (let key = 0; key < keys; key += 1) put(`k${(key * 7) % keys}`, 5n);
  let [deletions, looks] = [0, 0];
  const spans = new Set<ByteSpan>();
  const { delete: deleteKey, keyOf } = store;
  store.delete = (key) => {
    deletions += 1;
    spans.add(key);
    return deleteKey.call(store, key);
  };
  store.keyOf = (id, out) => {
    looks += 1;
    keyOf.call(store, id, out);
  };
  const work = entries.revokeInSteps(5n);
  for (let isOver = false; !isOver;) {
    [deletions, looks] = [0, 0];
    isOver = work.next().done === true;
    assert.ok(deletions <= deletionsMax, `${deletions} deletions in a step`);
    assert.ok(looks <= looksMax, `${looks} looks in a step`);
  }
  assert.equal(spans.size, 1);
  assert.equal(store.keyCount, 0);
  assert.equal(lessor.size, 0);
});

test("checkpoints are stored where the cluster's version lets them be", () => {
  for (const isStored of [true, false]) {
    const { entries, stored } = rig(isStored);
    entries.grant({ id: 5n, ttl: 600 });
    const checkpoints = [
      { id: 5n, remainingTTL: 100 },
      { id: 7n, remainingTTL: 100 },
    ];
    entries.checkpoint({ checkpoints });
    assert.deepEqual(stored(), [{ id: 5n, ttl: 600, remaining: isStored ? 100 : 0 }]);
  }
});
