import assert from "node:assert/strict";
import { test } from "node:test";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import type { KeyRange } from "../types.ts";
import type { KeySpace } from "./key-space.ts";
import { openStore } from "./kv-store.ts";
import type { FramedCopy, KvStore } from "./store.ts";

const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const span = (text: string) => newSpan(latin(text));
const RANGE: KeyRange = { key: span("a"), end: span("zz") };
const ABSENT = 5000;
const SKIPS = 100;

function put(store: KvStore, key: string): number {
  store.begin();
  store.put(span(key), span("v"), 0n);
  return store.end();
}

/** Keys at `revision`, and many that came later: before, between and behind them. */
interface Sparse {
  readonly store: KvStore;
  readonly revision: number;
  readonly keys: readonly string[];
  /** How many records were looked at since it was asked last. */
  readonly visits: () => number;
}

function sparse(): Sparse {
  const store = openStore({ backend: openMemoryBackend(), hashSeed: 1 });
  const keys = ["b", "m", "m0002500", "z"];
  for (const key of keys) put(store, key);
  const revision = store.currentRevision;
  for (const letter of ["a", "m", "zz"]) {
    for (let i = 0; i < ABSENT; i++) put(store, letter + String(i).padStart(7, "0"));
  }
  const { index } = store as unknown as KeySpace;
  const stateAt = index.stateAt.bind(index);
  let count = 0;
  index.stateAt = (record, atRevision, out) => {
    count += 1;
    return stateAt(record, atRevision, out);
  };
  const visits = (): number => {
    const seen = count;
    count = 0;
    return seen;
  };
  return { store, revision, keys, visits };
}

function newCopy(bytes: number): FramedCopy {
  const target = new Uint8Array(bytes);
  return { target, offset: 0, limit: bytes, tag: 0x12, kvsMax: 99, kvs: 0, isAtEnd: false };
}

/** What may happen between two calls; the tree changes with each. */
const MEANWHILE: readonly [string, (store: KvStore, round: number) => void][] = [
  ["nothing", () => {}],
  ["keys are added", (store, round) => void put(store, `a0000000+${round}`)],
  [
    "keys are removed",
    (store, round) => {
      store.begin();
      const key = span(`m${String(ABSENT - 1 - round).padStart(7, "0")}`);
      store.delete(key);
      store.end();
      const { index } = store as unknown as KeySpace;
      index.compact(index.find(key), store.currentRevision + 1);
    },
  ],
];

for (const [name, happens] of MEANWHILE) {
  test(`a cursor pauses after so many absent keys and goes on; meanwhile ${name}`, () => {
    const { store, revision, keys, visits } = sparse();
    const cursor = store.newCursor();
    cursor.open(RANGE, revision);
    const found: string[] = [];
    const key = newSpan();
    let calls = 0;
    for (; ; calls++) {
      cursor.skipsLeft = SKIPS;
      visits();
      const isFound = cursor.next();
      assert.ok(visits() <= SKIPS + 1);
      if (isFound) {
        cursor.readKey(key);
        found.push(Buffer.from(copyOfSpan(key)).toString());
      } else if (!cursor.isPaused) break;
      happens(store, calls);
    }
    assert.deepEqual(found, keys);
    assert.equal(cursor.isCompacted, false);
    assert.ok(calls > 50 && calls < (2.5 * ABSENT) / SKIPS, `${calls} calls`);
  });
}

test("copies pause as well, and an entry that does not fit is found again at once", () => {
  for (const keysOnly of [false, true]) {
    const { store, revision, keys, visits } = sparse();
    const cursor = store.newCursor();
    cursor.open(RANGE, revision);
    const copy = newCopy(30);
    let kvs = 0;
    let pauses = 0;
    let tooSmall = 0;
    do {
      cursor.skipsLeft = SKIPS;
      visits();
      // Every other time there is no room.
      copy.offset = 0;
      copy.limit = pauses % 2 === 0 && tooSmall === 0 ? 2 : 30;
      if (keysOnly) cursor.copyFramedKeys(copy);
      else cursor.copyFramed(copy);
      const seen = visits();
      assert.ok(seen <= SKIPS + 2, `${seen} visits`);
      kvs += copy.kvs;
      const isTooSmall = !cursor.isPaused && !copy.isAtEnd && copy.kvs === 0;
      if (copy.kvs > 0 && tooSmall > 0 && !cursor.isPaused) assert.ok(seen <= 2);
      tooSmall = isTooSmall ? tooSmall + 1 : 0;
      if (cursor.isPaused) pauses += 1;
      assert.ok(tooSmall <= 1);
    } while (!copy.isAtEnd);
    assert.equal(kvs, keys.length);
    assert.ok(pauses > 50, `${pauses} pauses`);
  }
});

test("a cursor that is never given more goes on all the same; opened anew it never pauses", () => {
  const { store, revision, keys } = sparse();
  const cursor = store.newCursor();
  cursor.open(RANGE, revision);
  cursor.skipsLeft = 1;
  let found = 0;
  for (;;) {
    if (cursor.next()) found += 1;
    else if (!cursor.isPaused) break;
  }
  assert.equal(found, keys.length);
  cursor.open(RANGE, revision);
  for (let i = 0; i < keys.length; i++) assert.ok(cursor.next());
  assert.equal(cursor.next(), false);
  assert.equal(cursor.isPaused, false);
});

test("leaves of deleted keys are passed over as one, and counted", () => {
  const { store, visits } = sparse();
  store.begin();
  store.deleteRange({ key: span("m0000000"), end: span("n") }, Infinity);
  store.end();
  const cursor = store.newCursor();
  cursor.open({ key: span("m"), end: span("n") }, store.currentRevision);
  const skips = 3;
  cursor.skipsLeft = skips;
  visits();
  assert.ok(cursor.next(), "m");
  assert.equal(cursor.next(), false);
  assert.ok(cursor.isPaused);
  let rounds = 1;
  do {
    cursor.skipsLeft = skips;
    rounds += 1;
  } while (!cursor.next() && cursor.isPaused);
  const looked = visits();
  assert.ok(looked < 150, "keys of the first leaf and the last");
  assert.ok(rounds * skips - looked > ABSENT / 100, "leaves of at most 100 keys");
});

test("a pause at the very end of the range is its end, whatever is put behind it", () => {
  const { store, revision } = sparse();
  const cursor = store.newCursor();
  const key = newSpan();
  cursor.open({ key: span("m"), end: span("m0001000!") }, revision);
  const found: string[] = [];
  for (let calls = 0; ; calls++) {
    cursor.skipsLeft = 1;
    if (cursor.next()) {
      cursor.readKey(key);
      found.push(Buffer.from(copyOfSpan(key)).toString());
    } else if (!cursor.isPaused) break;
    if (calls < 950) continue;
    // Between the end of the range and the first key behind it, more than a leaf of them.
    for (let i = 0; i < 100; i++) put(store, `m0001000!${9999 - calls}-${i}`);
  }
  assert.deepEqual(found, ["m"]);
});

test("CMP7: a step of HashKV that looks for a first key visits no more than it is told to", () => {
  const { store, revision, visits } = sparse();
  const job = store.newHash(revision - 4, 0);
  visits();
  let steps = 0;
  while (!job.step(SKIPS, 0)) {
    assert.ok(visits() <= SKIPS + 1);
    steps += 1;
  }
  assert.ok(steps > 100, `${steps} steps`);
});
