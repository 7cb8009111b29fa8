import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32cUpdate } from "../../base/crc32c.ts";
import { Prng } from "../../base/prng.ts";
import { inOneGo } from "../../base/sliced.ts";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { readKeyValue } from "../key-value.ts";
import { newKeyState } from "../types.ts";
import type { KeyRange, LeaseChange } from "../types.ts";
import { readCompactionMarks } from "./compaction.ts";
import type { KeySpace } from "./key-space.ts";
import { openStore } from "./kv-store.ts";
import { newKeyValueFields, rebuildIndex, reportLeases } from "./restore.ts";
import { encodeRevision } from "./revision-key.ts";
import type { FramedCopy, KvStore, RangeCursor, ReadView } from "./store.ts";

/** Keys are Latin-1 strings here: their order is that of the bytes. */
const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const textOf = (b: Uint8Array): string => Buffer.from(b).toString("latin1");

interface Change {
  main: number;
  sub: number;
  key: string;
  isTombstone: boolean;
  create: number;
  version: number;
  value: string;
  lease: bigint;
}

/** Everything that ever happened, and the rules read off the specification. */
class DumbStore {
  log: Change[] = [];
  current = 1;
  compacted = -1;

  at(revision: number, key: string): Change | undefined {
    const found = this.log.findLast((c) => c.key === key && c.main <= revision);
    return found?.isTombstone === false ? found : undefined;
  }

  list(revision: number, from: string, to: string | null): Change[] {
    const newest = new Map<string, Change>();
    for (const c of this.log) {
      const isIn = c.key >= from && (to === null || c.key < to);
      if (isIn && c.main <= revision) newest.set(c.key, c);
    }
    const there = [...newest.values()].filter((c) => !c.isTombstone);
    return there.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /**
   * CMP3 applied to the whole log. Of the tombstones at the revision the oldest is kept, and what
   * follows it if that leaves the key there.
   */
  compact(revision: number): void {
    this.compacted = revision;
    const kept = new Set<Change>();
    for (const key of new Set(this.log.map((c) => c.key))) {
      const old = this.log.filter((c) => c.key === key && c.main <= revision);
      const tombstone = old.findIndex((c) => c.isTombstone && c.main === revision);
      if (tombstone >= 0) {
        const end = old.at(-1)!.isTombstone ? tombstone + 1 : old.length;
        old.slice(tombstone, end).forEach((c) => kept.add(c));
      } else if (old.at(-1)?.isTombstone === false) kept.add(old.at(-1)!);
    }
    this.log = this.log.filter((c) => c.main > revision || kept.has(c));
  }
}

const KEYS = [
  "a",
  "a\0",
  "a\0\0",
  "ab",
  "b",
  "\xff",
  "\xff\xff",
  "\xff\xff\x01",
  "\0",
  "\0\0",
  ...Array.from({ length: 300 }, (_, i) => `/registry/pods/default/pod-${(i * 7) % 300}`),
  ...Array.from({ length: 20 }, (_, i) => "x".repeat(500 + i)),
  ...Array.from({ length: 200 }, (_, i) => String.fromCharCode(i, (i * 31) % 256)),
];

/** So few that one transaction often writes a key several times. */
const FEW_KEYS = ["a", "a\0", "b"];

interface OpenRead {
  view: ReadView;
  cursor: RangeCursor;
  expected: Change[];
  done: number;
  how: number;
}

class Run {
  readonly prng: Prng;
  readonly seed: number;
  readonly backend = openMemoryBackend();
  readonly twin = new DumbStore();
  readonly keys: readonly string[];
  store: KvStore;
  readonly reads: OpenRead[] = [];
  readonly leases = new Map<string, bigint>();
  published: number[] = [];
  pendingCompaction = false;

  constructor(seed: number) {
    this.seed = seed;
    this.prng = new Prng(seed);
    this.keys = seed % 3 === 0 ? FEW_KEYS : KEYS;
    this.store = this.open();
  }

  open(): KvStore {
    this.leases.clear();
    const onLeaseChange = ({ key, lease }: LeaseChange): void => {
      const name = textOf(copyOfSpan(key));
      assert.ok(lease !== 0n || this.leases.has(name), `seed ${this.seed}: had a lease`);
      if (lease === 0n) this.leases.delete(name);
      else this.leases.set(name, lease);
    };
    const compacted = readCompactionMarks(this.backend).scheduled;
    const restored = rebuildIndex(this.backend, this.seed, compacted);
    inOneGo(reportLeases(this.backend, restored.index, onLeaseChange));
    return openStore({
      restored,
      backend: this.backend,
      hashSeed: this.seed,
      onPublish: (revision, changes) => this.published.push(revision, changes),
      onLeaseChange,
    });
  }

