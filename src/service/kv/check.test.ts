import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { RequestError } from "../../apply/errors.ts";
import {
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createTxnRequest,
  type RequestOp,
  type TxnRequest,
} from "../../proto/gen/etcdserverpb.ts";
import { txnCost } from "../../apply/gate.ts";
import { checkPut, checkRange, checkTxn } from "./check.ts";
import { hasOverlap } from "./overlap.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const put = (key: string): RequestOp => ({
  request: { case: "requestPut", value: { ...createPutRequest(), key: bytes(key) } },
});
const del = (key: string, end = ""): RequestOp => ({
  request: {
    case: "requestDeleteRange",
    value: { ...createDeleteRangeRequest(), key: bytes(key), rangeEnd: bytes(end) },
  },
});
const get = (key: string): RequestOp => ({
  request: { case: "requestRange", value: { ...createRangeRequest(), key: bytes(key) } },
});
const txn = (success: RequestOp[], failure: RequestOp[] = []): RequestOp => ({
  request: { case: "requestTxn", value: { ...createTxnRequest(), success, failure } },
});
const top = (success: RequestOp[], failure: RequestOp[] = []): TxnRequest => ({
  ...createTxnRequest(),
  success,
  failure,
});

/** Each row: what it shows (semantics.md), the transaction, etcd's answer. */
const ROWS: readonly [string, TxnRequest, RequestError | null][] = [
  ["TXN11 two puts of one key", top([put("a"), put("a")]), "duplicateKey"],
  ["TXN11 in the failure branch too", top([], [put("a"), put("a")]), "duplicateKey"],
  ["TXN11 one put in each branch", top([put("a")], [put("a")]), null],
  ["TXN11 put then delete of its key", top([put("a"), del("a")]), "duplicateKey"],
  ["TXN11 delete then put of its key", top([del("a"), put("a")]), "duplicateKey"],
  ["TXN11 put inside a deleted range", top([put("b"), del("a", "c")]), "duplicateKey"],
  ["TXN11 the end of a range is outside", top([put("c"), del("a", "c")]), null],
  ["TXN12 nested put, outer delete", top([txn([put("a")]), del("a")]), "duplicateKey"],
  ["TXN12 nested put, outer put", top([put("a"), txn([put("a")])]), "duplicateKey"],
  ["TXN12 puts in siblings", top([txn([put("a")]), txn([put("a")])]), "duplicateKey"],
  ["TXN12 both branches of one nested", top([txn([put("a")], [put("a")])]), null],
  ["TXN12 else of a sibling", top([txn([put("a")]), txn([], [put("a")])]), "duplicateKey"],
  ["TXN13 deletes overlap deletes", top([del("a", "c"), del("b"), txn([del("a", "z")])]), null],
  ["TXN13 ranges never conflict", top([get("a"), put("a"), get("a")]), null],
  ["TXN14 sibling delete, then put", top([txn([del("a")]), txn([put("a")])]), "duplicateKey"],
  ["TXN14 sibling put, then delete", top([txn([put("a")]), txn([del("a")])]), null],
  ["TXN15 delete to the end of all keys", top([del("a", "\0"), put("b")]), null],
  ["TXN20 operation without a member", top([{ request: undefined }]), "keyNotFound"],
  ["empty key in an operation", top([put("")]), "emptyKey"],
  ["empty key comes before overlaps", top([put("a"), put("a"), put("")]), "emptyKey"],
];

for (const [name, request, expected] of ROWS) {
  test(`txn check: ${name}`, () => assert.equal(checkTxn(request, 128), expected));
}

test("txn check: the operation limit shrinks by the level's longest list (TXN10)", () => {
  const nested = (count: number): RequestOp[] =>
    Array.from({ length: count }, (_, at) => txn([put(`k${at}`)]));
  assert.equal(checkTxn(top(nested(127)), 128), null);
  assert.equal(checkTxn(top(nested(128)), 128), "tooManyOps");
  const plain = Array.from({ length: 129 }, (_, at) => put(`k${at}`));
  assert.equal(checkTxn(top(plain.slice(0, 128)), 128), null);
  assert.equal(checkTxn(top(plain), 128), "tooManyOps");
  const compares = Array.from({ length: 129 }, () => ({ ...createCompare(), key: bytes("a") }));
  assert.equal(checkTxn({ ...top([]), compare: compares }, 128), "tooManyOps");
});

test("txn check: nesting beyond what the stack bears is refused, whatever the limits", () => {
  let deep = txn([put("k")]);
  for (let level = 0; level < 5000; level += 1) deep = txn([deep]);
  assert.equal(checkTxn(top([deep]), 1_000_000), "tooManyOps");
  assert.equal(txnCost(top([deep])), 0);
});

