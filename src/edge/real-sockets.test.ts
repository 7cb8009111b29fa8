import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { LetterSource, paths } from "./testing/stub-service.ts";
import { serve } from "./testing/served.ts";

const plain = (bytes: Buffer): Buffer => bytes;

function grpcClient(target: string): grpc.Client {
  return new grpc.Client(target, grpc.credentials.createInsecure());
}

function unary(client: grpc.Client, text: string, meta = new grpc.Metadata()): Promise<string> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(paths.range, plain, plain, Buffer.from(text), meta, (error, reply) => {
      if (error !== null) reject(error);
      else resolve(reply?.toString() ?? "");
    });
  });
}

test("grpc-js: unary calls, metadata, errors, large messages, deadlines", async (t) => {
  const served = await serve();
  t.after(() => served.close());
  const client = grpcClient(`127.0.0.1:${served.port}`);
  t.after(() => client.close());
  const { service } = served;
  service.onRequest = (_id, token, message) => {
    if (message === "fail") service.sink.finish(token, 5, "kein Schlüssel: 100%");
    else if (message === "meta") service.reply(token, service.sink.metadata(token, "token") ?? "");
    else if (message === "list") {
      service.sink.replyFrom(token, 3_000_000, new LetterSource(3_000_000));
    } else if (message !== "wait") service.reply(token, message.toUpperCase());
  };
  const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => unary(client, `v${i}`)));
  assert.deepEqual(
    replies,
    Array.from({ length: 200 }, (_, i) => `V${i}`),
  );
  const meta = new grpc.Metadata();
  meta.set("token", "abc");
  assert.equal(await unary(client, "meta", meta), "abc");
  await assert.rejects(unary(client, "fail"), { code: 5, details: "kein Schlüssel: 100%" });
  assert.equal((await unary(client, "x".repeat(1_500_000))).length, 1_500_000);
  assert.equal((await unary(client, "list")).length, 3_000_000);
  await assert.rejects(unary(client, "x".repeat(2_097_153)), {
    code: 8,
    details: "grpc: received message larger than max (2097153 vs. 2097152)",
  });
  const wait = new Promise<grpc.ServiceError>((resolve) => {
    const options = { deadline: Date.now() + 50 };
    const body = Buffer.from("wait");
    client.makeUnaryRequest(paths.range, plain, plain, body, options, (error) => {
      if (error !== null) resolve(error);
    });
  });
  assert.equal((await wait).code, 4);
  await until(() => served.door.calls === 0);
});

test("grpc-js: streams of all kinds, cancellation", async (t) => {
  const served = await serve();
  t.after(() => served.close());
  const client = grpcClient(`127.0.0.1:${served.port}`);
  t.after(() => client.close());
  const { service } = served;
  service.onRequest = (_id, token) => {
    for (const text of ["a", "b", "c"]) service.send(token, text);
    service.sink.finish(token, 0, "");
  };
  service.onMessage = (token, message) => {
    if (message.startsWith("echo")) service.send(token, message);
  };
  const list = client.makeServerStreamRequest(paths.rangeStream, plain, plain, Buffer.from("q"));
  const seen: string[] = [];
  for await (const piece of list) seen.push(String(piece));
  assert.deepEqual(seen, ["a", "b", "c"]);

  const collected = new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(paths.collect, plain, plain, (error, reply) => {
      if (error !== null) reject(error);
      else resolve(String(reply));
    });
    for (const text of ["1", "2", "3"]) call.write(Buffer.from(text));
    call.end();
  });
  await until(() => service.events.some((event) => event.startsWith("halfClose")));
  service.reply(service.tokens[1] ?? -1, "sum");
  assert.equal(await collected, "sum");

  const watch = client.makeBidiStreamRequest(paths.watch, plain, plain);
  watch.on("error", () => {});
  watch.write(Buffer.from("echo 1"));
  assert.equal(String((await once(watch, "data"))[0]), "echo 1");
  watch.write(Buffer.from("echo 2"));
  assert.equal(String((await once(watch, "data"))[0]), "echo 2");
  watch.cancel();
  await until(() => service.events.some((event) => event.startsWith("cancel 2")));
  await until(() => served.door.calls === 0);
});

