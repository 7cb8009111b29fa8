import assert from "node:assert/strict";
import { test } from "node:test";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { readKeyValue } from "../key-value.ts";
import { newKeyState } from "../types.ts";
import type { KeyRange } from "../types.ts";
import { openStore } from "./kv-store.ts";
import { newKeyValueFields } from "./restore.ts";
import { VIEW_IDLE_MAX_MS } from "./store.ts";
import type { KvStore } from "./store.ts";

const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const span = (text: string) => newSpan(latin(text));
const textOf = (s: ReturnType<typeof span>): string =>
  Buffer.from(copyOfSpan(s)).toString("latin1");
const hex = (s: ReturnType<typeof span>): string => Buffer.from(copyOfSpan(s)).toString("hex");

function open(backend = openMemoryBackend()): KvStore {
  return openStore({ backend, hashSeed: 7 });
}

function put(store: KvStore, key: string, value = "v", lease = 0n): number {
  store.begin();
  store.put(span(key), span(value), lease);
  return store.end();
}

function remove(store: KvStore, key: string): number {
  store.begin();
  store.delete(span(key));
  return store.end();
}

function range(key: string, end: string): KeyRange {
  return { key: span(key), end: span(end) };
}

function list(store: KvStore, key: string, end: string, revision = store.readRevision): string[] {
  const cursor = store.newCursor();
  const out = newSpan();
  const found: string[] = [];
  cursor.open(range(key, end), revision);
  while (cursor.next()) {
    cursor.readKey(out);
    found.push(textOf(out));
  }
  return found;
}

/** create, mod, version of a key. */
function state(store: KvStore, key: string, revision = store.readRevision): number[] | null {
  const s = newKeyState();
  if (!store.find(span(key), revision, s)) return null;
  return [s.createRevision, s.modRevision, s.version];
}

function stored(store: KvStore, revision: number, sub: number): string {
  const out = newSpan();
  const kind = store.readChange(revision, sub, out);
  return kind === null ? "none" : `${kind} ${hex(out)}`;
}

function finish(store: KvStore): void {
  while (store.compactStep(10) === "working");
}

test("REV1: a new store has revision 1 and was never compacted; the first write gets 2", () => {
  const store = open();
  assert.equal(store.currentRevision, 1);
  assert.equal(store.compactRevision, -1);
  assert.equal(put(store, "a"), 2);
});

test("REV2: subs count the changes of one revision in the order of execution", () => {
  const store = open();
  store.begin();
  store.put(span("b"), span("1"), 0n);
  store.put(span("a"), span("1"), 0n);
  store.deleteRange(range("a", "z"), Infinity);
  assert.equal(store.end(), 2);
  assert.equal(stored(store, 2, 0), "put 0a01621002180220012a0131");
  assert.equal(stored(store, 2, 1), "put 0a01611002180220012a0131");
  assert.equal(stored(store, 2, 2), "tombstone 0a0161");
  assert.equal(stored(store, 2, 3), "tombstone 0a0162");
  assert.equal(stored(store, 2, 4), "none");
});

test("REV3, REV4: only a change raises the revision, an equal value is one", () => {
  const store = open();
  put(store, "a", "1");
  assert.equal(put(store, "a", "1"), 3);
  assert.equal(remove(store, "absent"), 3);
  store.begin();
  assert.equal(store.deleteRange(range("b", "z"), Infinity), 0);
  assert.equal(store.end(), 3);
  assert.equal(store.compact(2), null);
  finish(store);
  assert.equal(store.currentRevision, 3);
});

test("REV5: create, mod and version; a deletion begins them anew", () => {
  const store = open();
  put(store, "a");
  put(store, "a");
  assert.deepEqual(state(store, "a"), [2, 3, 2]);
  remove(store, "a");
  assert.equal(state(store, "a"), null);
  put(store, "a");
  assert.deepEqual(state(store, "a"), [5, 5, 1]);
  assert.deepEqual(state(store, "a", 3), [2, 3, 2]);
});

test("REV6, REV7: delete and put of one key inside one write", () => {
  const store = open();
  put(store, "a");
  store.begin();
  store.delete(span("a"));
  store.put(span("a"), span("new"), 0n);
  assert.deepEqual(state(store, "a"), [3, 3, 1]);
  assert.deepEqual(state(store, "a", 2), [2, 2, 1]);
  store.end();
  assert.deepEqual(state(store, "a"), [3, 3, 1]);
  store.begin();
  store.put(span("b"), span(""), 0n);
  store.delete(span("b"));
  store.end();
  assert.equal(state(store, "b"), null);
});