test("range and put checks name the first thing wrong", () => {
  const range = { ...createRangeRequest(), key: bytes("a") };
  assert.equal(checkRange(range), null);
  assert.equal(checkRange({ ...range, key: bytes("") }), "emptyKey");
  for (const sort of [{ sortOrder: 3 }, { sortOrder: -1 }, { sortTarget: 5 }]) {
    assert.equal(checkRange({ ...range, ...sort }), "invalidSortOption");
  }
  const one = { ...createPutRequest(), key: bytes("a") };
  assert.equal(checkPut({ ...one, ignoreValue: true, value: bytes("v") }), "valueProvided");
  assert.equal(checkPut({ ...one, ignoreLease: true, lease: 5n }), "leaseProvided");
  assert.equal(checkPut({ ...one, ignoreLease: true, ignoreValue: true }), null);
});

test("overlaps of flat lists agree with trying every pair", () => {
  const keys = fc.constantFrom("a", "ab", "b", "c", "ca", "d");
  const op = fc.oneof(
    keys.map(put),
    fc.tuple(keys, fc.constantFrom("", "a", "b", "c", "d", "\0")).map(([k, e]) => del(k, e)),
  );
  const many = fc.constantFrom("", "0", "1", "2", "3").chain((tail) => keys.map((k) => k + tail));
  const lists = fc.oneof(
    fc.array(op, { maxLength: 12 }),
    fc.array(many.map(put), { minLength: 2, maxLength: 12 }),
  );
  fc.assert(
    fc.property(lists, (ops) => {
      assert.equal(hasOverlap(ops), pairsOverlap(ops));
    }),
    { numRuns: 2000 },
  );
});

function pairsOverlap(ops: readonly RequestOp[]): boolean {
  return ops.some((a, at) =>
    ops.some((b, other) => {
      if (at === other || a.request?.case !== "requestPut") return false;
      const key = String.fromCharCode(...a.request.value.key);
      if (b.request?.case === "requestPut") {
        return key === String.fromCharCode(...b.request.value.key);
      }
      if (b.request?.case !== "requestDeleteRange") return false;
      const from = String.fromCharCode(...b.request.value.key);
      const to = String.fromCharCode(...b.request.value.rangeEnd);
      return to === "" ? key === from : key >= from && key < to;
    }),
  );
}

interface TwinTouched {
  readonly puts: readonly string[];
  readonly deletes: readonly (readonly [string, string])[];
}

/** etcd's rule with lists that are searched from end to end; null at an overlap. */
function twinTouched(ops: readonly RequestOp[]): TwinTouched | null {
  const puts: string[] = [];
  const deletes: (readonly [string, string])[] = [];
  const text = (key: Uint8Array): string => String.fromCharCode(...key);
  const isDeleted = (key: string): boolean => deletes.some(([from, to]) => key >= from && key < to);
  for (const { request } of ops) {
    if (request?.case !== "requestDeleteRange") continue;
    const from = text(request.value.key);
    deletes.push([
      from,
      request.value.rangeEnd.length === 0 ? `${from}\0` : text(request.value.rangeEnd),
    ]);
  }
  for (const { request } of ops) {
    if (request?.case !== "requestTxn") continue;
    const branches = [twinTouched(request.value.success), twinTouched(request.value.failure)];
    const before = [...puts];
    for (const branch of branches) {
      if (branch === null) return null;
      if (branch.puts.some((key) => before.includes(key) || isDeleted(key))) return null;
      puts.push(...branch.puts);
    }
    for (const branch of branches) deletes.push(...branch!.deletes);
  }
  for (const { request } of ops) {
    if (request?.case !== "requestPut") continue;
    const key = text(request.value.key);
    if (puts.includes(key) || isDeleted(key)) return null;
    puts.push(key);
  }
  return { puts, deletes };
}

test("overlaps of nested lists agree with searching all there is", () => {
  const letters = "abcdefghijkl".split("");
  const key = fc.constantFrom(...letters);
  const { ops } = fc.letrec<{ ops: RequestOp[] }>((tie) => ({
    ops: fc.array(
      fc.oneof(
        { depthSize: "small" },
        { weight: 4, arbitrary: key.map(put) },
        {
          weight: 3,
          arbitrary: fc
            .tuple(key, fc.constantFrom("", "\0", ...letters))
            .map(([k, e]) => del(k, e)),
        },
        key.map(get),
        {
          weight: 3,
          arbitrary: fc
            .tuple(tie("ops"), tie("ops"))
            .map(([then, otherwise]) => txn(then, otherwise)),
        },
      ),
      { maxLength: 4 },
    ),
  }));
  let overlaps = 0;
  fc.assert(
    fc.property(ops, (list) => {
      const expected = twinTouched(list) === null;
      if (expected) overlaps += 1;
      assert.equal(hasOverlap(list), expected);
    }),
    { numRuns: 5000 },
  );
  assert.ok(overlaps > 500 && overlaps < 4500, `${overlaps} of 5000 overlap`);
});
