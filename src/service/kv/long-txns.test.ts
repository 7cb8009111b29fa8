import assert from "node:assert/strict";
import { BusyClock } from "../../sim/world/busy-clock.ts";
import { test } from "node:test";
import fc from "fast-check";
import { Quota } from "../../apply/quota.ts";
import { finish } from "../../apply/steps.ts";
import { LongTxn } from "../../apply/txn/long/long-txn.ts";
import {
  createCompare,
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  createTxnRequest,
  encodeTxnRequestToBytes,
  type RequestOp,
  type TxnRequest,
} from "../../proto/gen/etcdserverpb.ts";
import { JobRunner } from "../jobs.ts";
import { checkLongTxn, checkTxn } from "./check.ts";
import { LongTxns } from "./long-txns.ts";

const PLENTY = { freeBytes: Number.POSITIVE_INFINITY, isShort: false };
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const key = fc.constantFrom("", "a", "ab", "b", "c", "d", "e").map(utf8);
const rangeEnd = fc.constantFrom("", "b", "d", "\0").map(utf8);
const put = key.map((each): RequestOp => ({
  request: { case: "requestPut", value: { ...createPutRequest(), key: each } },
}));
const get = key.map((each): RequestOp => ({
  request: { case: "requestRange", value: { ...createRangeRequest(), key: each } },
}));
const del = fc.tuple(key, rangeEnd).map(([from, to]): RequestOp => ({
  request: {
    case: "requestDeleteRange",
    value: { ...createDeleteRangeRequest(), key: from, rangeEnd: to },
  },
}));
const compares = fc.array(
  key.map((each) => ({ ...createCompare(), key: each })),
  { maxLength: 1 },
);
const { txn } = fc.letrec<{ txn: TxnRequest; ops: RequestOp[] }>((tie) => ({
  txn: fc
    .tuple(compares, tie("ops"), tie("ops"))
    .map(([compare, success, failure]) => ({ compare, success, failure })),
  ops: fc.array(
    fc.oneof(
      { depthSize: "small" },
      ...[put, put, put, del, get, fc.constant({ request: undefined })],
      tie("txn").map((value): RequestOp => ({ request: { case: "requestTxn", value } })),
    ),
    { maxLength: 4 },
  ),
}));

test("checked in steps, a transaction is judged as when it is checked at once", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(txn, fc.integer({ min: 3, max: 9 }), (request, opsMax) => {
      const bytes = encodeTxnRequestToBytes(request);
      const long = new LongTxn(bytes, 0, bytes.length);
      const error = finish(checkLongTxn(long, opsMax));
      assert.equal(error, checkTxn(request, opsMax));
      seen.set(String(error), (seen.get(String(error)) ?? 0) + 1);
    }),
    { numRuns: 5000 },
  );
  for (const error of ["null", "tooManyOps", "emptyKey", "keyNotFound", "duplicateKey"]) {
    assert.ok((seen.get(error) ?? 0) > 20, `${error} was seen ${seen.get(error)} times`);
  }
});

const nested = (success: RequestOp[]): RequestOp => ({
  request: { case: "requestTxn", value: { ...createTxnRequest(), success } },
});
const puts = (count: number, prefix: string): RequestOp[] =>
  Array.from({ length: count }, (_, at) => ({
    request: {
      case: "requestPut" as const,
      value: { ...createPutRequest(), key: utf8(`${prefix}${at}`) },
    },
  }));
/** 40 × 40 puts, of which the last may be one more time the first. */
const large = (again: boolean): Uint8Array =>
  encodeTxnRequestToBytes({
    ...createTxnRequest(),
    success: Array.from({ length: 40 }, (_, at) =>
      nested(puts(40, again && at === 39 ? "k0 " : `k${at} `)),
    ),
  });

test("long transactions are judged one after the other, and others have their turns", () => {
  const clock = new BusyClock(0.1);
  const said: string[] = [];
  const calls = new LongTxns({
    jobs: new JobRunner(clock),
    quota: new Quota({ sizeBytes: 0, sizeInUseBytes: 0 }, 1_000_000, PLENTY),
    maxTxnOps: 128,
    unreadable: (token, error) => said.push(`${token} ${error.message}`),
    refuseForSpace: (token) => said.push(`${token} no space`),
    fail: (token, error) => said.push(`${token} ${error}`),
    accept: (token, bytes, readsOnly) => said.push(`${token} ${bytes.length > 0} ${readsOnly}`),
  });
  const many = (bytes: readonly number[], times: number): Uint8Array =>
    Buffer.concat(Array.from({ length: times }, () => Uint8Array.from(bytes)));
  const gets = Array.from({ length: 100 }, (): RequestOp => ({
    request: { case: "requestRange", value: { ...createRangeRequest(), key: utf8("k") } },
  }));
  calls.start(1, large(false));
  calls.start(2, large(true));
  calls.start(3, many([0x0a, 0], 100_000));
  calls.start(4, Buffer.concat([many([0x0a, 0], 100_000), Uint8Array.of(0x0a, 1)]));
  calls.start(5, many([0x12, 2, 0x12, 0], 20_000));
  calls.start(6, large(false));
  calls.start(7, encodeTxnRequestToBytes({ ...createTxnRequest(), success: gets }));
  calls.start(8, large(false));
  calls.cancel(6);
  assert.deepEqual(said, [], "not in the turn in which they came");
  let turns = 0;
  for (let before = clock.looks; clock.turn(); before = clock.looks) {
    turns += 1;
    assert.ok(clock.looks - before <= 8, "a turn holds a few steps");
    if (said.length === 6) calls.cancel(8);
  }
  assert.ok(turns > 50, `${turns} turns`);
  assert.deepEqual(said, [
    "1 true false",
    "2 duplicateKey",
    "3 tooManyOps",
    "4 proto: cannot parse invalid wire-format data",
    "5 no space",
    "7 true true",
  ]);
  assert.equal(calls.underWay, 0);
});
