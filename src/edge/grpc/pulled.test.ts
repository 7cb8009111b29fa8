import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../service/rpc.ts";
import { data, headers, rstStream, windowUpdate } from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { LetterSource, paths } from "../testing/stub-service.ts";

const range = grpcBlock(paths.range);

test("pulled replies: as the window permits, with status at the end", () => {
  const rig = new DoorRig();
  const source = new LetterSource(1_000_000);
  rig.service.onRequest = (_id, token) => rig.service.sink.replyFrom(token, 1_000_000, source);
  const client = rig.client();
  client.send(headers(1, range, false), data(1, grpcMessage("list"), true));
  rig.settle();
  const received = (): number => Buffer.concat(client.streams.get(1)?.body ?? []).length;
  assert.equal(received(), 65_535);
  assert.ok(source.pulledBytes <= 65_535);
  client.send(windowUpdate(0, 10_000_000), windowUpdate(1, 500_000));
  rig.settle();
  assert.equal(received(), 565_535);
  client.send(windowUpdate(1, 500_000));
  rig.settle();
  assert.equal(received(), 1_000_005);
  assert.equal(client.streams.get(1)?.trailers["grpc-status"], "0");
  assert.equal(source.releases, 1);
  assert.equal(rig.door.calls, 0);
});

test("a source that breaks off ends the call with its failure, once released", () => {
  const rig = new DoorRig();
  const sources: LetterSource[] = [];
  rig.service.onRequest = (_id, token) => {
    const source = new LetterSource(100_000);
    source.failAtBytes = 16_384;
    sources.push(source);
    rig.service.sink.replyFrom(token, 100_000, source);
  };
  const client = rig.client();
  client.send(headers(1, range, false), data(1, grpcMessage("list"), true));
  rig.settle();
  assert.equal(client.streams.get(1)?.trailers["grpc-status"], "14");
  assert.equal(client.streams.get(1)?.trailers["grpc-message"], "etcdserver: leader changed");
  assert.equal(sources[0]?.releases, 1);
  assert.equal(rig.service.events.at(-1), "cancel 0");
  // Released when the client gives up, too.
  client.send(headers(3, range, false), data(3, grpcMessage("list"), true), rstStream(3, 8));
  client.send(headers(5, range, false), data(5, grpcMessage("list"), true));
  rig.settle();
  client.socket.destroy();
  rig.settle();
  assert.deepEqual(
    sources.map((source) => source.releases),
    [1, 1, 1],
  );
});

test("streams with pulled messages: one at a time, writable when it is through", () => {
  const rig = new DoorRig();
  const { service } = rig;
  const client = rig.client();
  client.send(headers(1, grpcBlock(paths.rangeStream), false), data(1, grpcMessage("q"), true));
  rig.settle();
  const [token = -1] = service.tokens;
  service.sink.sendFrom(token, 20_000, new LetterSource(20_000));
  rig.settle();
  assert.equal(service.events.at(-1), "writable 0");
  service.send(token, "small");
  service.sink.sendFrom(token, 10, new LetterSource(10));
  service.sink.finish(token, Code.ok, "");
  rig.settle();
  assert.equal(client.outcome(1), `[${"a".repeat(20_000)},small,${"a".repeat(10)}] 0`);
});

test("a producer is told to wait and when to go on", () => {
  const rig = new DoorRig();
  const { service } = rig;
  const client = rig.client();
  client.send(headers(1, grpcBlock(paths.watch), false));
  rig.settle();
  const [token = -1] = service.tokens;
  let sent = 0;
  while (service.send(token, "x".repeat(10_000))) sent++;
  assert.ok(sent >= 6 && sent <= 20, `${sent} messages before the queue was full`);
  rig.settle();
  assert.ok(!service.events.includes("writable 0"));
  client.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
  rig.settle();
  assert.equal(service.events.at(-1), "writable 0");
});
