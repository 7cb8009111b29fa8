import assert from "node:assert/strict";
import { BusyClock } from "../sim/world/busy-clock.ts";
import { test } from "node:test";
import { newSpan } from "../base/span.ts";
import { Alarms } from "../cluster/alarms.ts";
import { Membership } from "../cluster/membership.ts";
import { Lessor } from "../lease/lessor.ts";
import type { LeaseChange } from "../mvcc/types.ts";
import { openStore } from "../mvcc/store/kv-store.ts";
import type { KvStore } from "../mvcc/store/store.ts";
import {
  createCompare,
  createDeleteRangeRequest,
  createInternalRaftRequest,
  createPutRequest,
  createRangeRequest,
  createRequestHeader,
  createTxnRequest,
  encodeInternalRaftRequestToBytes,
  type InternalRaftRequest,
  type RequestOp,
} from "../proto/gen/etcdserverpb.ts";
import type { Clock } from "../platform/clock.ts";
import { type Entry, EntryType } from "../raft/types.ts";
import { VirtualClock } from "../sim/world/clock.ts";
import { openMemoryBackend } from "../storage/backend/memory/memory-backend.ts";
import { Applier } from "./applier.ts";
import { Committer } from "./committer.ts";
import { Quota } from "./quota.ts";
import type { ApplyEvents, ApplyResults } from "./results.ts";

const NO_QUOTA = -1;
const PLENTY = { freeBytes: Number.POSITIVE_INFINITY, isShort: false };
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Machine {
  readonly applier: Applier;
  readonly store: KvStore;
  /** What was answered, one line each. */
  readonly said: string[];
}

function newMachine(quotaBytes = NO_QUOTA, clock: Clock = new VirtualClock()): Machine {
  const said: string[] = [];
  const backend = openMemoryBackend();
  const lessor = new Lessor({ hashSeed: 7, ttlMinSeconds: 2, hasCheckpoints: false });
  const onLeaseChange = (change: LeaseChange): void => lessor.leaseChanged(change);
  const store = openStore({ backend, hashSeed: 7, onLeaseChange });
  const results: ApplyResults = {
    wants: () => true,
    put: (id, revision) => said.push(`put ${id} at ${revision}`),
    deleted: (id, revision, { deleted }) => said.push(`deleted ${deleted} ${id} at ${revision}`),
    txn: (id, revision) => said.push(`txn ${id} at ${revision}`),
    compacted: (id, revision) => said.push(`compacted ${id} at ${revision}`),
    alarms: (id) => said.push(`alarms ${id}`),
    leaseGranted: (id, _, { ttl }) => said.push(`granted ${id} for ${ttl} s`),
    leaseRevoked: (id, revision) => said.push(`revoked ${id} at ${revision}`),
    done: (id) => said.push(`done ${id}`),
    failed: (id, error) => said.push(`failed ${id}: ${String(error)}`),
    overQuota: (id) => said.push(`over quota ${id}`),
  };
  const events: ApplyEvents = {
    onCompaction: () => {},
    onOverQuota: () => said.push("alarm wanted"),
    onClusterChange: () => {},
    onTermBegun: () => {},
    onLeaseGranted: () => {},
    onLeaseRevoked: () => {},
    storesCheckpoints: () => true,
  };
  const applier = new Applier({
    clock,
    store,
    backend,
    committer: new Committer(backend),
    membership: new Membership(),
    alarms: new Alarms(),
    lessor,
    results,
    events,
    quota: new Quota(backend, quotaBytes, PLENTY),
  });
  return { applier, store, said };
}

function entry(index: number, request: InternalRaftRequest["request"]): Entry {
  const header = { ...createRequestHeader(), id: BigInt(index) };
  const data = encodeInternalRaftRequestToBytes({
    ...createInternalRaftRequest(),
    header,
    request,
  });
  return { type: EntryType.normal, term: 2, index, data };
}

const put = (index: number, key: string): Entry =>
  entry(index, { case: "put", value: { ...createPutRequest(), key: utf8(key) } });

function applyAll({ applier }: Machine, entries: readonly Entry[]): void {
  for (let at = 0; at < entries.length;) at += applier.apply(entries, at);
}

