import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { Code } from "../../service/rpc.ts";
import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import { data, headers, rstStream } from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { LetterSource, paths } from "../testing/stub-service.ts";

const range = grpcBlock(paths.range);

test("a unary call in one chunk, and cut into single bytes", () => {
  const rig = new DoorRig();
  rig.service.onRequest = (_id, token, message) => rig.service.reply(token, message.toUpperCase());
  const client = rig.client();
  client.send(headers(1, range, false), data(1, grpcMessage("abc"), true));
  rig.settle();
  assert.equal(client.outcome(1), "[ABC] 0");
  const bytes = Buffer.concat([headers(3, range, false), data(3, grpcMessage("slow"), true)]);
  for (const byte of bytes) {
    client.send(Uint8Array.of(byte));
    rig.settle();
  }
  assert.equal(client.outcome(3), "[SLOW] 0");
  client.send(headers(5, range, false), data(5, grpcMessage("half").slice(0, 7), false));
  rig.settle();
  client.send(data(5, grpcMessage("half").slice(7), false), data(5, [], true));
  rig.settle();
  assert.equal(client.outcome(5), "[HALF] 0");
  assert.equal(rig.door.calls, 0);
  assert.equal(rig.door.memoryUsedBytes, 0);
});

test("replies of one turn leave in one write", () => {
  const rig = new DoorRig();
  rig.service.onRequest = (_id, token) => rig.service.reply(token, "x");
  const client = rig.client();
  let writes = 0;
  const write = client.server.write.bind(client.server);
  client.server.write = (bytes) => {
    writes++;
    return write(bytes);
  };
  const calls: Uint8Array[] = [];
  for (let id = 1; id < 100; id += 2) {
    calls.push(headers(id, range, false), data(id, grpcMessage("q"), true));
  }
  client.send(...calls);
  rig.settle();
  assert.equal(writes, 1);
  for (let id = 1; id < 100; id += 2) assert.equal(client.outcome(id), "[x] 0");
});

test("errors: trailers only, percent-encoded; after messages in the trailers", () => {
  const rig = new DoorRig();
  const client = rig.client();
  client.send(headers(1, range, false), data(1, grpcMessage(""), true));
  client.send(headers(3, grpcBlock(paths.rangeStream), false), data(3, grpcMessage(""), true));
  rig.settle();
  const [unary, stream] = rig.service.tokens;
  assert.ok(unary !== undefined && stream !== undefined);
  rig.service.sink.finish(unary, Code.invalidArgument, "naïve 100%");
  rig.service.send(stream, "one");
  rig.service.send(stream, "two");
  rig.service.sink.finish(stream, Code.outOfRange, "etcdserver: mvcc: future");
  rig.settle();
  assert.equal(client.outcome(1), "[] 3 na%C3%AFve 100%25");
  assert.equal(client.streams.get(1)?.headers["content-type"], "application/grpc");
  assert.equal(client.outcome(3), "[one,two] 11 etcdserver: mvcc: future");
  // Answers to calls that are no more are ignored.
  rig.service.reply(unary, "late");
  rig.service.sink.finish(stream, Code.ok, "");
  assert.equal(rig.service.send(stream, "late"), true);
  const source = new LetterSource(10);
  rig.service.sink.replyFrom(unary, 10, source);
  rig.service.sink.sendFrom(stream, 10, source);
  assert.equal(source.releases, 2);
  rig.settle();
  assert.equal(client.outcome(1), "[] 3 na%C3%AFve 100%25");
});