  key(): string {
    return this.keys[this.prng.below(this.keys.length)];
  }

  lease(): bigint {
    const choices = [0n, 0n, 1n, 300n, -1n, 2n ** 63n - 1n, -(2n ** 63n)];
    return choices[this.prng.below(choices.length)];
  }

  write(): void {
    const { store, twin, prng } = this;
    const main = store.begin();
    assert.equal(main, twin.current + 1);
    let sub = 0;
    const record = (change: Omit<Change, "main" | "sub">): void => {
      twin.log.push({ ...change, main, sub });
      sub += 1;
    };
    for (let ops = prng.below(4); ops >= 0; ops--) {
      const key = this.key();
      const old = twin.at(main, key);
      const dice = prng.below(20);
      if (dice < 10) {
        const value = "v".repeat(prng.below(3) === 0 ? 0 : prng.below(400));
        const lease = this.lease();
        store.put(newSpan(latin(key)), newSpan(latin(value)), lease);
        record({ ...next(old, main), key, value, lease });
      } else if (dice < 12) {
        const isThere = store.putAgain(newSpan(latin(key)), {});
        assert.equal(isThere, old !== undefined);
        if (old) record({ ...next(old, main), key, value: old.value, lease: old.lease });
      } else if (dice < 17) {
        assert.equal(store.delete(newSpan(latin(key))), old !== undefined, `seed ${this.seed}`);
        if (old) record({ ...dead, key });
      } else {
        const [range, from, to] = this.range();
        const gone = twin.list(main, from, to).slice(0, 50);
        let deleted = 0;
        while (deleted < gone.length)
          deleted += store.deleteRange(range, Math.min(7, 50 - deleted));
        for (const { key: name } of gone) record({ ...dead, key: name });
      }
      this.checkKey(key, main);
    }
    assert.equal(store.pendingChanges, sub);
    this.published = [];
    assert.equal(store.end(), sub > 0 ? main : main - 1);
    if (sub > 0) twin.current = main;
    assert.deepEqual(this.published, sub > 0 ? [main, sub] : []);
    assert.equal(store.keyCount, twin.list(main, "", null).length);
  }

  /** A range by etcd's rule, and its ends for the twin. */
  range(): [KeyRange, string, string | null] {
    const [a, b] = [this.key(), this.key()];
    const dice = this.prng.below(10);
    if (dice === 0) return [span(a, "\0"), a, null];
    if (dice === 1) return [span("\0", "\0"), "", null];
    if (dice === 2) return [span(a, ""), a, `${a}\0`];
    const [from, to] = dice === 3 ? [b, b] : a < b || dice === 4 ? [a, b] : [b, a];
    return [span(from, to), from, to === "\0" ? null : to];
  }

  revision(): number {
    const { twin } = this;
    const low = Math.max(1, twin.compacted);
    return low + this.prng.below(twin.current - low + 1);
  }

  checkKey(key: string, revision: number): void {
    const state = newKeyState();
    const expected = this.twin.at(revision, key);
    const isThere = this.store.find(newSpan(latin(key)), revision, state);
    assert.equal(isThere, expected !== undefined, `seed ${this.seed}: ${key} at ${revision}`);
    if (!expected) return;
    const stored = newSpan();
    assert.ok(this.store.readKeyValue(state, stored));
    assert.equal(stored.end - stored.start, state.sizeBytes);
    assert.equal(state.hasLease, expected.lease !== 0n);
    assert.equal(this.describe(copyOfSpan(stored)), describe(expected), `seed ${this.seed}`);
  }

  describe(keyValue: Uint8Array): string {
    const f = newKeyValueFields();
    assert.ok(readKeyValue(newSpan(keyValue), f), `seed ${this.seed}: not a KeyValue`);
    const [key, value] = [textOf(copyOfSpan(f.key)), textOf(copyOfSpan(f.value))];
    return [key, f.create, f.mod, f.version, value.length, f.lease].join();
  }