test("an entry that was applied is not applied again, those behind it are", () => {
  const machine = newMachine();
  const entries = [put(1, "a"), put(2, "b"), put(3, "c")];
  applyAll(machine, entries.slice(0, 2));
  applyAll(machine, entries);
  assert.deepEqual(machine.said, ["put 1 at 2", "put 2 at 3", "put 3 at 4"]);
  assert.equal(machine.store.currentRevision, 4);
});

test("a deletion of more keys than one step takes is one change", () => {
  const machine = newMachine();
  const keys = 2_500;
  for (let at = 0; at < keys; at += 1) applyAll(machine, [put(at + 1, `k${at}`)]);
  const all = { ...createDeleteRangeRequest(), key: utf8("k"), rangeEnd: utf8("l") };
  machine.said.length = 0;
  applyAll(machine, [entry(keys + 1, { case: "deleteRange", value: all })]);
  assert.deepEqual(machine.said, [`deleted ${keys} ${keys + 1} at ${keys + 2}`]);
});

test("entries that hold nothing for this version are passed over", () => {
  const machine = newMachine();
  const empty: Entry = { type: EntryType.normal, term: 2, index: 1, data: new Uint8Array(0) };
  applyAll(machine, [empty, entry(2, undefined), put(3, "a")]);
  assert.deepEqual(machine.said, ["put 3 at 2"]);
});

test("over the quota a write is done and refused, what costs nothing is only done", () => {
  const machine = newMachine(1);
  const all = { ...createDeleteRangeRequest(), key: utf8("a") };
  const reads = { ...createTxnRequest() };
  const writes = { ...createTxnRequest() };
  writes.failure = [{ request: { case: "requestPut", value: createPutRequest() } }];
  applyAll(machine, [
    put(1, "a"),
    entry(2, { case: "txn", value: reads }),
    entry(3, { case: "txn", value: writes }),
    entry(4, { case: "deleteRange", value: all }),
    entry(5, { case: "compaction", value: { revision: 2, physical: false } }),
  ]);
  assert.deepEqual(machine.said, [
    "alarm wanted",
    "over quota 1",
    "txn 2 at 2",
    // The costlier branch counts, whichever is taken.
    "alarm wanted",
    "over quota 3",
    "deleted 1 4 at 3",
    "compacted 5 at 3",
  ]);
});

test("what room there is counts before a write, as in etcd", () => {
  const machine = newMachine(100_000);
  const large = { ...createPutRequest(), key: utf8("k"), value: new Uint8Array(60_000) };
  applyAll(machine, [
    entry(1, { case: "put", value: large }),
    entry(2, { case: "put", value: large }),
  ]);
  assert.deepEqual(machine.said, ["put 1 at 2", "alarm wanted", "over quota 2"]);
});

test("while NOSPACE is raised puts and grants are refused, while CORRUPT all that changes", () => {
  const machine = newMachine();
  const requests: InternalRaftRequest["request"][] = [
    { case: "put", value: createPutRequest() },
    { case: "txn", value: createTxnRequest() },
    { case: "leaseGrant", value: { ttl: 5, id: 7n } },
    { case: "deleteRange", value: createDeleteRangeRequest() },
    { case: "compaction", value: { revision: 1, physical: false } },
    { case: "leaseRevoke", value: { id: 7n } },
  ];
  const alarm = (index: number, kind: number): Entry =>
    entry(index, { case: "alarm", value: { action: 1, memberID: 9n, alarm: kind } });
  applyAll(machine, [alarm(1, 1), ...requests.slice(0, 5).map((each, at) => entry(2 + at, each))]);
  assert.deepEqual(machine.said, [
    "alarms 1",
    "failed 2: noSpace",
    "txn 3 at 1",
    "failed 4: noSpace",
    "deleted 0 5 at 1",
    "compacted 6 at 1",
  ]);
  machine.said.length = 0;
  applyAll(machine, [alarm(10, 2), ...requests.map((each, at) => entry(11 + at, each))]);
  const refused = requests.map((_, at) => `failed ${11 + at}: corrupt`);
  assert.deepEqual(machine.said, ["alarms 10", ...refused]);
});

test("an entry that this version cannot apply stops it instead of being skipped", () => {
  const machine = newMachine();
  const users = entry(1, { case: "authEnable", value: {} });
  assert.throws(() => applyAll(machine, [users]), /entry 1 .* authEnable/u);
});