const refusals: readonly [name: string, block: Uint8Array, outcome: string][] = [
  [
    "not gRPC",
    encodeConstantBlock([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", paths.range],
      [":authority", "x"],
      ["content-type", "application/json"],
    ]),
    '415 [] 3 invalid gRPC request content-type "application/json"',
  ],
  [
    "not POST",
    encodeConstantBlock([
      [":method", "PUT"],
      [":scheme", "http"],
      [":path", paths.range],
      [":authority", "x"],
      ["content-type", "application/grpc"],
    ]),
    '405 [] 13 Received a HEADERS frame with :method "PUT" which should be POST',
  ],
  ["unknown service", grpcBlock("/a.B/C"), "[] 12 unknown service a.B"],
  [
    "unknown method",
    grpcBlock("/etcdserverpb.KV/Nope"),
    "[] 12 unknown method Nope for service etcdserverpb.KV",
  ],
  ["no method", grpcBlock("/a"), '[] 12 malformed method name: "/a"'],
  [
    "bad timeout",
    grpcBlock(paths.range, ["grpc-timeout", "5x"]),
    '400 [] 13 malformed grpc-timeout: transport: timeout unit is not recognized: "5x"',
  ],
  ["no time", grpcBlock(paths.range, ["grpc-timeout", "0m"]), "[] 4 context deadline exceeded"],
  // etcd answers one of two ways, or even well: its timer races its handler.
  ["little time", grpcBlock(paths.range, ["grpc-timeout", "1u"]), "[] 4 context deadline exceeded"],
  [
    "bad binary metadata",
    grpcBlock(paths.range, ["x-bin", "a"]),
    '400 [] 13 malformed binary metadata "a" in header "x-bin": ' +
      "illegal base64 data at input byte 0",
  ],
  [
    "unknown encoding",
    grpcBlock(paths.range, ["grpc-encoding", "br"]),
    '[] 12 grpc: Decompressor is not installed for grpc-encoding "br"',
  ],
  [
    "bad version of a stream",
    grpcBlock(paths.rangeStream, ["client-api-version", "\xff"]),
    "[] 3 etcdserver: invalid client api version",
  ],
];

test("requests that become no call", () => {
  const rig = new DoorRig();
  const client = rig.client();
  refusals.forEach(([name, block, expected], i) => {
    const id = 4 * i + 1;
    client.send(headers(id, block, false), data(id, grpcMessage("x"), true));
    client.send(headers(id + 2, block, true));
    rig.settle();
    assert.equal(client.outcome(id), `${expected} reset 0`, name);
    assert.equal(client.outcome(id + 2), expected, name);
  });
  assert.deepEqual(rig.service.events, []);
  assert.equal(client.goaway, null);
});

test("broken bodies of calls with one request message", () => {
  const big = new DoorRig({ maxMessageBytes: 100 });
  const client = big.client();
  const stream = grpcBlock(paths.rangeStream);
  const send = (id: number, block: Uint8Array, body: Uint8Array): string => {
    client.send(headers(id, block, false), data(id, body, true));
    big.settle();
    return client.outcome(id);
  };
  const noMessage = "cardinality violation: received no request message from non-client-streaming";
  const two = new Uint8Array(Buffer.concat([grpcMessage("a"), grpcMessage("b")]));
  const twice =
    "cardinality violation: received multiple request messages for non-client-streaming RPC";
  assert.equal(send(1, range, new Uint8Array()), "[] 2 EOF");
  assert.equal(send(3, stream, new Uint8Array()), `[] 13 ${noMessage} RPC`);
  assert.equal(send(5, range, Uint8Array.of(0, 0)), "[] 2 EOF");
  assert.equal(send(7, stream, Uint8Array.of(0, 0, 0, 0, 9, 1)), "[] 13 unexpected EOF");
  assert.equal(send(9, stream, two), `[] 13 ${twice}`);
  assert.equal(
    send(11, range, grpcMessage("x".repeat(101))),
    "[] 8 grpc: received message larger than max (101 vs. 100)",
  );
  assert.equal(
    send(13, range, Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)),
    "[] 8 grpc: received message larger than max (4294967295 vs. 100)",
  );
  assert.equal(
    send(15, range, grpcMessage("x", 1)),
    "[] 13 grpc: compressed flag set with identity or empty encoding",
  );
  assert.equal(
    send(17, range, grpcMessage("x", 2)),
    "[] 13 grpc: received unexpected payload format 2",
  );
  assert.deepEqual(big.service.events, []);
  // grpc-go reads no further than the first message of a unary call.
  send(19, range, two);
  assert.deepEqual(big.service.events, ["request 0 a"]);
  // Too large in pieces: answered at once, the stream is reset without error.
  client.send(headers(21, range, false), data(21, Uint8Array.of(0, 0, 0), false));
  client.send(data(21, Uint8Array.of(1, 0), false));
  big.settle();
  assert.equal(
    client.outcome(21),
    "[] 8 grpc: received message larger than max (256 vs. 100) reset 0",
  );
  assert.equal(big.door.calls, 1);
});

