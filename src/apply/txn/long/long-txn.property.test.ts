import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Compare,
  createRangeRequest,
  createTxnRequest,
  decodeTxnRequest,
  encodeCompareToBytes,
  encodePutRequestToBytes,
  encodeRangeRequestToBytes,
  type RequestOp,
  type TxnRequest,
} from "../../../proto/gen/etcdserverpb.ts";
import { damage, damaged } from "../../../proto/testing/mutate.ts";
import { ProtoError } from "../../../proto/wire.ts";
import { txnCost } from "../../gate.ts";
import { finish } from "../../steps.ts";
import { isLongTxn, LongTxn } from "./long-txn.ts";
import { surveyTxn } from "./survey.ts";
import { OpTag, TxnTag } from "./tags.ts";

const field = (tag: number, body: Uint8Array): Uint8Array => {
  const size = body.length;
  const length =
    size < 0x80 ? [size] : [(size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14];
  return Buffer.concat([Uint8Array.of(tag, ...length), body]);
};

const key = fc.uint8Array({ maxLength: 3 });
const put = fc
  .record({ key, value: key, prevKv: fc.boolean() })
  .map((one) =>
    encodePutRequestToBytes({ ...one, lease: 0n, ignoreValue: false, ignoreLease: false }),
  );
const range = key.map((each) => encodeRangeRequestToBytes({ ...createRangeRequest(), key: each }));
const compare = key.map((each) => {
  const one: Compare = {
    ...{ result: 0, target: 0, key: each, rangeEnd: each },
    targetUnion: { case: "version", value: 3 },
  };
  return field(TxnTag.compare, encodeCompareToBytes(one));
});
const unknown = fc.constantFrom(Uint8Array.of(0x78, 1), Uint8Array.of(0x7b, 0x7c));

/** Operations with several members, in pieces, and fields that nobody knows. */
const { txn } = fc.letrec<{ txn: Uint8Array; op: Uint8Array }>((tie) => ({
  txn: fc
    .array(
      fc.oneof(
        { depthSize: "small" },
        compare,
        unknown,
        tie("op").map((op) => field(TxnTag.success, op)),
        tie("op").map((op) => field(TxnTag.failure, op)),
      ),
      { maxLength: 4 },
    )
    .map((parts) => Buffer.concat(parts)),
  op: fc
    .array(
      fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        put.map((each) => field(OpTag.put, each)),
        range.map((each) => field(OpTag.range, each)),
        unknown,
        tie("txn").map((each) => field(OpTag.txn, each)),
      ),
      { maxLength: 3 },
    )
    .map((parts) => Buffer.concat(parts)),
}));

function tried<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtoError) return error.message;
    throw error;
  }
}

/** All of it, in ordinary objects. */
function opened(long: TxnRequest): TxnRequest {
  if (long instanceof LongTxn) finish(long.open());
  const { compare: compares, success, failure } = long;
  return { compare: [...compares], success: success.map(openedOp), failure: failure.map(openedOp) };
}

function openedOp(op: RequestOp): RequestOp {
  if (op.request?.case !== "requestTxn") return op;
  assert.ok(op.request.value instanceof LongTxn);
  return { request: { case: "requestTxn", value: opened(op.request.value) } };
}

const damages = fc.array(damage, { maxLength: 1 });

test("read in steps, a transaction is what it is when decoded at once", () => {
  fc.assert(
    fc.property(txn, damages, (made, list) => {
      const bytes = list.reduce(damaged, made);
      const whole = tried(() => decodeTxnRequest(bytes, 0, bytes.length));
      const cost = tried(() => finish(surveyTxn(bytes, 0, bytes.length)));
      if (typeof whole === "string") return assert.equal(cost, whole);
      assert.equal(cost, txnCost(whole));
      const long = new LongTxn(bytes, 0, bytes.length);
      const { compare: compares, success, failure } = whole;
      const longest = Math.max(compares.length, success.length, failure.length);
      assert.equal(finish(long.longestList()), longest);
      assert.deepEqual(opened(long), whole);
      long.close();
      assert.deepEqual([long.compare, long.success, long.failure], [[], [], []]);
    }),
    { numRuns: 3000 },
  );
});

const repeated = (bytes: readonly number[], times: number): Uint8Array =>
  Buffer.concat(Array.from({ length: times }, () => Uint8Array.from(bytes)));
const isLong = (bytes: Uint8Array): boolean => isLongTxn(bytes, 0, bytes.length);

test("a transaction is long by what is in it, not by its bytes", () => {
  const value = new Uint8Array(20_000);
  const plain = field(TxnTag.success, field(OpTag.put, field(0x12, value)));
  assert.equal(isLong(plain), false);
  assert.equal(isLong(Buffer.concat(Array.from({ length: 128 }, () => plain))), false);
  assert.equal(isLong(repeated([TxnTag.compare, 0], 10_000)), true);
  assert.equal(isLong(repeated([TxnTag.success, 2, OpTag.put, 0], 5000)), true);
  let nested: Uint8Array = repeated([TxnTag.failure, 0], 4500);
  for (let level = 0; level < 3; level += 1)
    nested = field(TxnTag.success, field(OpTag.txn, nested));
  assert.equal(isLong(nested), true);
  assert.equal(isLong(field(TxnTag.success, repeated([OpTag.put, 0, OpTag.range, 0], 2500))), true);
});

test("nesting that the decoder refuses is refused in the same words; what is served costs", () => {
  let deep: Uint8Array = field(TxnTag.success, field(OpTag.put, field(0x0a, Uint8Array.of(1))));
  const costs: (number | string)[] = [];
  for (let level = 0; level < 5002; level += 1) {
    if (level === 998 || level === 999 || level === 1000 || level > 4990) {
      const at = deep;
      const whole = tried(() => txnCost(decodeTxnRequest(at, 0, at.length)));
      const cost = tried(() => finish(surveyTxn(at, 0, at.length)));
      assert.equal(cost, whole);
      costs.push(cost);
    }
    deep = field(TxnTag.success, field(OpTag.txn, deep));
  }
  assert.deepEqual(costs.slice(0, 3), [257, 257, 0]);
  assert.match(String(costs.at(-1)), /recursion depth/);
  assert.deepEqual(decodeTxnRequest(new Uint8Array(0), 0, 0), createTxnRequest());
});
