import assert from "node:assert/strict";
import { createServer as createHttp2Server } from "node:http2";
import type { Http2Server } from "node:http2";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { decodePutRequest, encodeRangeResponseToBytes } from "../proto/gen/etcdserverpb.ts";
import { Client } from "./index.ts";
import { nodePlatform } from "./node-socket.ts";
import type { EtcdError } from "./index.ts";

/** A gRPC server on Node's own HTTP/2: answers `Put` with nothing, `Range` with a value. */
async function serve(t: TestContext): Promise<{ server: Http2Server; endpoint: string }> {
  const value = new Uint8Array(3_000_000).fill(7);
  const kv = { key: value.subarray(0, 1), value, createRevision: 1, modRevision: 1, version: 1 };
  const reply = encodeRangeResponseToBytes({
    header: undefined,
    kvs: [{ ...kv, lease: 0n }],
    more: false,
    count: 1,
  });
  const server = createHttp2Server();
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const request = Buffer.concat(chunks);
      const isPut = headers[":path"]?.endsWith("/Put") === true;
      if (isPut) decodePutRequest(request, 5, request.length);
      const message = isPut ? Buffer.alloc(0) : reply;
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.respond(
        { ":status": 200, "content-type": "application/grpc" },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.concat([prefix, message]));
    });
    stream.on("error", () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  return { server, endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("real sockets: calls, large answers, an end that leaves nothing", async (t) => {
  const { endpoint } = await serve(t);
  const before = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
  const client = new Client({ endpoints: [endpoint], timeoutMs: 10_000 });
  await client.kv.put("k", "v".repeat(1_000_000));
  await Promise.all(Array.from({ length: 200 }, (_, i) => client.kv.put(`k${i}`, "v")));
  const kv = await client.kv.get("k");
  assert.equal(kv?.value.length, 3_000_000);
  assert.ok(kv.value.every((byte) => byte === 7));
  client.close();
  const open = process.getActiveResourcesInfo().filter((name) => name === "Timeout");
  assert.equal(before, 0);
  assert.deepEqual(open, [], "no timer of the client is left");
});

test("real sockets: a server that is not there, a server that is none", async (t) => {
  const plain = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await new Promise<void>((resolve) => {
    plain.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => plain.close());
  for (const port of [1, (plain.address() as AddressInfo).port]) {
    const client = new Client({ endpoints: [`127.0.0.1:${port}`] });
    const error = await client.kv.get("k", { timeoutMs: 150 }).then(
      () => assert.fail("answered"),
      (failure: EtcdError) => failure,
    );
    assert.equal(error.code, "DeadlineExceeded");
    assert.notEqual(client.troubles(), "");
    client.close();
  }
});

test("timers of any length wait for their time", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const platform = nodePlatform();
  const longestMs = 2 ** 31 - 1;
  const due: string[] = [];
  platform.startTimer(5, () => due.push("5 ms"));
  platform.startTimer(2 * longestMs + 1000, () => due.push("50 days"));
  platform.startTimer(Number.POSITIVE_INFINITY, () => due.push("never"));
  const cancelled = platform.startTimer(longestMs + 1000, () => due.push("cancelled"));
  t.mock.timers.tick(4);
  assert.deepEqual(due, []);
  t.mock.timers.tick(1);
  assert.deepEqual(due, ["5 ms"]);
  t.mock.timers.tick(longestMs - 5);
  platform.cancelTimer(cancelled);
  t.mock.timers.tick(longestMs);
  assert.deepEqual(due, ["5 ms"]);
  t.mock.timers.tick(1000);
  assert.deepEqual(due, ["5 ms", "50 days"]);
  t.mock.timers.tick(longestMs);
  assert.deepEqual(due, ["5 ms", "50 days"]);
});
