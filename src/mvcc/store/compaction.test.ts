import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../../base/span.ts";
import type { Backend } from "../../storage/backend/backend.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { openStore } from "./kv-store.ts";
import type { KvStore } from "./store.ts";

const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const span = (text: string) => newSpan(latin(text));

/** More steps than the compactions here have. */
const STEPS_MAX = 20;

const open = (backend: Backend): KvStore => openStore({ backend, hashSeed: 7 });

/** One transaction on the key a: p puts it (the values count from 0), t deletes it. */
function write(store: KvStore, operations: string, firstValue = "0"): number {
  store.begin();
  let value = Number(firstValue);
  for (const operation of operations) {
    if (operation === "p") store.put(span("a"), span(String(value++)), 0n);
    else store.deleteRange({ key: span("a"), end: span("\0") }, Infinity);
  }
  return store.end();
}

function hash(store: KvStore, revision: number): number {
  const job = store.newHash(revision, 0);
  while (!job.step(1, 0));
  return job.hash;
}

function finish(store: KvStore): void {
  while (store.compactStep(10) !== "idle");
}

/** Changes as revision, sub, and t for a tombstone. */
function stored(backend: Backend, revisionMax: number): string[] {
  const changes = backend.changes();
  const found: string[] = [];
  while (changes.next() && changes.main <= revisionMax) {
    found.push(`${changes.main}.${changes.sub}${changes.isTombstone ? "t" : ""}`);
  }
  return found;
}

test("CMP3, CMP7: a key deleted, put, deleted at the compacted revision, as in etcd", () => {
  const backend = openMemoryBackend();
  const store = open(backend);
  write(store, "p", "1");
  assert.equal(write(store, "tpt"), 3);
  write(store, "p", "1");
  assert.equal(store.compact(3), null);
  finish(store);
  write(store, "p", "1");
  write(store, "p", "1");
  assert.equal(write(store, "t"), 7);
  assert.deepEqual(stored(backend, 3), ["3.0t"]);
  // What etcd 3.7.1 says, before and after a restart.
  const vector = [2377487113, 1104869388, 3721692323, 2541138945];
  for (const store_ of [store, open(backend)]) {
    assert.deepEqual(
      [4, 5, 6, 7].map((revision) => hash(store_, revision)),
      vector,
    );
  }
});

test("CMP7: the same of a key that the compacted revision puts and deletes", () => {
  const backend = openMemoryBackend();
  const store = open(backend);
  assert.equal(write(store, "pt"), 2);
  write(store, "p", "1");
  store.compact(2);
  finish(store);
  write(store, "p", "1");
  write(store, "p", "1");
  write(store, "t");
  assert.deepEqual(stored(backend, 2), ["2.1t"]);
  for (const store_ of [store, open(backend)]) {
    assert.deepEqual(
      [3, 4, 5, 6].map((revision) => hash(store_, revision)),
      [1612748125, 3050145362, 2690922234, 3505647353],
    );
  }
});

/** What is kept of one transaction on a key that was there, compacting at it. */
const KEPT: readonly [string, readonly string[]][] = [
  ["t", ["3.0t"]],
  ["tpt", ["3.0t"]],
  ["tptpt", ["3.0t"]],
  ["ptpt", ["3.1t"]],
  ["ppt", ["3.2t"]],
  // Left there: the put stays, which is meant (docs/mvcc.md).
  ["tp", ["3.0t", "3.1"]],
  ["tptp", ["3.0t", "3.1", "3.2t", "3.3"]],
  ["ppp", ["3.2"]],
];

for (const [operations, kept] of KEPT) {
  test(`CMP3, CMP5: ${operations} at the compacted revision, cut short anywhere`, () => {
    for (const later of ["", "p", "pt"]) {
      for (let steps = 0; steps < STEPS_MAX; steps++) {
        const backend = openMemoryBackend();
        const store = open(backend);
        write(store, "p");
        write(store, operations);
        for (const operation of later) write(store, operation);
        store.compact(3);
        for (let step = 0; step < steps; step++) store.compactStep(1);
        const again = open(backend);
        finish(again);
        assert.deepEqual(stored(backend, 3), kept, `later ${later}, ${steps} steps`);
        const last = again.currentRevision;
        assert.equal(hash(again, last), hash(open(backend), last));
      }
    }
  });
}

test("CMP7: the hash of a compaction is remembered as it was before it, of the last ten", () => {
  const store = open(openMemoryBackend());
  // Something is always kept: where nothing is, etcd hashes before and during differently.
  store.begin();
  store.put(span("0"), span("0"), 0n);
  store.end();
  const wanted: { hash: number; hashRevision: number; compactRevision: number }[] = [];
  let compactRevision = -1;
  for (let round = 0; round < 14; round += 1) {
    for (const operations of ["p", "pp", "tp", "t", "p"]) write(store, operations, String(round));
    const hashRevision = store.currentRevision - (round % 4);
    wanted.push({ hash: hash(store, hashRevision), hashRevision, compactRevision });
    assert.equal(store.compact(hashRevision), null);
    finish(store);
    compactRevision = hashRevision;
  }
  for (const [at, each] of wanted.entries()) {
    assert.deepEqual(store.compactedHash(each.hashRevision), at < 4 ? null : each, `round ${at}`);
  }
  assert.equal(store.compactedHash(store.currentRevision + 1), null);
});

test("CMP7: of compactions that wait for one another only the first is remembered", () => {
  const store = open(openMemoryBackend());
  for (let i = 0; i < 6; i += 1) write(store, "p");
  const wanted = { hash: hash(store, 3), hashRevision: 3, compactRevision: -1 };
  assert.equal(store.compact(3), null);
  assert.equal(store.compact(5), null);
  finish(store);
  assert.deepEqual(store.compactedHash(3), wanted);
  assert.equal(store.compactedHash(5), null);
  assert.equal(store.finishedCompactRevision, 5);
});

test("large values count: a step of a hash or a compaction visits few of them", () => {
  const store = open(openMemoryBackend());
  const value = newSpan(new Uint8Array(1024 * 1024));
  for (let i = 0; i < 12; i += 1) {
    store.begin();
    store.put(span("a"), value, 0n);
    store.end();
  }
  const job = store.newHash(store.currentRevision, 0);
  let steps = 0;
  while (!job.step(1000, 0)) steps += 1;
  assert.ok(steps >= 12, `a hash in ${steps} steps`);
  assert.equal(store.compact(store.currentRevision), null);
  let slices = 0;
  while (store.compactStep(64) !== "idle") slices += 1;
  assert.ok(slices >= 12, `a compaction in ${slices} slices`);
});