test("gzip: requests are unpacked within the limit, replies packed likewise", () => {
  const rig = new DoorRig({ maxMessageBytes: 1000 });
  rig.service.onRequest = (_id, token, message) => rig.service.reply(token, message);
  const client = rig.client();
  const block = grpcBlock(paths.range, ["grpc-encoding", "gzip"], ["grpc-accept-encoding", "gzip"]);
  const send = (id: number, body: Uint8Array): string => {
    client.send(headers(id, block, false), data(id, body, true));
    rig.settle();
    return client.outcome(id);
  };
  send(1, grpcMessage(gzipSync("hello"), 1));
  const seen = client.streams.get(1);
  assert.equal(seen?.headers["grpc-encoding"], "gzip");
  const body = Buffer.concat(seen.body);
  assert.equal(body[0], 1);
  assert.deepEqual(rig.service.events, ["request 0 hello"]);
  assert.match(send(3, grpcMessage("plain", 0)), /^\[z:.*\] 0$/s);
  assert.equal(
    send(5, grpcMessage("no gzip", 1)),
    "[] 13 grpc: failed to decompress the message: gzip: invalid header",
  );
  assert.equal(
    send(7, grpcMessage(gzipSync(Buffer.alloc(1001)), 1)),
    "[] 8 grpc: received message after decompression larger than max 1000",
  );
  assert.match(send(9, grpcMessage(gzipSync(Buffer.alloc(1000)), 1)), / 0$/);
  // A bomb: 50 MB of zeros in 50 kB is refused by its packed size or stops early, never unpacked.
  assert.match(send(11, grpcMessage(gzipSync(Buffer.alloc(500_000)), 1)), /^\[\] 8 /);
});

test("metadata, remote address, reply content type", () => {
  const rig = new DoorRig();
  const client = rig.client();
  const block = encodeConstantBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", paths.range],
    ["host", "x"],
    ["content-type", "application/grpc+proto"],
    ["token", "secret"],
    ["token", "second"],
    ["trace-bin", "AQI"],
    ["padded-bin", "AQ=="],
    ["client-api-version", "3.7"],
    ["hasleader", "true"],
  ]);
  client.send(headers(1, block, false), data(1, grpcMessage("q"), true));
  rig.settle();
  const [token = -1] = rig.service.tokens;
  const { sink } = rig.service;
  const keys = ["token", "trace-bin", "padded-bin", "hasleader", "client-api-version", "nope"];
  assert.deepEqual(
    keys.map((key) => sink.metadata(token, key)),
    ["secret", "\u0001\u0002", "\u0001", "true", "3.7", undefined],
  );
  assert.equal(sink.remoteAddress(token), "client:1");
  rig.service.reply(token, "r");
  rig.settle();
  assert.equal(client.streams.get(1)?.headers["content-type"], "application/grpc+proto");
  assert.equal(sink.metadata(token, "token"), undefined);
  assert.equal(sink.remoteAddress(token), "");
});

test("client and bidirectional streams", () => {
  const rig = new DoorRig();
  const { service } = rig;
  const client = rig.client();
  const messages = Buffer.concat([grpcMessage("a"), grpcMessage("bc"), grpcMessage("d")]);
  client.send(headers(1, grpcBlock(paths.collect), false));
  client.send(data(1, messages.subarray(0, 9), false), data(1, messages.subarray(9), true));
  client.send(headers(3, grpcBlock(paths.watch), false), data(3, grpcMessage("w"), false));
  rig.settle();
  assert.deepEqual(service.events, [
    "open 0 2",
    "message 0 a",
    "message 0 bc",
    "message 0 d",
    "halfClose 0",
    "open 1 3",
    "message 1 w",
  ]);
  const [collect = -1, watch = -1] = service.tokens;
  service.reply(collect, "sum");
  service.send(watch, "created");
  rig.settle();
  assert.equal(client.outcome(1), "[sum] 0");
  assert.equal(client.outcome(3), "[created] - open");
  service.send(watch, "event");
  client.send(data(3, [], true));
  rig.settle();
  assert.equal(service.events.at(-1), "halfClose 1");
  assert.equal(client.outcome(3), "[created,event] - open");
  service.sink.finish(watch, Code.ok, "");
  rig.settle();
  assert.equal(client.outcome(3), "[created,event] 0");
  // The server ends first: status, then a reset without error, and what still comes is dropped.
  client.send(headers(5, grpcBlock(paths.watch), false), data(5, grpcMessage("x"), false));
  rig.settle();
  service.sink.finish(service.tokens[2] ?? -1, Code.unavailable, "etcdserver: no leader");
  client.send(data(5, grpcMessage("y"), false));
  rig.settle();
  assert.equal(client.outcome(5), "[] 14 etcdserver: no leader reset 0");
  assert.equal(service.events.at(-1), "message 2 x");
  assert.equal(client.goaway, null);
});