test("REV8: the revision survives a compaction of everything and a restart", () => {
  const backend = openMemoryBackend();
  const store = open(backend);
  put(store, "a");
  remove(store, "a");
  put(store, "b");
  remove(store, "b");
  store.compact(5);
  finish(store);
  assert.equal(stored(store, 5, 0), "tombstone 0a0162");
  assert.equal(store.currentRevision, 5);
  const again = open(backend);
  assert.equal(again.currentRevision, 5);
  assert.equal(again.compactRevision, 5);
  assert.equal(again.compact(5), "compacted");
});

test("a write is unseen before its end, and seen by itself", () => {
  const store = open();
  put(store, "a", "1");
  store.begin();
  store.put(span("a"), span("2"), 0n);
  store.put(span("n"), span("2"), 0n);
  assert.equal(store.readRevision, 3);
  assert.equal(store.currentRevision, 2);
  assert.deepEqual(list(store, "a", "z", store.currentRevision), ["a"]);
  assert.deepEqual(list(store, "a", "z"), ["a", "n"]);
  assert.deepEqual(state(store, "a", store.currentRevision), [2, 2, 1]);
  assert.equal(store.checkRevision(3), "future");
  assert.equal(store.keyCount, 1);
  store.end();
  assert.equal(store.keyCount, 2);
});

test("RNG1 to RNG4: ends of ranges", () => {
  const store = open();
  const keys = ["\0", "\0\0", "a", "a\0", "aa", "b", "\xfe", "\xff", "\xff\xff"];
  for (const key of keys) put(store, key, "");
  assert.deepEqual(list(store, "a", ""), ["a"]);
  assert.deepEqual(list(store, "c", ""), []);
  assert.deepEqual(list(store, "a", "\0"), keys.slice(2));
  assert.deepEqual(list(store, "\0", "\0"), keys);
  assert.deepEqual(list(store, "a", "b"), ["a", "a\0", "aa"]);
  assert.deepEqual(list(store, "a", "a"), []);
  assert.deepEqual(list(store, "b", "a"), []);
  assert.deepEqual(list(store, "\xff", "\0"), ["\xff", "\xff\xff"]);
  assert.deepEqual(list(store, "\xfe", "\xff"), ["\xfe"]);
  assert.deepEqual(list(store, "\0", "\0\0"), ["\0"]);
  store.begin();
  assert.equal(store.deleteRange(range("b", "a"), Infinity), 0);
  assert.equal(store.deleteRange(range("\xfe", "\0"), 2), 2);
  assert.equal(store.deleteRange(range("\xfe", "\0"), 2), 1);
  assert.equal(store.end(), 11);
});

test("R2: which revisions can be read", () => {
  const store = open();
  for (let i = 0; i < 5; i++) put(store, "a");
  assert.equal(store.checkRevision(7), "future");
  assert.equal(store.checkRevision(6), null);
  assert.equal(store.compact(4), null);
  assert.equal(store.checkRevision(4), null);
  assert.equal(store.checkRevision(3), "compacted");
});

test("CMP1: what may be compacted", () => {
  const store = open();
  put(store, "a");
  assert.equal(store.compact(-1), "compacted");
  assert.equal(store.compact(0), null);
  assert.equal(store.compact(0), "compacted");
  assert.equal(store.compact(3), "future");
  assert.equal(store.compact(2), null);
  assert.equal(store.compact(1), "compacted");
});

test("CMP3: what a compaction keeps of put, put, delete, put, delete", () => {
  const table: [number, string][] = [
    [2, "2 3 4t 5 6t"],
    [3, "3 4t 5 6t"],
    [4, "4t 5 6t"],
    [5, "5 6t"],
    [6, "6t"],
    [7, ""],
  ];
  for (const [revision, expected] of table) {
    const backend = openMemoryBackend();
    const store = open(backend);
    put(store, "k");
    put(store, "k");
    remove(store, "k");
    put(store, "k");
    remove(store, "k");
    put(store, "other");
    store.compact(revision);
    finish(store);
    const kept: string[] = [];
    const changes = backend.changes();
    while (changes.next()) {
      if (changes.main < 7) kept.push(`${changes.main}${changes.isTombstone ? "t" : ""}`);
    }
    assert.equal(kept.join(" "), expected, `compacted at ${revision}`);
    assert.equal(store.finishedCompactRevision, revision);
  }
});