  openRead(): void {
    const [range, from, to] = this.range();
    const revision = this.revision();
    const view = this.store.openView(revision, 0);
    assert.ok(typeof view === "object", `seed ${this.seed}`);
    const cursor = this.store.newCursor();
    const expected = this.twin.list(revision, from, to);
    cursor.open(range, revision);
    this.reads.push({ view, cursor, expected, done: 0, how: this.prng.below(3) });
    const measure = this.store.newMeasure();
    const kvsMax = this.prng.below(3) === 0 ? this.prng.below(40) : Infinity;
    measure.open(range, revision, kvsMax);
    while (!measure.step(this.prng.below(2) === 0 ? 3 : 1000));
    assert.equal(measure.count, expected.length, `seed ${this.seed}: count`);
    assert.equal(measure.kvs, Math.min(kvsMax, expected.length));
    const copy = newCopy(measure.framedBytes);
    const other = this.store.newCursor();
    other.open(range, revision);
    other.copyFramed(Object.assign(copy, { kvsMax: measure.kvs }));
    assert.deepEqual([copy.kvs, copy.offset], [measure.kvs, measure.framedBytes]);
    const keys = newCopy(measure.framedKeysBytes);
    other.open(range, revision);
    other.copyFramedKeys(Object.assign(keys, { kvsMax: measure.kvs }));
    assert.deepEqual([keys.kvs, keys.offset], [measure.kvs, measure.framedKeysBytes]);
  }

  /** Goes a little further in one of the open reads. */
  continueRead(): void {
    const at = this.prng.below(this.reads.length);
    const read = this.reads[at];
    const message = `seed ${this.seed}: open read`;
    const key = newSpan();
    const copy = newCopy(this.prng.below(5000));
    if (read.how === 0) {
      for (let i = this.prng.below(5); i >= 0 && read.done < read.expected.length; i--) {
        assert.ok(read.cursor.next(), message);
        read.cursor.readKey(key);
        const expected = read.expected[read.done++];
        assert.equal(textOf(copyOfSpan(key)), expected.key, message);
        assert.equal(read.cursor.modRevision, expected.main, message);
        assert.equal(read.cursor.version, expected.version, message);
      }
    } else {
      if (read.how === 1) read.cursor.copyFramed(copy);
      else read.cursor.copyFramedKeys(copy);
      for (const kv of unframe(copy.target.subarray(0, copy.offset))) {
        const expected = read.expected[read.done++];
        const bare = { ...expected, value: "", lease: 0n };
        assert.equal(this.describe(kv), describe(read.how === 1 ? expected : bare), message);
      }
      if (!copy.isAtEnd) return;
    }
    if (read.done < read.expected.length) return;
    assert.equal(read.cursor.next(), false, message);
    assert.equal(read.cursor.isCompacted, false, message);
    read.view.close();
    this.reads.splice(at, 1);
  }

  compact(): void {
    const { store, twin } = this;
    const revision = this.prng.below(twin.current + 3) - 1;
    const expected =
      revision <= twin.compacted ? "compacted" : revision > twin.current ? "future" : null;
    assert.equal(store.compact(revision), expected, `seed ${this.seed}`);
    if (expected !== null) return;
    twin.compact(revision);
    this.pendingCompaction = true;
  }

  finishCompaction(): void {
    for (const read of this.reads) read.view.close();
    this.reads.length = 0;
    while (this.store.compactStep(50) !== "idle");
    this.checkStored();
  }

  /** What is stored is exactly the twin's log, and a rebuilt store is the same. */
  checkStored(): void {
    const changes = this.backend.changes();
    const stored: string[] = [];
    while (changes.next()) {
      stored.push(`${changes.main}.${changes.sub}${changes.isTombstone ? "t" : ""}`);
    }
    const expected = this.twin.log.map((c) => `${c.main}.${c.sub}${c.isTombstone ? "t" : ""}`);
    assert.deepEqual(stored, expected, `seed ${this.seed}: stored changes`);
    this.checkIndex();
    assert.equal(this.store.finishedCompactRevision, this.twin.compacted);
  }

  /** The index has exactly the changes that are stored. */
  checkIndex(): void {
    const { index } = this.store as unknown as KeySpace;
    const { records, history } = index;
    const counts = new Map<string, number>();
    for (const c of this.twin.log) {
      const has = index.has(newSpan(latin(c.key)), c.main, c.sub);
      assert.ok(has, `seed ${this.seed}: the index lacks ${c.main}.${c.sub}`);
      counts.set(c.key, (counts.get(c.key) ?? 0) + 1);
    }
    assert.equal(index.recordCount, counts.size, `seed ${this.seed}: records`);
    for (const [key, count] of counts) {
      const record = index.find(newSpan(latin(key)));
      assert.equal(1 + history.length(records.older(record)), count, `seed ${this.seed}: ${key}`);
    }
  }

