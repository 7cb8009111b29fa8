import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeRangeStreamResponseToBytes } from "../proto/gen/etcdserverpb.ts";
import type { EtcdError } from "./index.ts";
import type { SeenCall } from "./testing/fake-cluster.ts";
import { rig } from "./testing/rig.ts";

function chunk(index: number, valueBytes: number): Uint8Array {
  const kv = {
    key: Buffer.from(`k${index}`),
    value: new Uint8Array(valueBytes),
    createRevision: 1,
    modRevision: 1,
    version: 1,
    lease: 0n,
  };
  const rangeResponse = { header: undefined, kvs: [kv], more: false, count: 0 };
  return encodeRangeStreamResponseToBytes({ rangeResponse });
}

/** Sends `count` chunks and ends well. */
function chunks(count: number, valueBytes: number): (call: SeenCall) => void {
  return ({ connection, streamId }) => {
    connection.headersOnly(streamId);
    for (let i = 0; i < count; i++) connection.send(streamId, chunk(i, valueBytes));
    connection.end(streamId, 0, "");
  };
}

test("chunks arrive in order and the loop ends", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = chunks(20, 1000);
  const keys: string[] = [];
  const loop = (async () => {
    for await (const { kvs } of client.kv.rangeStream("k", { prefix: true })) {
      for (const kv of kvs) keys.push(Buffer.from(kv.key).toString());
    }
  })();
  await cluster.run();
  await loop;
  assert.deepEqual(
    keys,
    Array.from({ length: 20 }, (_, i) => `k${i}`),
  );
  client.close();
});

test("a reader that stops holds the server back", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = chunks(30, 500_000);
  const iterator = client.kv.rangeStream("k", { prefix: true });
  const first = iterator.next();
  await cluster.run();
  await first;
  await cluster.run();
  const { connection, streamId } = cluster.seen[0]!;
  const waiting = connection.h2.streamQueuedBytes(streamId);
  assert.ok(waiting > 8_000_000, `${waiting} bytes still wait at the server`);
  let count = 1;
  const rest = (async () => {
    for await (const _ of iterator) count++;
  })();
  await cluster.run();
  await rest;
  assert.equal(count, 30);
  client.close();
});

test("a message larger than the window still comes through", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = chunks(2, 9_000_000);
  let bytes = 0;
  const loop = (async () => {
    for await (const { kvs } of client.kv.rangeStream("k")) bytes += kvs[0]!.value.length;
  })();
  await cluster.run();
  await loop;
  assert.equal(bytes, 18_000_000);
  client.close();
});

test("leaving the loop ends the call at the server", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = ({ connection, streamId }) => {
    connection.headersOnly(streamId);
    connection.send(streamId, chunk(0, 10));
  };
  const loop = (async () => {
    for await (const _ of client.kv.rangeStream("k")) break;
  })();
  await cluster.run();
  await loop;
  await cluster.run();
  assert.deepEqual(cluster.seen[0]!.connection.resets, [1]);
  client.close();
});

test("an error after chunks is thrown behind them; nothing is repeated", async () => {
  const { cluster, client } = await rig(2);
  for (const server of cluster.servers) {
    server.behaviour = ({ connection, streamId }) => {
      connection.headersOnly(streamId);
      connection.send(streamId, chunk(0, 10));
      connection.end(streamId, 14, "etcdserver: leader changed");
    };
  }
  let count = 0;
  const loop = (async () => {
    for await (const _ of client.kv.rangeStream("k")) count++;
  })().then(
    () => assert.fail("ended well"),
    (error: EtcdError) => error.code,
  );
  await cluster.advance(1000);
  assert.equal(await loop, "LeaderChanged");
  assert.equal(count, 1);
  assert.equal(cluster.seen.length, 1);
  client.close();
});

test("a stream that was unavailable before its first chunk starts again elsewhere", async () => {
  const { cluster, client } = await rig(2);
  let refusals = 1;
  for (const server of cluster.servers) {
    server.behaviour = (call) => {
      if (refusals-- > 0) call.connection.fail(call.streamId, 14, "etcdserver: no leader");
      else chunks(3, 10)(call);
    };
  }
  let count = 0;
  const loop = (async () => {
    for await (const _ of client.kv.rangeStream("k")) count++;
  })();
  await cluster.advance(1000);
  await loop;
  assert.equal(count, 3);
  client.close();
});

test("deadline and abort end a stream", async () => {
  const { cluster, client } = await rig();
  cluster.servers[0]!.behaviour = ({ connection, streamId }) => connection.headersOnly(streamId);
  const codes: string[] = [];
  const abort = new AbortController();
  for (const options of [{ timeoutMs: 100 }, { signal: abort.signal }]) {
    void (async () => {
      for await (const _ of client.kv.rangeStream("k", options));
    })().catch((error: EtcdError) => codes.push(error.code));
  }
  await cluster.advance(100);
  abort.abort();
  await cluster.run();
  assert.deepEqual(codes, ["DeadlineExceeded", "Canceled"]);
  assert.equal(cluster.seen[0]!.connection.resets.length, 2);
  client.close();
});