test("what is read before a bad version is refused", () => {
  const rig = new DoorRig();
  const client = rig.client();
  const send = (id: number, body: Uint8Array, path: string = paths.range): string => {
    const block = grpcBlock(path, ["client-api-version", "\xff"]);
    client.send(headers(id, block, false), data(id, body, true));
    rig.settle();
    return client.outcome(id);
  };
  const refused = "[] 3 etcdserver: invalid client api version";
  assert.equal(send(1, grpcMessage("a")), refused);
  assert.equal(send(3, new Uint8Array()), "[] 2 EOF");
  assert.equal(send(5, Uint8Array.of(0, 0, 0, 0, 9)), "[] 2 unexpected EOF");
  assert.equal(send(7, new Uint8Array(), paths.rangeStream), `${refused} reset 0`);
  assert.deepEqual(rig.service.events, []);
});

test("a body cut off in its prefix is no message", () => {
  const rig = new DoorRig();
  const client = rig.client();
  const stream = grpcBlock(paths.rangeStream);
  client.send(headers(1, stream, false), data(1, Uint8Array.of(0, 0), true));
  client.send(headers(3, stream, false), data(3, Uint8Array.of(0, 0, 0, 0, 9), true));
  rig.settle();
  assert.match(client.outcome(1), /^\[\] 13 cardinality violation: received no request message/);
  assert.equal(client.outcome(3), "[] 13 unexpected EOF");
});

test("a stream that ends inside a message", () => {
  const rig = new DoorRig();
  const client = rig.client();
  client.send(headers(1, grpcBlock(paths.watch), false));
  client.send(data(1, grpcMessage("whole"), false), data(1, Uint8Array.of(0, 0, 0, 0, 9), true));
  rig.settle();
  assert.equal(client.outcome(1), "[] 13 unexpected EOF");
  assert.deepEqual(rig.service.events, ["open 0 3", "message 0 whole", "cancel 0"]);
});

test("cancelled by reset, by loss of the connection, by deadline", () => {
  const rig = new DoorRig();
  const { service } = rig;
  const client = rig.client();
  const timed = grpcBlock(paths.range, ["grpc-timeout", "50m"]);
  client.send(headers(1, range, false), data(1, grpcMessage("a"), true), rstStream(1, 8));
  client.send(headers(3, timed, false), data(3, grpcMessage("b"), true));
  client.send(headers(5, grpcBlock(paths.watch, ["grpc-timeout", "1S"]), false));
  client.send(headers(7, timed, false));
  rig.settle();
  assert.deepEqual(service.events, ["request 0 a", "cancel 0", "request 1 b", "open 2 3"]);
  rig.run(49);
  assert.equal(client.outcome(3), "nothing");
  rig.run(12);
  assert.equal(client.outcome(3), "[] 4 context deadline exceeded");
  assert.equal(client.outcome(7), "[] 4 context deadline exceeded reset 0");
  assert.equal(service.events.at(-1), "cancel 1");
  service.send(service.tokens[2] ?? -1, "part");
  rig.run(1000);
  assert.equal(client.outcome(5), "[part] 4 context deadline exceeded reset 0");
  assert.equal(service.events.at(-1), "cancel 2");
  client.send(headers(9, range, false), data(9, grpcMessage("c"), true));
  client.send(headers(11, grpcBlock(paths.watch), false));
  rig.settle();
  client.socket.destroy();
  rig.settle();
  assert.deepEqual(service.events.slice(-2).sort(), ["cancel 3", "cancel 4"]);
  assert.equal(rig.door.connections, 0);
  assert.equal(rig.door.calls, 0);
});

test("no timer runs without deadlines and connections", () => {
  const rig = new DoorRig();
  rig.service.onRequest = (_id, token) => rig.service.reply(token, "");
  const client = rig.client();
  const timed = grpcBlock(paths.range, ["grpc-timeout", "5S"]);
  client.send(headers(1, timed, false), data(1, grpcMessage("b"), true));
  rig.settle();
  client.socket.end();
  rig.run(20_000);
  assert.equal(client.closed, true);
  assert.equal(rig.clock.waiting, 0);
});