test("CMP5: a compaction that was cut short goes on after a restart", () => {
  const backend = openMemoryBackend();
  const store = open(backend);
  for (let i = 0; i < 300; i++) put(store, `k${i % 20}`);
  store.compact(250);
  for (let i = 0; i < 5; i++) store.compactStep(10);
  const again = open(backend);
  assert.equal(again.compactRevision, 250);
  assert.equal(again.compactStep(10), "working");
  finish(again);
  assert.equal(again.compactStep(10), "idle");
  assert.equal(again.finishedCompactRevision, 250);
  const changes = backend.changes();
  let count = 0;
  while (changes.next()) count += 1;
  assert.equal(count, 20 + 51);
});

function hash(store: KvStore, revision: number): [number, number] {
  const job = store.newHash(revision, 0);
  while (!job.step(1, 0));
  return [job.hash, job.compactRevision];
}

test("CMP7: the reference vectors of HashKV", () => {
  const store = open();
  assert.deepEqual(hash(store, 1), [1084519789, -1]);
  put(store, "a", "1");
  put(store, "b", "2");
  remove(store, "a");
  put(store, "a", "3");
  assert.deepEqual(hash(store, 5), [2804068566, -1]);
  assert.deepEqual(hash(store, 3), [1827592406, -1]);
  store.compact(3);
  assert.deepEqual(hash(store, 5), [126654121, 3]);
  finish(store);
  assert.deepEqual(hash(store, 5), [126654121, 3]);
  store.compact(4);
  assert.deepEqual(hash(store, 5), [1767588491, 4]);
  assert.deepEqual(hash(store, 4), [728145079, 4]);
  finish(store);
  assert.deepEqual(hash(store, 5), [1767588491, 4]);
  assert.deepEqual(hash(store, 4), [728145079, 4]);
});

test("CMP7: nothing is kept when the revision itself deletes the only live keys", () => {
  const store = open();
  put(store, "a", "1");
  put(store, "b", "2");
  store.compact(3);
  store.begin();
  store.deleteRange(range("\0", "\xff"), Infinity);
  store.put(span("a"), span("3"), 0n);
  assert.equal(store.end(), 4);
  // What etcd 3.7.1 says: with nothing kept, all that is stored counts.
  assert.deepEqual(hash(store, 4), [2469020438, 3]);
});

test("a hash is over one picture, whatever is written and compacted meanwhile", () => {
  const whole = open();
  const sliced = open();
  for (const store of [whole, sliced]) {
    for (let i = 0; i < 500; i++) put(store, `k${i % 50}`, `v${i}`);
  }
  const expected = whole.newHash(400, 0);
  while (!expected.step(1e6, 0));
  const job = sliced.newHash(400, 0);
  for (let i = 0; !job.step(20, 0); i++) {
    put(sliced, `k${i % 50}`);
    if (i === 3) sliced.compact(450);
    sliced.compactStep(100);
  }
  assert.equal(job.hash, expected.hash);
  assert.equal(sliced.compactStep(1e6), "working");
});

test("a view keeps its revision whole; idle for too long it is cancelled", () => {
  const store = open();
  for (let i = 0; i < 300; i++) put(store, `k${String(i % 30).padStart(2, "0")}`, `v${i}`);
  const view = store.openView(100, 1000);
  assert.ok(typeof view === "object");
  const cursor = store.newCursor();
  cursor.open(range("k", "l"), view.revision);
  assert.ok(cursor.next());
  assert.equal(store.compact(290), null);
  assert.equal(store.compactStep(1000), "waiting");
  assert.equal(store.openView(100, 1000), "compacted");
  assert.equal(store.openView(9999, 1000), "future");
  put(store, "k000");
  let count = 1;
  while (cursor.next()) count += 1;
  assert.equal(count, 30);
  view.touch(5000);
  assert.equal(store.expireViews(5000 + VIEW_IDLE_MAX_MS), 0);
  assert.equal(store.compactStep(1000), "waiting");
  cursor.open(range("k", "l"), view.revision);
  assert.ok(cursor.next());
  assert.equal(store.expireViews(5001 + VIEW_IDLE_MAX_MS), 1);
  assert.equal(view.isCancelled, true);
  assert.equal(store.compactStep(1000), "working");
  assert.equal(cursor.next(), false);
  assert.equal(cursor.isCompacted, true);
  const measure = store.newMeasure();
  measure.open(range("k", "l"), 100, Infinity);
  assert.equal(measure.step(10), true);
  assert.equal(measure.isCompacted, true);
  finish(store);
});

