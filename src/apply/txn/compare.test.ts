import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../../base/span.ts";
import { openStore } from "../../mvcc/store/kv-store.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { type Compare, createCompare } from "../../proto/gen/etcdserverpb.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { Comparer } from "./compare.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * Revision 2: a = "m"; 3: a = "n", so version 2; 4: b = "\xff" with lease 7; 5: c; 6: c deleted.
 */
function newStore(): KvStore {
  const store = openStore({ backend: openMemoryBackend(), hashSeed: 7 });
  const write = (change: () => void): void => {
    store.begin();
    change();
    store.end();
  };
  const put = (key: string, value: Uint8Array, lease = 0n): void =>
    write(() => store.put(newSpan(utf8(key)), newSpan(value), lease));
  put("a", utf8("m"));
  put("a", utf8("n"));
  put("b", Uint8Array.of(0xff), 7n);
  put("c", utf8("x"));
  write(() => assert.ok(store.delete(newSpan(utf8("c")))));
  return store;
}

const RESULTS = ["=", ">", "<", "!="] as const;
type Result = (typeof RESULTS)[number];
type Target = { name: string; number: number; union: Compare["targetUnion"] };

const version = (value: number): Target => ({
  name: `version ${value}`,
  number: 0,
  union: { case: "version", value },
});
const create = (value: number): Target => ({
  name: `create ${value}`,
  number: 1,
  union: { case: "createRevision", value },
});
const mod = (value: number): Target => ({
  name: `mod ${value}`,
  number: 2,
  union: { case: "modRevision", value },
});
const value = (bytes: Uint8Array): Target => ({
  name: `value ${Buffer.from(bytes).toString("hex")}`,
  number: 3,
  union: { case: "value", value: bytes },
});
const lease = (id: bigint): Target => ({
  name: `lease ${id}`,
  number: 4,
  union: { case: "lease", value: id },
});
const NOTHING = (number: number): Target => ({
  name: `target ${number} without a value`,
  number,
  union: undefined,
});

/** Key, end of range ("" for one key), target, the results that hold. */
const ROWS: readonly [string, string, Target, readonly Result[]][] = [
  ["a", "", version(2), ["="]],
  ["a", "", version(1), [">", "!="]],
  ["a", "", version(3), ["<", "!="]],
  ["a", "", create(2), ["="]],
  ["a", "", create(3), ["<", "!="]],
  ["a", "", mod(3), ["="]],
  ["a", "", mod(2), [">", "!="]],
  ["a", "", value(utf8("n")), ["="]],
  ["a", "", value(utf8("na")), ["<", "!="]],
  ["a", "", value(utf8("m")), [">", "!="]],
  // Bytes are unsigned (TXN9).
  ["b", "", value(Uint8Array.of(0x7f)), [">", "!="]],
  ["a", "", lease(0n), ["="]],
  ["b", "", lease(7n), ["="]],
  ["b", "", lease(-1n), [">", "!="]],
  // Absent: numbers are 0, no value matches (TXN6); a deleted key is absent.
  ["z", "", version(0), ["="]],
  ["z", "", create(1), ["<", "!="]],
  ["c", "", mod(0), ["="]],
  ["c", "", lease(0n), ["="]],
  ["z", "", value(utf8("")), []],
  ["c", "", value(utf8("x")), []],
  ["y", "z", version(0), ["="]],
  ["y", "z", value(utf8("n")), []],
  // A range holds when each of its keys does (TXN7), its end not included.
  ["a", "c", mod(2), [">", "!="]],
  ["a", "c", mod(3), []],
  ["a", "c", version(3), ["<", "!="]],
  ["a", "b", version(2), ["="]],
  ["a", "\0", create(1), [">", "!="]],
  ["\0", "\0", version(0), [">", "!="]],
  // A missing member counts as 0 or nothing (TXN8).
  ["a", "", NOTHING(2), [">", "!="]],
  ["a", "", NOTHING(3), [">", "!="]],
  ["a", "", { ...mod(3), name: "value given for mod 3", number: 0 }, [">", "!="]],
  // Unknown targets compare as equal (TXN8), for absent keys too.
  ["a", "", NOTHING(9), ["="]],
  ["z", "", NOTHING(9), ["="]],
];

for (const [key, rangeEnd, target, holding] of ROWS) {
  const range = rangeEnd === "" ? key : `${key}..${rangeEnd.replaceAll("\0", "\\0")}`;
  test(`compare ${range.replaceAll("\0", "\\0")} with ${target.name}`, () => {
    const comparer = new Comparer(newStore());
    const compare = {
      ...createCompare(),
      key: utf8(key),
      rangeEnd: utf8(rangeEnd),
      target: target.number,
      targetUnion: target.union,
    };
    const found = RESULTS.filter((_, result) => comparer.holdAll([{ ...compare, result }]));
    assert.deepEqual(found, holding);
    assert.ok(comparer.holdAll([{ ...compare, result: 9 }]) || target.number === 3);
  });
}

test("every compare must hold, and an empty list does", () => {
  const comparer = new Comparer(newStore());
  const holds = { ...createCompare(), key: utf8("a"), targetUnion: version(2).union };
  const fails = { ...createCompare(), key: utf8("a"), targetUnion: version(1).union };
  assert.equal(comparer.holdAll([]), true);
  assert.equal(comparer.holdAll([holds, holds]), true);
  assert.equal(comparer.holdAll([holds, fails]), false);
  assert.equal(comparer.holdAll([fails, holds]), false);
});
