import assert from "node:assert/strict";
import { BusyClock } from "../../sim/world/busy-clock.ts";
import { test } from "node:test";
import { socketPair } from "../../edge/testing/memory-socket.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { httpIdleMs, NodeHttpServer } from "./http-server.ts";

/** Lets Node's streams and the virtual clock run until both have nothing to do. */
async function settle(clock: VirtualClock): Promise<void> {
  for (let i = 0; i < 20; i++) {
    clock.runFor(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("headers that drip in are cut off; a connection that asks now and then is not", async (t) => {
  const clock = new VirtualClock();
  let answered = 0;
  const server = new NodeHttpServer((_request, respond) => {
    answered++;
    respond({ status: 200, headers: [], body: "ok" });
  }, clock);
  t.after(() => server.close());
  const clients = Array.from({ length: 2 }, () => {
    const [client, served] = socketPair(clock);
    client.attach({ onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} });
    const handler = server.accept(served);
    assert.ok(handler !== null);
    served.attach(handler);
    return client;
  });
  const [dripping, asking] = clients as [(typeof clients)[0], (typeof clients)[0]];
  dripping.write(Buffer.from("GET /version HTTP/1.1\r\nHost: x\r\nX: "));
  const steps = 9;
  for (let i = 0; i < steps; i++) {
    dripping.write(Buffer.from("y"));
    asking.write(Buffer.from("GET /version HTTP/1.1\r\nHost: x\r\n\r\n"));
    await settle(clock);
    assert.equal(server.connections, i * 60_000 <= httpIdleMs ? 2 : 1, `minute ${i}`);
    clock.runFor(60_000);
  }
  await settle(clock);
  assert.equal(answered, steps);
  assert.equal(dripping.destroyed, true);
  assert.equal(asking.destroyed, false);
});

test("many connections that ask much at once share the turns", async (t) => {
  const clock = new BusyClock(0.6);
  let answered = 0;
  const server = new NodeHttpServer((_request, respond) => {
    answered += 1;
    respond({ status: 200, headers: [], body: "ok" });
  }, clock);
  t.after(() => server.close());
  const connections = 50;
  const each = 20;
  let text = "";
  for (let i = 0; i < connections; i += 1) {
    const [client, served] = socketPair(clock);
    client.attach({
      onData: (chunk) => (text += Buffer.from(chunk).toString()),
      onDrain: () => {},
      onEnd: () => {},
      onClose: () => {},
    });
    const handler = server.accept(served);
    assert.ok(handler !== null);
    served.attach(handler);
    client.write(Buffer.from("GET /version HTTP/1.1\r\nHost: x\r\n\r\n".repeat(each)));
  }
  let most = 0;
  for (let turns = 0; answered < connections * each; turns += 1) {
    assert.ok(turns < 10_000, "all are answered in the end");
    const before = answered;
    clock.step(0);
    most = Math.max(most, answered - before);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(most <= 4, `${most} answered in one turn`);
  for (let i = 0; i < 10; i += 1) await settle(clock);
  assert.equal(text.split("HTTP/1.1 200 OK").length - 1, connections * each);
});

test("what many sockets bring in one turn is not parsed in it", async (t) => {
  const clock = new BusyClock(0.6);
  const server = new NodeHttpServer(() => assert.fail("no request"), clock);
  t.after(() => server.close());
  let refused = 0;
  const connections = 50;
  for (let i = 0; i < connections; i += 1) {
    const [, served] = socketPair(clock);
    const write = served.write.bind(served);
    served.write = (bytes) => {
      refused += 1;
      return write(bytes);
    };
    const handler = server.accept(served);
    assert.ok(handler !== null);
    served.attach(handler);
    handler.onData(Buffer.from("GET no request at all\r\n\r\n"));
  }
  const idle = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 3; i += 1) await idle();
  assert.equal(refused, 0);
  for (let i = 0; i < 10; i += 1) await settle(clock);
  assert.equal(refused, connections);
});

test("a client that closes its side when it has asked gets all its answers", async (t) => {
  const clock = new VirtualClock();
  const late: (() => void)[] = [];
  const server = new NodeHttpServer((request, respond) => {
    const answer = (): void => respond({ status: 200, headers: [], body: "ok" });
    if (request.target === "/late") late.push(answer);
    else answer();
  }, clock);
  t.after(() => server.close());
  // More than one slice, and one that cannot be answered at once.
  for (const [path, count] of [
    ["/version", 150],
    ["/late", 1],
  ] as const) {
    const [client, served] = socketPair(clock);
    let text = "";
    let isEnded = false;
    client.attach({
      onData: (chunk) => (text += Buffer.from(chunk).toString()),
      onDrain: () => {},
      onEnd: () => (isEnded = true),
      onClose: () => {},
    });
    const handler = server.accept(served);
    assert.ok(handler !== null);
    served.attach(handler);
    client.write(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(count)));
    client.end();
    for (let i = 0; i < 30; i += 1) await settle(clock);
    for (const answer of late) answer();
    await settle(clock);
    assert.equal(text.split("HTTP/1.1 200 OK").length - 1, count, path);
    assert.equal(isEnded, true, "the server closes its side when it has answered");
  }
});
