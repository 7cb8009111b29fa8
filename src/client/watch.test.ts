import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createWatchResponse,
  decodeWatchRequest,
  encodeWatchResponseToBytes,
  type WatchCreateRequest,
  type WatchResponse,
} from "../proto/gen/etcdserverpb.ts";
import { type EtcdError, WatchCompactedError } from "./index.ts";
import type { SeenCall } from "./testing/fake-cluster.ts";
import { rig } from "./testing/rig.ts";

function response(revision: number, changes: Partial<WatchResponse> = {}): Uint8Array {
  const header = { clusterId: 1n, memberId: 1n, revision, raftTerm: 2 };
  return encodeWatchResponseToBytes({ ...createWatchResponse(), header, ...changes });
}

function events(revision: number, keys: readonly string[], fragment = false): Uint8Array {
  const list = keys.map((key) => ({
    type: 0,
    kv: {
      key: Buffer.from(key),
      value: new Uint8Array(0),
      createRevision: revision,
      modRevision: revision,
      version: 1,
      lease: 0n,
    },
    prevKv: undefined,
  }));
  return response(revision, { events: list, fragment });
}

/** Members that say what a test wants, watch after watch, and then break off. */
function script(asked: WatchCreateRequest[], answers: readonly (readonly Uint8Array[])[]) {
  return ({ connection, streamId, message }: SeenCall): void => {
    const { requestUnion } = decodeWatchRequest(message, 0, message.length);
    assert.equal(requestUnion?.case, "createRequest");
    asked.push(requestUnion.value as WatchCreateRequest);
    connection.headersOnly(streamId);
    for (const bytes of answers[asked.length - 1] ?? []) connection.send(streamId, bytes);
    connection.end(streamId, 14, "etcdserver: no leader");
  };
}

test("a watch goes on where it broke off: nothing is lost, nothing comes twice", async () => {
  const { cluster, client } = await rig();
  const asked: WatchCreateRequest[] = [];
  cluster.servers[0]!.behaviour = script(asked, [
    [response(4, { created: true }), events(6, ["a"]), events(7, ["b", "c"])],
    [],
    // A revision of which only a part came.
    [response(9, { created: true }), events(8, ["d", "e"], true)],
    [response(9, { created: true }), events(8, ["d", "e"], true), events(8, ["f"]), response(12)],
    [response(15, { created: true, canceled: false }), events(14, ["g"])],
  ]);
  const told: string[] = [];
  const loop = (async () => {
    for await (const batch of client.watch("k", { prefix: true, prevKv: true })) {
      const keys = batch.events.map(({ kv }) => Buffer.from(kv.key).toString());
      told.push(`${batch.revision}: ${keys.join(" ")}`);
      if (batch.revision === 14) break;
    }
  })();
  await cluster.advance(1000);
  await loop;
  assert.deepEqual(told, ["6: a", "7: b c", "8: d e f", "12: ", "14: g"]);
  const starts = asked.map(({ startRevision }) => startRevision);
  assert.deepEqual(starts, [0, 8, 8, 8, 13]);
  assert.ok(asked.every(({ fragment, prevKv }) => fragment && prevKv));
  client.close();
});

test("what was put before the first event came is not lost either", async () => {
  const { cluster, client } = await rig();
  const asked: WatchCreateRequest[] = [];
  cluster.servers[0]!.behaviour = script(asked, [
    [response(4, { created: true })],
    [response(9, { created: true }), events(5, ["a"])],
  ]);
  const loop = client.watch("k").next();
  await cluster.advance(1000);
  assert.equal((await loop).value?.revision, 5);
  assert.deepEqual(
    asked.slice(0, 2).map(({ startRevision }) => startRevision),
    [0, 5],
  );
  client.close();
});

test("compaction and refusals are told, and end it", async () => {
  const { cluster, client } = await rig();
  const compacted = [
    response(9, { created: true }),
    response(0, { canceled: true, compactRevision: 7 }),
  ];
  const refused = [
    response(9, { created: true, canceled: true, cancelReason: "mvcc: watcher range is empty" }),
  ];
  const asked: WatchCreateRequest[] = [];
  cluster.servers[0]!.behaviour = script(asked, [compacted, refused]);
  const first = client.watch("k", { startRevision: 3 }).next();
  await cluster.advance(1000);
  await assert.rejects(first, (error: unknown) => {
    assert.ok(error instanceof WatchCompactedError);
    assert.equal(error.code, "Compacted");
    return error.compactRevision === 7;
  });
  const second = client.watch("k", { startRevision: 3 }).next();
  await cluster.advance(1000);
  await assert.rejects(
    second,
    (error: EtcdError) => error.message === "mvcc: watcher range is empty",
  );
  assert.equal(asked.length, 2);
  client.close();
});