test("a long transaction is applied in slices, and seen as a whole", () => {
  const { applier, store, said } = newMachine(NO_QUOTA, new BusyClock(1));
  const puts = Array.from({ length: 3000 }, (_, i) =>
    entry(i + 1, {
      case: "put",
      value: { ...createPutRequest(), key: utf8(`k${10_000 + i}`), value: utf8("v") },
    }),
  );
  for (let done = 0; done < puts.length;) done += applier.apply(puts, done);
  const all = { key: utf8("k"), rangeEnd: utf8("l") };
  const target = { target: 0, result: 0, targetUnion: { case: "version" as const, value: 1 } };
  const requests = [
    { case: "requestRange" as const, value: { ...createRangeRequest(), ...all } },
    { case: "requestDeleteRange" as const, value: { ...createDeleteRangeRequest(), ...all } },
    { case: "requestPut" as const, value: { ...createPutRequest(), key: utf8("k") } },
  ];
  const txn = {
    ...createTxnRequest(),
    compare: [{ ...createCompare(), ...all, ...target }],
    success: requests.map((request) => ({ request })),
  };
  const entries = [entry(3001, { case: "txn", value: txn })];
  const before = store.currentRevision;
  let slices = 1;
  while (applier.apply(entries, 0) === 0) {
    slices += 1;
    assert.ok(slices < 1000, "it comes to an end");
    assert.equal(store.currentRevision, before);
    const measure = store.newMeasure();
    measure.open({ key: newSpan(all.key), end: newSpan(all.rangeEnd) }, before, 0);
    assert.ok(measure.step(1_000_000));
    assert.equal(measure.count, 3000, "nothing of it is seen");
  }
  assert.ok(slices >= 7, `${slices} slices`);
  assert.equal(said.at(-1), `txn 3001 at ${before + 1}`);
  const measure = store.newMeasure();
  measure.open({ key: newSpan(all.key), end: newSpan(all.rangeEnd) }, before + 1, 0);
  assert.ok(measure.step(1_000_000));
  assert.equal(measure.count, 1);
});

test("a transaction of very many operations is decoded, planned and applied in slices", () => {
  const { applier, store, said } = newMachine(NO_QUOTA, new BusyClock(1));
  const nested = (prefix: string, count: number): RequestOp => ({
    request: {
      case: "requestTxn",
      value: {
        ...createTxnRequest(),
        compare: [{ ...createCompare(), key: utf8("k"), target: 0, result: 0 }],
        success: Array.from({ length: count }, (_, at) => ({
          request: {
            case: "requestPut" as const,
            value: { ...createPutRequest(), key: utf8(`${prefix} ${at}`) },
          },
        })),
        failure: [{ request: { case: "requestPut", value: createPutRequest() } }],
      },
    },
  });
  // No key: the compare of versions with nothing holds, on all levels.
  const success = Array.from({ length: 40 }, (_, at) => nested(`k${at}`, 100));
  const txn = { ...createTxnRequest(), success };
  const entries = [entry(1, { case: "txn", value: txn }), put(2, "last")];
  const refused = [entry(3, { case: "alarm", value: { action: 1, memberID: 9n, alarm: 1 } })];
  let slices = 1;
  for (; applier.apply(entries, 0) === 0; slices += 1) {
    assert.ok(slices < 1000, "it comes to an end");
    assert.equal(store.currentRevision, 1);
  }
  // That is 104 for carrying it out, and the rest for reading and planning it.
  assert.ok(slices >= 150, `${slices} slices`);
  while (applier.apply(entries, 1) === 0);
  assert.deepEqual(said, ["txn 1 at 2", "put 2 at 3"]);
  const measure = store.newMeasure();
  measure.open({ key: newSpan(utf8("k")), end: newSpan(utf8("l")) }, 2, 0);
  assert.ok(measure.step(1_000_000));
  assert.equal(measure.count, 4000);
  // What it costs is known without it being decoded.
  refused.push(entry(4, { case: "txn", value: txn }));
  for (let done = 0; done < 2;) done += applier.apply(refused, done);
  assert.equal(said.at(-1), "failed 4: noSpace");
});