test("node:http2: one port for gRPC, HTTP/2 and HTTP/1.1", async (t) => {
  const served = await serve();
  t.after(() => served.close());
  const origin = `http://127.0.0.1:${served.port}`;
  served.service.onRequest = (_id, token) => served.service.reply(token, "ok");
  const session = http2.connect(origin);
  const request = session.request({
    ":method": "POST",
    ":path": paths.range,
    "content-type": "application/grpc",
    te: "trailers",
  });
  let trailers: http2.IncomingHttpHeaders = {};
  request.on("trailers", (block) => {
    trailers = block;
  });
  request.end(Buffer.from([0, 0, 0, 0, 1, 65]));
  assert.equal(Buffer.concat(await request.toArray()).toString(), "\0\0\0\0\u0002ok");
  assert.equal(trailers["grpc-status"], "0");
  const version = session.request({ ":path": "/version" });
  assert.match(Buffer.concat(await version.toArray()).toString(), /"etcdserver":"3\.7\.1"/);
  session.close();

  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const get = async (target: string, method = "GET"): Promise<string> => {
    const sent = http
      .request(origin + target, { method, agent })
      .end(method === "POST" ? "body" : "");
    const [reply] = (await once(sent, "response")) as [http.IncomingMessage];
    const body = Buffer.concat(await reply.toArray()).toString();
    return `${reply.statusCode} ${body}`;
  };
  assert.match(await get("/version"), /^200 \{"etcdserver"/);
  assert.equal(await get("/health"), '200 {"health":"true","reason":""}');
  assert.match(await get("/metrics"), /^200 [^]*grpc_server_started_total\{.*"Range".*\} 1\n/);
  assert.equal(await get("/nope", "POST"), "404 404 page not found\n");
});

test("bytes that are neither, and half-closed HTTP/1.1", async (t) => {
  const served = await serve();
  t.after(() => served.close());
  const say = async (text: string): Promise<string> => {
    const socket = net.connect({ port: served.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end(text);
    return Buffer.concat(await socket.toArray()).toString();
  };
  for (const text of ["HELLO\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "P", "", "\r\n"]) {
    assert.equal(await say(text), "", JSON.stringify(text));
  }
  assert.equal(await say("x".repeat(9000)), "");
  assert.match(await say("GET /x\x01 HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(await say("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 200 OK/);
  const get = (rest: string): Promise<string> => say(`GET ${rest}\r\n\r\n`);
  assert.match(await get("http://x/version HTTP/1.1\r\nHost: y"), /^HTTP\/1\.1 200 OK/);
  assert.match(await get("http://x HTTP/1.1\r\nHost: x"), /^HTTP\/1\.1 404 Not Found/);
  const twoHosts = await get("/version HTTP/1.1\r\nHost: a\r\nHost: b");
  assert.match(twoHosts, /^HTTP\/1\.1 400 Bad Request\r\n/);
  const oddHost = await get("/version HTTP/1.1\r\nHost: a b");
  assert.match(oddHost, /^HTTP\/1\.1 400 Bad Request: malformed Host header\r\n/);
  const long = await get(`/version HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(70_000)}`);
  assert.match(long, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  assert.equal(served.door.connections, 0);
});

test("pipelined HTTP/1.1: answered in order, and others do not wait for it", async (t) => {
  const served = await serve();
  t.after(() => served.close());
  const open = async (text: string): Promise<net.Socket> => {
    const socket = net.connect({ port: served.port, host: "127.0.0.1" }).pause();
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(text);
    return socket;
  };
  const targets = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? "/version" : `/no${i}`));
  const all = targets.map((target, i) => {
    const last = i === targets.length - 1 ? "Connection: close\r\n" : "";
    return `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n${last}\r\nabc`;
  });
  const polite = await open(all.join(""));
  const answers = Buffer.concat(await polite.toArray()).toString();
  const codes = [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);
  assert.deepEqual(
    codes,
    targets.map((target) => (target === "/version" ? "405" : "404")),
  );

  const flood = await open("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20_000));
  t.after(() => flood.destroy());
  const before = process.cpuUsage();
  for (let i = 0; i < 5; i++) {
    const other = await open("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(Buffer.concat(await other.toArray()).toString(), /^HTTP\/1\.1 200 OK/);
  }
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 400_000, `${user + system} µs of work before five others`);
});

test("unix sockets, and one that was left behind", async (t) => {
  const file = path.join(tmpdir(), `skein-edge-${process.pid}.sock`);
  const first = await serve({}, { kind: "unix", path: file });
  const second = await serve({}, { kind: "unix", path: file });
  t.after(() => {
    first.close();
    second.close();
  });
  second.service.onRequest = (_id, token, message) => second.service.reply(token, message);
  const client = grpcClient(`unix:${file}`);
  t.after(() => client.close());
  assert.equal(await unary(client, "over unix"), "over unix");
});

test("a port that is taken is named", async (t) => {
  const served = await serve();
  t.after(() => served.close());
  await assert.rejects(serve({}, { kind: "tcp", host: "127.0.0.1", port: served.port }), {
    message: /^EADDRINUSE .*127\.0\.0\.1:\d+/,
  });
});

/** Waits until a condition holds, turn by turn; the runner's time limit is the only other end. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