test("counters by method, code and client version; lazy services on use", () => {
  const rig = new DoorRig();
  rig.service.onRequest = (_id, token, message) => {
    if (message === "bad") rig.service.sink.finish(token, Code.notFound, "no");
    else rig.service.reply(token, "yes");
  };
  const client = rig.client();
  const versioned = grpcBlock(paths.range, ["client-api-version", "3.7"]);
  client.send(headers(1, versioned, false), data(1, grpcMessage("good"), true));
  client.send(headers(3, range, false), data(3, grpcMessage("bad"), true));
  client.send(headers(5, grpcBlock(paths.watch), false), data(5, grpcMessage("w"), false));
  rig.settle();
  const shown = rig.metrics();
  const labels = 'grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"';
  const watch = 'grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"';
  for (const line of [
    `grpc_server_started_total{${labels}} 2`,
    `grpc_server_handled_total{grpc_code="OK",${labels}} 1`,
    `grpc_server_handled_total{grpc_code="NotFound",${labels}} 1`,
    `grpc_server_handled_total{grpc_code="Unauthenticated",${labels}} 0`,
    `grpc_server_msg_received_total{${labels}} 2`,
    `grpc_server_msg_sent_total{${labels}} 1`,
    `grpc_server_started_total{${watch}} 1`,
    `grpc_server_msg_received_total{${watch}} 1`,
    `grpc_server_handled_total{grpc_code="OK",${watch}} 0`,
    'etcd_server_client_requests_total{client_api_version="3.7",type="unary"} 1',
    'etcd_server_client_requests_total{client_api_version="unknown",type="unary"} 1',
    'etcd_server_client_requests_total{client_api_version="unknown",type="stream"} 1',
    `etcd_network_client_grpc_received_bytes_total ${client.socket.deliveredBytes}`,
    `etcd_network_client_grpc_sent_bytes_total ${client.server.deliveredBytes}`,
  ]) {
    assert.ok(shown.includes(`${line}\n`), line);
  }
  assert.ok(!shown.includes("v3lockpb"));
});

test("plain requests over HTTP/2 are answered by the HTTP side", () => {
  const rig = new DoorRig({}, (request, respond) => {
    const text = `${request.method} ${request.path} ${request.authority}`;
    rig.clock.defer(() => respond(200, "text/plain", Buffer.from(text)));
  });
  const client = rig.client();
  const plain = (method: string, ...more: [string, string][]): Uint8Array =>
    encodeConstantBlock([
      [":method", method],
      [":scheme", "http"],
      [":path", "/version?x"],
      [":authority", "me"],
      ...more,
    ]);
  client.send(headers(1, plain("GET"), true), headers(3, plain("HEAD"), true));
  client.send(headers(5, plain("GET"), false), data(5, Buffer.from("body"), true));
  client.send(headers(7, plain("POST", ["content-type", "application/grpc-web"]), true));
  rig.settle();
  const text = (id: number): string => Buffer.concat(client.streams.get(id)?.body ?? []).toString();
  assert.equal(text(1), "GET /version?x me");
  assert.equal(client.streams.get(1)?.headers["content-length"], "17");
  assert.equal(text(3), "");
  assert.equal(client.streams.get(3)?.ended, true);
  assert.equal(text(5), "GET /version?x me");
  assert.match(client.outcome(7), /^415 /);
});

test("shutdown lets calls end, close does not", () => {
  const rig = new DoorRig();
  const client = rig.client();
  const idle = rig.client();
  client.send(headers(1, range, false), data(1, grpcMessage("q"), true));
  rig.settle();
  let drained = false;
  rig.door.shutdown(() => {
    drained = true;
  });
  rig.run(6000);
  assert.equal(client.goaway?.code, 0);
  assert.equal(idle.closed, true);
  assert.equal(client.closed, false);
  assert.equal(drained, false);
  rig.service.reply(rig.service.tokens[0] ?? -1, "done");
  rig.run(6000);
  assert.equal(client.outcome(1), "[done] 0");
  assert.equal(client.closed, true);
  assert.equal(drained, true);
  const late = rig.connect();
  late.hello();
  rig.settle();
  assert.equal(late.closed, true);
});
