import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkWriter } from "../../base/chunk-writer.ts";
import { newSpan } from "../../base/span.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { openStore } from "../../mvcc/store/kv-store.ts";
import {
  createDeleteRangeRequest,
  createPutRequest,
  createRangeRequest,
  decodeDeleteRangeResponse,
} from "../../proto/gen/etcdserverpb.ts";
import { newKeyState } from "../../mvcc/types.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { RangeReader } from "../range/range-reader.ts";
import { Executor } from "./execute.ts";
import type { TxnPlan } from "./plan.ts";

function storeWith(valueBytes: readonly number[]): KvStore {
  const store = openStore({ backend: openMemoryBackend(), hashSeed: 7 });
  for (const [at, bytes] of valueBytes.entries()) {
    store.begin();
    store.put(newSpan(Uint8Array.of(97, at)), newSpan(new Uint8Array(bytes)), 0n);
    store.end();
  }
  return store;
}

/** Lengths of the earlier values that a deletion of everything yields, `stepKeys` at a time. */
function deletedValues(valueBytes: readonly number[], stepKeys: number): number[] {
  const store = storeWith(valueBytes);
  const executor = new Executor(store, new RangeReader(store), false);
  const request = {
    ...createDeleteRangeRequest(),
    key: Uint8Array.of(0),
    rangeEnd: Uint8Array.of(0),
    prevKv: true,
  };
  const out = new ChunkWriter();
  store.begin();
  while (executor.deleteRange(request, stepKeys, out) === stepKeys);
  store.end();
  return decodeDeleteRangeResponse(Buffer.concat(out.chunks()), 0, out.totalBytes).prevKvs.map(
    ({ value }) => value.length,
  );
}

test("earlier values of any size are all there", () => {
  const sizes = [0, 1, 4080, 4096, 5000, 70_000, 3, 1_500_000, 10];
  for (const size of sizes) assert.deepEqual(deletedValues([size], 1000), [size]);
  assert.deepEqual(deletedValues(sizes, 1000), sizes);
});

test("earlier values of a deletion in steps are all there", () => {
  const sizes = [4000, 90, 70_000, 0, 5000, 4096];
  for (const stepKeys of [1, 2, 4]) assert.deepEqual(deletedValues(sizes, stepKeys), sizes);
});

test("the ranges of one transaction share a limit; one alone may be larger", () => {
  const store = storeWith([600, 600]);
  const executor = new Executor(store, new RangeReader(store), false, 1000);
  const all = { key: Uint8Array.of(0), rangeEnd: Uint8Array.of(0) };
  const range = { case: "requestRange", value: { ...createRangeRequest(), ...all } } as const;
  const put = {
    case: "requestPut",
    value: { ...createPutRequest(), key: Uint8Array.of(98) },
  } as const;
  const clear = {
    case: "requestDeleteRange",
    value: { ...createDeleteRangeRequest(), ...all, prevKv: true },
  } as const;
  const plan = (...requests: (typeof range | typeof put | typeof clear)[]): TxnPlan => ({
    succeeded: true,
    steps: requests.map((request) => ({ op: { request }, nested: null })),
  });
  const run = (each: TxnPlan): boolean => {
    store.begin();
    const result = executor.run(each, true);
    store.end();
    return result !== "replyTooLarge";
  };
  assert.equal(run(plan(range, put)), true);
  assert.equal(run(plan(range, range)), false);
  assert.equal(run({ succeeded: true, steps: [{ op: null, nested: plan(range) }] }), true);
  assert.equal(run(plan(put, range, clear)), false);
  assert.equal(store.find(newSpan(Uint8Array.of(98)), store.currentRevision, newKeyState()), false);
});