test("leases: attached, kept, moved and detached with their exact ids", () => {
  const seen: string[] = [];
  const backend = openMemoryBackend();
  const store = openStore({
    backend,
    hashSeed: 1,
    onLeaseChange: ({ key, lease }) => seen.push(`${textOf(key)} ${lease}`),
  });
  const [min, max] = [-(2n ** 63n), 2n ** 63n - 1n];
  put(store, "none");
  put(store, "a", "v", min);
  store.begin();
  assert.equal(store.putAgain(span("a"), { value: span("w") }), true);
  assert.equal(store.putAgain(span("a"), { lease: max }), true);
  assert.equal(store.putAgain(span("absent"), {}), false);
  store.end();
  const fields = newKeyValueFields();
  const out = newSpan();
  store.readChange(4, 1, out);
  assert.ok(readKeyValue(out, fields));
  assert.equal(textOf(fields.value), "w");
  assert.equal(fields.lease, max);
  put(store, "a");
  put(store, "b", "v", 5n);
  remove(store, "b");
  assert.deepEqual(seen, [`a ${min}`, `a ${min}`, `a ${max}`, "a 0", "b 5", "b 0"]);
});

test("copies stop at the limit and go on where they stopped", () => {
  const store = open();
  for (let i = 0; i < 50; i++) put(store, `k${String(i).padStart(2, "0")}`, "x".repeat(100));
  const cursor = store.newCursor();
  cursor.open(range("k", "l"), store.currentRevision);
  const copy = {
    target: new Uint8Array(1000),
    offset: 0,
    limit: 1000,
    tag: 0x12,
    kvsMax: 1000,
    kvs: 0,
    isAtEnd: false,
  };
  let total = 0;
  let rounds = 0;
  for (; !copy.isAtEnd; rounds++) {
    copy.offset = 0;
    cursor.copyFramed(copy);
    assert.ok(copy.offset <= copy.limit);
    total += copy.kvs;
    put(store, `k${rounds}-new`);
  }
  assert.equal(total, 50);
  assert.equal(rounds, 7);
  copy.offset = 990;
  cursor.open(range("k", "l"), store.currentRevision);
  cursor.copyFramed(copy);
  assert.deepEqual([copy.kvs, copy.isAtEnd, copy.offset], [0, false, 990]);
  assert.ok(cursor.next(), "what did not fit is still ahead");
  cursor.openAfter(range("k", "k5"), store.currentRevision, span("k48"));
  assert.ok(cursor.next());
  assert.equal(cursor.next(), false);
});

test("one key with many versions: read, compacted and deleted in small steps", () => {
  const store = open();
  const versions = 50_000;
  for (let i = 0; i < versions; i++) put(store, "hot", "v");
  assert.deepEqual(state(store, "hot", 1000), [2, 1000, 999]);
  store.compact(versions - 10);
  finish(store);
  assert.deepEqual(state(store, "hot", versions - 10), [2, versions - 10, versions - 11]);
  assert.ok(store.indexBytesInUse < 100_000);
});

test("memory comes back after deletion and compaction", () => {
  const backend = openMemoryBackend();
  const store = open(backend);
  let size = 0;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 10_000; i++)
      put(store, `r${round}-${(i * 7919) % 10_000}`, "x".repeat(200));
    store.begin();
    while (store.deleteRange(range("r", "s"), 1000) === 1000);
    store.end();
    put(store, "last");
    store.compact(store.currentRevision);
    finish(store);
    while (store.maintain(1 << 20));
    while (backend.maintain(1 << 20));
    assert.equal(store.keyCount, 1);
    assert.ok(backend.sizeInUseBytes < 10_000, `in use ${backend.sizeInUseBytes}`);
    assert.ok(backend.sizeBytes < 16 * 1048576, `held ${backend.sizeBytes}`);
    assert.ok(store.indexBytesInUse < 10_000, `index in use ${store.indexBytesInUse}`);
    if (round === 0) size = store.indexBytes;
    assert.ok(store.indexBytes <= size * 1.3, `index holds ${store.indexBytes}, first ${size}`);
  }
});

test("a hash that is left alone is cancelled and holds no memory any more", () => {
  const backend = openMemoryBackend();
  const store = open(backend);
  for (let i = 0; i < 1000; i++) put(store, "k", "x".repeat(500));
  const job = store.newHash(900, 0);
  assert.equal(job.step(10, 0), false);
  store.compact(1001);
  assert.equal(store.compactStep(100), "waiting");
  assert.equal(store.expireViews(VIEW_IDLE_MAX_MS + 1), 1);
  assert.equal(job.isCompacted, true);
  assert.equal(job.step(10, VIEW_IDLE_MAX_MS + 2), true);
  finish(store);
  while (backend.maintain(1 << 20));
  assert.ok(backend.sizeInUseBytes < 5000, `in use ${backend.sizeInUseBytes}`);
});
