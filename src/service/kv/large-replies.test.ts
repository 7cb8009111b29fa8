import assert from "node:assert/strict";
import { test } from "node:test";
import { type Chunks, newTxnResult, type OpResult } from "../../apply/txn/result.ts";
import type { Clock } from "../../platform/clock.ts";
import { decodeTxnResponse } from "../../proto/gen/etcdserverpb.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { HeaderWriter } from "../header.ts";
import { JobRunner } from "../jobs.ts";
import type { Proposer } from "../propose/proposer.ts";
import { TableMemory } from "../range/table-memory.ts";
import type { ByteSource, ReplySink } from "../rpc.ts";
import { CompactionWaits } from "./compaction-waits.ts";
import { KvResults } from "./kv-results.ts";
import { LargeReplies } from "./large-replies.ts";

interface Rig {
  readonly results: KvResults;
  readonly memory: TableMemory;
  readonly clock: Clock & { step(): boolean };
  readonly copied: Uint8Array[];
  readonly pulled: { readonly bytes: number; readonly source: ByteSource }[];
}

function newRig(): Rig {
  const clock = new VirtualClock();
  const copied: Uint8Array[] = [];
  const pulled: { bytes: number; source: ByteSource }[] = [];
  const sink: ReplySink = {
    reply: (_token, bytes, start, end) => void copied.push(bytes.slice(start, end)),
    replyFrom: (_token, bytes, source) => void pulled.push({ bytes, source }),
    send: () => true,
    sendFrom: () => assert.fail(),
    finish: () => assert.fail(),
    metadata: () => undefined,
    remoteAddress: () => "",
  };
  const memory = new TableMemory();
  const jobs = new JobRunner(clock);
  const results = new KvResults({
    header: new HeaderWriter({ clusterId: 1n, memberId: 2n, term: () => 2 }),
    // Whoever asks is there.
    proposer: () => ({ take: (id: number) => id, wants: () => true }) as unknown as Proposer,
    sink: () => sink,
    compactions: new CompactionWaits(() => false),
    replies: new LargeReplies({ jobs, memory, sink: () => sink }),
    afterNoSpace: (answer) => answer(),
  });
  return { results, memory, clock, copied, pulled };
}

function read({ bytes, source }: Rig["pulled"][number]): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const count = source.read(out, at, Math.min(5000, bytes - at));
    assert.ok(count > 0);
    at += count;
  }
  source.release();
  return out;
}

const put = (revision: number): OpResult => ({ op: "put", revision, prevKv: null });
const range = (bodyBytes: number): OpResult => {
  // RangeResponse.kvs with one field that nobody knows in it.
  const body = new Uint8Array(bodyBytes + 8);
  body.set([0x12, ...varint(bodyBytes + 4), 0x7a, ...varint(bodyBytes)]);
  // In two pieces.
  const parts = [body.subarray(0, 50_000), body.subarray(50_000)];
  return { op: "range", revision: 7, body: { parts, bytes: body.length } };
};
/** In three bytes. */
const varint = (n: number): number[] => [(n & 0x7f) | 0x80, ((n >> 7) & 0x7f) | 0x80, n >> 14];

test("a large reply of a write is sent from where it is, and counts until it is read", () => {
  const { results, memory, copied, pulled } = newRig();
  const large = newTxnResult(true, [range(100_000), put(7), range(90_000)]);
  results.txn(5, 7, large);
  assert.equal(copied.length, 0);
  assert.equal(pulled.length, 1);
  assert.equal(memory.takenBytes, pulled[0]!.bytes);
  const bytes = read(pulled[0]!);
  assert.equal(memory.takenBytes, 0);
  const reply = decodeTxnResponse(bytes, 0, bytes.length);
  const cases = reply.responses.map(({ response }) => response?.case);
  assert.deepEqual(cases, ["responseRange", "responsePut", "responseRange"]);
  assert.equal(reply.header?.revision, 7);
  results.txn(6, 7, newTxnResult(true, [put(7)]));
  assert.equal(copied.length, 1);
});

test("earlier values that a deletion brings are not copied", () => {
  const { results, memory, copied, pulled } = newRig();
  const prevKvs = (bytes: number): Chunks => ({ parts: [new Uint8Array(bytes)], bytes });
  results.deleted(5, 7, { deleted: 3, prevKvs: prevKvs(1_000_000) });
  assert.equal(copied.length, 0);
  const bytes = read(pulled[0]!);
  results.deleted(5, 7, { deleted: 3, prevKvs: prevKvs(10) });
  const head = copied[0]!.length - 10;
  assert.equal(bytes.length, head + 1_000_000);
  assert.deepEqual(bytes.slice(0, head), copied[0]!.slice(0, head));
  assert.equal(memory.takenBytes, 0);
});

test("a reply of very many operations is written in steps", () => {
  const { results, clock, pulled, copied } = newRig();
  const leaf = (): OpResult => ({
    op: "txn",
    result: newTxnResult(
      true,
      Array.from({ length: 100 }, (_, at) => put(at + 1)),
    ),
  });
  const all = newTxnResult(false, Array.from({ length: 200 }, leaf));
  results.txn(5, 7, all);
  assert.equal(pulled.length, 0, "not in the turn in which it was applied");
  while (clock.step());
  const bytes = read(pulled[0]!);
  const reply = decodeTxnResponse(bytes, 0, bytes.length);
  assert.equal(reply.responses.length, 200);
  for (const { response } of reply.responses) {
    assert.ok(response?.case === "responseTxn");
    assert.equal(response.value.succeeded, true);
    const revisions = response.value.responses.map(({ response: one }) =>
      one?.case === "responsePut" ? one.value.header?.revision : 0,
    );
    assert.deepEqual(
      revisions,
      Array.from({ length: 100 }, (_, at) => at + 1),
    );
  }
  assert.equal(copied.length, 0);
});
