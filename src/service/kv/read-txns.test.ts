import assert from "node:assert/strict";
import { BusyClock } from "../../sim/world/busy-clock.ts";
import { test } from "node:test";
import { newSpan } from "../../base/span.ts";
import { openStore } from "../../mvcc/store/kv-store.ts";
import {
  createCompare,
  createRangeRequest,
  createTxnRequest,
  decodeTxnResponse,
  type RangeRequest,
  type TxnRequest,
  type TxnResponse,
} from "../../proto/gen/etcdserverpb.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { HeaderWriter } from "../header.ts";
import { JobRunner } from "../jobs.ts";
import { TableMemory } from "../range/table-memory.ts";
import type { ReplySink } from "../rpc.ts";
import { LargeReplies } from "./large-replies.ts";
import { ReadTxns } from "./read-txns.ts";

const KEYS = 3000;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Rig {
  readonly clock: BusyClock;
  readonly txns: ReadTxns;
  readonly replies: Map<number, TxnResponse>;
  readonly failures: Map<number, string>;
  put(key: string, value: string): void;
  /** All of it that no view keeps. */
  compact(revision: number): void;
}

function newRig(): Rig {
  const store = openStore({ backend: openMemoryBackend(), hashSeed: 7 });
  const clock = new BusyClock(0.5);
  const replies = new Map<number, TxnResponse>();
  const failures = new Map<number, string>();
  const sink: ReplySink = {
    reply: (token, bytes, start, end) => {
      replies.set(token, decodeTxnResponse(bytes.slice(start, end), 0, end - start));
    },
    replyFrom: (token, totalBytes, source) => {
      const bytes = new Uint8Array(totalBytes);
      for (let at = 0; at < totalBytes;) {
        const count = source.read(bytes, at, Math.min(1000, totalBytes - at));
        assert.ok(count > 0);
        at += count;
      }
      source.release();
      replies.set(token, decodeTxnResponse(bytes, 0, totalBytes));
    },
    send: () => true,
    sendFrom: () => assert.fail(),
    finish: (token, _code, message) => void failures.set(token, message),
    metadata: () => undefined,
    remoteAddress: () => "",
  };
  const jobs = new JobRunner(clock);
  const memory = new TableMemory();
  const txns = new ReadTxns({
    ...{ clock, store, leases: { has: () => false }, jobs, memory },
    header: new HeaderWriter({ clusterId: 1n, memberId: 2n, term: () => 2 }),
    sink: () => sink,
    replies: new LargeReplies({ jobs, memory, sink: () => sink }),
  });
  const put = (key: string, value: string): void => {
    store.begin();
    store.put(newSpan(utf8(key)), newSpan(utf8(value)), 0n);
    store.end();
  };
  for (let i = 0; i < KEYS; i += 1) put(`k${10_000 + i}`, `old ${(i * 7919) % KEYS}`);
  const compact = (revision: number): void => {
    store.compact(revision);
    while (store.compactStep(1000) === "working");
  };
  return { clock, txns, replies, failures, put, compact };
}

const ALL = { key: utf8("k"), rangeEnd: utf8("l") };

function rangesOf(...ranges: Partial<RangeRequest>[]): TxnRequest {
  const success = ranges.map((fields) => ({
    request: { case: "requestRange" as const, value: { ...createRangeRequest(), ...fields } },
  }));
  return { ...createTxnRequest(), success };
}

/** What each range of the reply found. */
function found(reply: TxnResponse): string[][] {
  return reply.responses.map(({ response }) => {
    assert.ok(response?.case === "responseRange");
    const { kvs, count } = response.value;
    return [String(count), ...kvs.map(({ value }) => Buffer.from(value).toString())];
  });
}

const LONG = rangesOf(
  { ...ALL, countOnly: true },
  { ...ALL, sortTarget: 4, sortOrder: 2, limit: 2 },
  ALL,
  { ...ALL, minModRevision: KEYS, keysOnly: true },
  { ...ALL, revision: 11, limit: 3 },
  { key: utf8("k10000") },
);

test("a long transaction is done in slices, at one revision, and others have their turn", () => {
  const rig = newRig();
  const { clock, txns, replies } = rig;
  const every = { ...createCompare(), ...ALL, target: 0, result: 0 };
  const targetUnion = { case: "version" as const, value: 1 };
  const request = {
    ...LONG,
    compare: [
      { ...every, targetUnion },
      { ...every, targetUnion },
    ],
  };
  txns.start(1, request, 100, () => request);
  assert.equal(replies.size, 0, "not in the turn in which it came");
  for (let turns = 0; replies.size + rig.failures.size === 0; turns += 1) {
    assert.ok(turns < 1000, "it comes to an end");
    // What it has read and what it has not yet read changes, and so does what is compacted.
    rig.put(`k${10_000 + turns}`, "new");
    rig.put(`k${10_000 + KEYS - 1 - turns}`, "new");
    if (turns >= 10) rig.compact(KEYS);
    const before = clock.looks;
    clock.turn();
    assert.ok(clock.looks - before <= 8, "a turn holds a few steps");
  }
  assert.deepEqual([...rig.failures], []);
  const reply = replies.get(1)!;
  const [count, sorted, all, filtered, older, single] = found(reply) as string[][];
  assert.equal(reply.header?.revision, KEYS + 1);
  assert.equal(reply.succeeded, true);
  assert.deepEqual(count, [String(KEYS)]);
  assert.deepEqual(sorted, [String(KEYS), "old 999", "old 998"]);
  assert.equal(all!.length, KEYS + 1);
  assert.ok(!all!.includes("new"));
  assert.equal(filtered!.length, 3, "two keys at the last two revisions");
  assert.deepEqual(older, ["10", "old 0", "old 1919", "old 838"]);
  assert.deepEqual(single, ["1", "old 0"]);
  assert.equal(txns.underWay, 0);
});

test("many share the turns; a cancelled one is not answered; single keys need no turn", () => {
  const { clock, txns, replies, failures } = newRig();
  for (let token = 1; token <= 9; token += 1) txns.start(token, LONG, 100, () => LONG);
  txns.cancel(7);
  const single = rangesOf({ key: utf8("k10003") });
  txns.start(30, single, 10, () => assert.fail("needs no copy"));
  assert.ok(replies.has(30));
  while (clock.turn());
  assert.equal(replies.size, 9);
  assert.ok(!replies.has(7));
  assert.equal(failures.size, 0);
  assert.equal(txns.underWay, 0);
});

test("what is wrong on the state is found out", () => {
  const { clock, txns, failures, compact } = newRig();
  txns.start(1, rangesOf({ ...ALL, revision: KEYS + 2 }), 10, () =>
    rangesOf({ ...ALL, revision: KEYS + 2 }),
  );
  compact(KEYS);
  txns.start(2, rangesOf({ ...ALL, revision: 5 }), 10, () => rangesOf({ ...ALL, revision: 5 }));
  while (clock.turn());
  assert.match(failures.get(1) ?? "", /future revision/);
  assert.match(failures.get(2) ?? "", /compacted/);
});