  reopen(): void {
    for (const read of this.reads) read.view.close();
    this.reads.length = 0;
    const before = this.store.currentRevision;
    const leases = new Map(this.leases);
    this.store = this.open();
    assert.equal(this.store.currentRevision, before);
    assert.equal(this.store.compactRevision, this.twin.compacted);
    // deepEqual of maps does not mind the order.
    assert.deepEqual(this.leases, leases, `seed ${this.seed}: leases`);
  }

  hash(): void {
    const revision = this.revision();
    const job = this.store.newHash(revision, 0);
    while (!job.step(30, 0));
    // A key that the revision's own transaction deleted and put again is not kept: its tombstone
    // there is the end of the generation that counts.
    const ended = this.twin.log.filter((c) => c.isTombstone && c.main === revision);
    const there = this.twin.list(revision, "", null);
    const keep = new Set(there.filter(({ key }) => ended.every((c) => c.key !== key)));
    const isFinished = this.store.finishedCompactRevision === this.twin.compacted;
    const hash = (bytes: Uint8Array, crc: number): number =>
      crc32cUpdate(crc, bytes, 0, bytes.length);
    const stored = newSpan();
    let crc = hash(latin("key"), 0);
    // Compacted changes that are still stored are skipped by the hash, as the twin has them no
    // more.
    for (const c of this.twin.log) {
      if (c.main > revision || (c.isTombstone && c.main === this.twin.compacted)) continue;
      if (c.main <= this.twin.compacted && keep.size > 0 && !keep.has(c)) continue;
      assert.ok(this.backend.getChange(c.main, c.sub, stored));
      crc = hash(encodeRevision(c.main, c.sub, c.isTombstone), crc);
      crc = hash(copyOfSpan(stored), crc);
    }
    // With nothing kept all that is stored counts, what is to be removed included.
    if (keep.size > 0 || isFinished)
      assert.equal(job.hash, crc, `seed ${this.seed}: hash at ${revision}`);
  }
}

const dead = { isTombstone: true, create: 0, version: 0, value: "", lease: 0n };

function next(
  old: Change | undefined,
  main: number,
): Pick<Change, "isTombstone" | "create" | "version"> {
  return { isTombstone: false, create: old?.create ?? main, version: (old?.version ?? 0) + 1 };
}

function describe(c: Change): string {
  return [c.key, c.create, c.main, c.version, c.value.length, c.lease].join();
}

function span(key: string, end: string): KeyRange {
  return { key: newSpan(latin(key)), end: newSpan(latin(end)) };
}

function newCopy(bytes: number): FramedCopy {
  const target = new Uint8Array(bytes);
  return { target, offset: 0, limit: bytes, tag: 0x12, kvsMax: Infinity, kvs: 0, isAtEnd: false };
}

function unframe(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    assert.equal(bytes[at++], 0x12);
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      length += (bytes[at] & 0x7f) << shift;
      if (bytes[at++] < 0x80) break;
    }
    found.push(bytes.slice(at, at + length));
    at += length;
  }
  return found;
}

function run(seed: number, steps: number): void {
  const r = new Run(seed);
  for (let step = 0; step < steps; step++) {
    const dice = r.prng.below(100);
    if (dice < 50) r.write();
    else if (dice < 65) r.checkKey(r.key(), r.revision());
    else if (dice < 72 && r.reads.length < 6) r.openRead();
    else if (dice < 90 && r.reads.length > 0) r.continueRead();
    else if (dice < 93) r.store.compactStep(1 + r.prng.below(100));
    else if (dice < 94) r.compact();
    else if (dice < 96) r.store.maintain(1000);
    else if (dice < 97) r.hash();
    else if (dice < 98 && r.prng.below(3) === 0) r.finishCompaction();
    else if (dice < 99 && r.prng.below(3) === 0) r.reopen();
    else r.backend.maintain(10_000);
  }
  r.finishCompaction();
  r.reopen();
  r.checkIndex();
  for (const key of KEYS) r.checkKey(key, r.revision());
}

const seeds = (process.env["SEEDS"] ?? "1,2,3,4,5,6").split(",").map(Number);
const steps = Number(process.env["STEPS"] ?? 700);

test(`the store agrees with a dumb twin, ${steps} steps each of seeds ${seeds.join()}`, () => {
  for (const seed of seeds) run(seed, steps);
});
