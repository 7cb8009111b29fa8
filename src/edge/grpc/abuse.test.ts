import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameType } from "../../wire/h2/frames.ts";
import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import {
  data,
  headers,
  ping,
  preface,
  rawFrame,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from "../../wire/h2/testing/raw-frames.ts";
import { grpcBlock, grpcMessage, type RawClient } from "../testing/raw-client.ts";
import { DoorRig } from "../testing/rig.ts";
import { LetterSource, paths } from "../testing/stub-service.ts";

const range = grpcBlock(paths.range);
const enhanceYourCalm = 11;

/** Memory that a hostile client may pin at most in these tests, bytes. */
const heldMaxBytes = 20 * 1024 * 1024;

function setUp(limits: ConstructorParameters<typeof DoorRig>[0] = {}): DoorRig {
  const rig = new DoorRig(limits);
  rig.service.onRequest = (_id, token, message) => rig.service.reply(token, message);
  return rig;
}

/** The rule of every case: others are served, memory is bounded. */
function assertAlive(rig: DoorRig): void {
  assert.ok(rig.door.memoryUsedBytes <= heldMaxBytes, `${rig.door.memoryUsedBytes} bytes held`);
  const other = rig.client();
  other.send(headers(1, range, false), data(1, grpcMessage("alive?"), true));
  rig.settle();
  assert.equal(other.outcome(1), "[alive?] 0");
  other.socket.destroy();
  rig.settle();
}

/** Sends pieces until the server has had enough; how many it took. */
function flood(
  rig: DoorRig,
  client: RawClient,
  max: number,
  piece: (i: number) => Uint8Array,
): number {
  const perTurn = 200;
  for (let i = 0; i < max; i += perTurn) {
    const pieces = Array.from({ length: perTurn }, (_, k) => piece(i + k));
    client.send(new Uint8Array(Buffer.concat(pieces)));
    rig.settle();
    if (client.goaway !== null || client.closed) return i;
  }
  return max;
}

const id = (i: number): number => 2 * i + 1;

test("floods end with ENHANCE_YOUR_CALM or PROTOCOL_ERROR, and the connection with them", () => {
  const cases: [name: string, piece: (i: number) => Uint8Array, takenMax: number][] = [
    [
      "rapid reset",
      (i) => new Uint8Array(Buffer.concat([headers(id(i), range, false), rstStream(id(i), 8)])),
      10_000,
    ],
    [
      "reset by our side: zero window increment",
      (i) => new Uint8Array(Buffer.concat([headers(id(i), range, false), windowUpdate(id(i), 0)])),
      10_000,
    ],
    ["SETTINGS", () => settings([3, 100]), 10_000],
    ["PING", () => ping(), 10_000],
    ["empty DATA", (i) => (i === 0 ? headers(1, range, false) : data(1, [], false)), 20_000],
    ["WINDOW_UPDATE", () => windowUpdate(0, 1), 20_000],
    ["PRIORITY", () => rawFrame(FrameType.priority, 0, 1, [0, 0, 0, 0, 1]), 20_000],
    ["unknown frames", () => rawFrame(0xbe, 0, 0, []), 20_000],
  ];
  for (const [name, piece, takenMax] of cases) {
    const rig = setUp();
    const client = rig.client();
    const taken = flood(rig, client, 50_000, piece);
    assert.ok(taken < takenMax, `${name}: ${taken} taken`);
    assert.ok(client.goaway !== null, `${name}: no GOAWAY`);
    assert.ok([1, enhanceYourCalm].includes(client.goaway.code), name);
    rig.run(6000);
    assert.equal(client.closed, true, `${name}: still open`);
    assert.equal(rig.door.calls, 0, name);
    assertAlive(rig);
  }
});

test("header bombs: endless CONTINUATION, one field many times, lists too long", () => {
  const huge = encodeConstantBlock([["x".repeat(30), "y".repeat(3000)]]);
  const insert = Buffer.concat([
    Buffer.from([0x40, 1, 0x78, 0x7f, 0xe1, 0x16]),
    Buffer.alloc(3000, 97),
  ]);
  const bomb = Buffer.concat([Buffer.from(range), insert, Buffer.alloc(12_000, 0xbe)]);
  const cases: [name: string, (client: RawClient, rig: DoorRig) => void][] = [
    [
      "CONTINUATION without end",
      (client, rig) => {
        client.send(rawFrame(FrameType.headers, 0, 1, range));
        flood(rig, client, 100_000, () => rawFrame(FrameType.continuation, 0, 1, huge));
      },
    ],
    [
      "tiny CONTINUATIONs",
      (client, rig) => {
        client.send(rawFrame(FrameType.headers, 0, 1, range));
        flood(rig, client, 100_000, () => rawFrame(FrameType.continuation, 0, 1, []));
      },
    ],
    [
      "one indexed field many times",
      (client, rig) => {
        for (let i = 0; i < 20; i++) client.send(headers(id(i), bomb, true));
        rig.settle();
      },
    ],
  ];
  for (const [name, attack] of cases) {
    const rig = setUp({ maxHeaderListBytes: 1024 * 1024 });
    const client = rig.client();
    attack(client, rig);
    assert.ok(rig.door.core.headerBudget.takenBytes < heldMaxBytes, name);
    assertAlive(rig);
    client.socket.destroy();
    rig.settle();
    assert.equal(rig.door.core.headerBudget.takenBytes, 0, name);
    assert.equal(rig.door.calls, 0, name);
    assert.equal(rig.door.memoryUsedBytes, 0, name);
  }
});

test("too many pings", () => {
  const rig = setUp();
  const client = rig.client();
  for (let i = 0; i < 4; i++) {
    client.send(ping());
    rig.run(1000);
  }
  assert.deepEqual(client.goaway, { code: enhanceYourCalm, debug: "too_many_pings" });
  assertAlive(rig);
});

test("readers with a closed window: queued replies are bounded, then requests refused", () => {
  const rig = setUp();
  const client = rig.client([4, 0]);
  const body = grpcMessage("x".repeat(16_000));
  for (let i = 0; i < 2800; i++) client.send(headers(id(i), range, false), data(id(i), body, true));
  rig.settle();
  assert.equal(client.outcome(1), "[] - open");
  assertAlive(rig);
  // They get everything that was not refused when they open the window.
  client.send(settings([4, 100_000]), windowUpdate(0, 100_000_000));
  rig.settle();
  const outcomes = Array.from({ length: 2800 }, (_, i) => client.outcome(id(i)));
  const served = outcomes.filter((outcome) => outcome.endsWith("] 0")).length;
  assert.ok(served >= 500, `${served} served`);
  assert.ok(outcomes.every((outcome) => /\] 0$|reset 7$/.test(outcome)));
  rig.clock.runFor(1000);
  assert.equal(rig.door.memoryUsedBytes, 0);
});

test("a reader that does not read its socket is not read from", () => {
  const rig = setUp();
  const client = rig.client();
  client.send(windowUpdate(0, 2 ** 30));
  client.socket.pause();
  const body = grpcMessage("x".repeat(5000));
  const call = (i: number): Uint8Array =>
    new Uint8Array(Buffer.concat([headers(id(i), range, false), data(id(i), body, true)]));
  for (let i = 0; i < 6000; i++) {
    client.send(call(i));
    if (i % 100 === 0) rig.settle();
  }
  rig.settle();
  const taken = rig.service.events.length;
  assert.ok(taken < 1000, `${taken} requests were taken in`);
  assertAlive(rig);
  client.socket.resume();
  rig.settle();
  assert.ok(client.outcome(id(5999)).endsWith("] 0"), client.goaway?.debug);
  assert.equal(rig.door.memoryUsedBytes, 0);
});

test("a huge reply delays no small one, on the same connection or another", () => {
  const rig = setUp();
  const source = new LetterSource(50_000_000);
  rig.service.onRequest = (_id, token, message) => {
    if (message === "list") rig.service.sink.replyFrom(token, 50_000_000, source);
    else rig.service.reply(token, message);
  };
  const client = rig.client([4, 2 ** 30]);
  client.send(windowUpdate(0, 2 ** 30));
  client.send(headers(1, range, false), data(1, grpcMessage("list"), true));
  for (let i = 0; i < 50; i++) rig.clock.step();
  const other = rig.client([4, 2 ** 30]);
  const before = source.pulledBytes;
  client.send(headers(3, range, false), data(3, grpcMessage("small"), true));
  other.send(headers(1, range, false), data(1, grpcMessage("other"), true));
  const limit = 1000;
  let steps = 0;
  while (
    steps < limit &&
    !(client.outcome(3) === "[small] 0" && other.outcome(1) === "[other] 0")
  ) {
    rig.clock.step();
    steps++;
  }
  assert.ok(steps < limit);
  const between = source.pulledBytes - before;
  assert.ok(between < 2_000_000, `${between} bytes of the list went first`);
  rig.settle();
  assert.equal(source.releases, 1);
});

test("stalled lists cost their window and no more", () => {
  const rig = setUp();
  const sources: LetterSource[] = [];
  rig.service.onRequest = (_id, token) => {
    const source = new LetterSource(100_000_000);
    sources.push(source);
    rig.service.sink.replyFrom(token, 100_000_000, source);
  };
  const client = rig.client();
  for (let i = 0; i < 64; i++) {
    client.send(headers(id(i), range, false), data(id(i), grpcMessage("q"), true));
  }
  const deaf = rig.client([4, 2 ** 30]);
  deaf.send(windowUpdate(0, 2 ** 30));
  deaf.socket.pause();
  deaf.send(headers(1, range, false), data(1, grpcMessage("q"), true));
  rig.run(10_000);
  const pulled = sources.reduce((sum, source) => sum + source.pulledBytes, 0);
  assert.ok(pulled < 600_000, `${pulled} bytes pulled for readers that do not read`);
  client.socket.destroy();
  deaf.socket.destroy();
  rig.settle();
  assert.ok(sources.every((source) => source.releases === 1));
  assert.equal(rig.door.memoryUsedBytes, 0);
});

test("messages announced but not sent cost nothing", () => {
  const rig = setUp();
  const client = rig.client();
  const prefix = Uint8Array.of(0, 0, 0x1f, 0xff, 0xff, 1, 2, 3);
  for (let i = 0; i < 500; i++)
    client.send(headers(id(i), range, false), data(id(i), prefix, false));
  rig.settle();
  assert.ok(rig.door.memoryUsedBytes < 10_000_000, `${rig.door.memoryUsedBytes} bytes`);
  assertAlive(rig);
  client.socket.destroy();
  rig.settle();
  assert.equal(rig.door.memoryUsedBytes, 0);
});

test("when the memory of the door is used up calls are refused, and taken again afterwards", () => {
  const rig = setUp({ memoryBytes: 1_000_000 });
  const hoarder = rig.client();
  const part = new Uint8Array(
    Buffer.concat([[0, 0, 0x10, 0, 0], Buffer.alloc(16_000)].map((b) => Buffer.from(b))),
  );
  for (let i = 0; i < 100; i++) {
    hoarder.send(headers(id(i), range, false), data(id(i), part, false));
    rig.settle();
  }
  const refusal = "[] 8 skein: server is out of memory for requests and replies reset 0";
  assert.ok(rig.door.memoryUsedBytes < 1_100_000);
  assert.equal(hoarder.outcome(id(0)), "nothing");
  assert.equal(hoarder.outcome(id(99)), refusal);
  hoarder.socket.destroy();
  rig.settle();
  const other = rig.client();
  other.send(headers(3, range, false), data(3, grpcMessage("q"), true));
  rig.settle();
  assert.equal(other.outcome(3), "[q] 0");
  // Metadata that a stream keeps counts, too.
  const fat = grpcBlock(paths.watch, ["x", "y".repeat(15_000)]);
  for (let i = 2; i < 100; i++) {
    other.send(headers(id(i), fat, false));
    rig.settle();
  }
  assert.equal(other.outcome(id(99)), refusal);
});

test("requests that wait in the service count, however they came", () => {
  const rig = new DoorRig({ memoryBytes: 1_000_000 });
  const client = rig.client();
  const message = grpcMessage("x".repeat(15_000));
  for (const path of [paths.range, paths.rangeStream]) {
    const waiting = rig.client();
    const block = grpcBlock(path);
    for (let i = 0; i < 100; i++) {
      waiting.send(headers(id(i), block, false), data(id(i), message, true));
      rig.settle();
    }
    assert.ok(rig.door.memoryUsedBytes < 1_100_000, `${rig.door.memoryUsedBytes} bytes`);
    assert.equal(waiting.outcome(id(0)), "nothing");
    assert.match(waiting.outcome(id(99)), /^\[\] 8 skein: server is out of memory/);
    waiting.socket.destroy();
    rig.settle();
    assert.equal(rig.door.memoryUsedBytes, 0);
  }
  // Small ones cost what any call does.
  client.send(headers(1, range, false), data(1, grpcMessage("x".repeat(400)), true));
  rig.settle();
  assert.ok(rig.door.memoryUsedBytes < 2000);
});

test("plain requests count from their headers to their answer, which may not be read", () => {
  const answers: (() => void)[] = [];
  const rig = new DoorRig({ memoryBytes: 1_000_000 }, (_request, respond) => {
    answers.push(() => respond(200, "text/plain", Buffer.alloc(100_000, 97)));
  });
  rig.service.onRequest = (_id, token, message) => rig.service.reply(token, message);
  const get = encodeConstantBlock([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", `/${"x".repeat(8000)}`],
    [":authority", "x"],
  ]);
  const send = (client: RawClient, ended: boolean): void => {
    for (let i = 0; i < 200; i++) {
      client.send(headers(id(i), get, ended));
      rig.settle();
    }
    assert.ok(rig.door.memoryUsedBytes < 1_100_000, `${rig.door.memoryUsedBytes} bytes`);
    assert.equal(client.outcome(id(0)), "nothing");
    assert.match(client.outcome(id(199)), /^503 \[\] 8 skein: server is out of memory/);
  };
  const halves = rig.client();
  send(halves, false);
  for (let i = 0; i < 200; i++) halves.send(rstStream(id(i), 8));
  rig.settle();
  assert.equal(rig.door.memoryUsedBytes, 0, "who gives up gives back");
  const deaf = rig.client([4, 0]);
  send(deaf, true);
  for (const answer of answers.splice(0)) {
    answer();
    rig.settle();
    assert.ok(rig.door.memoryUsedBytes < 1_200_000, `${rig.door.memoryUsedBytes} bytes`);
  }
  assertAlive(rig);
  const gone = rig.client();
  deaf.socket.destroy();
  rig.settle();
  send(gone, true);
  gone.socket.destroy();
  rig.settle();
  for (const answer of answers) answer();
  assert.equal(rig.door.memoryUsedBytes, 0);
  assertAlive(rig);
});

test("those who hold little are served when others have filled the memory", () => {
  const rig = setUp({ memoryBytes: 1_000_000, connectionMemoryBytes: 700_000 });
  const hoarders = [rig.client([4, 0]), rig.client([4, 0])];
  const body = grpcMessage("x".repeat(16_000));
  for (const hoarder of hoarders) {
    for (let i = 0; i < 100; i++) {
      hoarder.send(headers(id(i), range, false), data(id(i), body, true));
      rig.settle();
    }
    assert.match(hoarder.outcome(id(99)), /^\[\] 8 skein: server is out of memory/);
  }
  assert.ok(rig.door.memoryUsedBytes > 1_000_000 && rig.door.memoryUsedBytes < 1_100_000);
  assertAlive(rig);
  // Streams that are only opened cost, too.
  const opener = rig.client();
  for (let i = 0; i < 100; i++) opener.send(headers(id(i), grpcBlock(paths.watch), false));
  rig.settle();
  assert.equal(opener.outcome(id(0)), "nothing");
  assert.match(opener.outcome(id(99)), /^\[\] 8 skein: server is out of memory/);
  assertAlive(rig);
});

test("at most so many calls and connections", () => {
  const rig = setUp({ maxCalls: 3, maxConnections: 3 });
  const client = rig.client();
  for (let i = 0; i < 4; i++) client.send(headers(id(i), grpcBlock(paths.watch), false));
  rig.settle();
  assert.equal(client.outcome(7), "[] 8 skein: too many calls reset 0");
  rig.client();
  rig.client();
  const fourth = rig.connect();
  fourth.hello();
  rig.settle();
  assert.equal(fourth.closed, true);
  assert.equal(rig.door.connections, 3);
  client.send(rstStream(1, 8));
  client.socket.destroy();
  rig.settle();
  assertAlive(rig);
});

test("max-concurrent-streams is announced and enforced", () => {
  const rig = setUp({ maxConcurrentStreams: 2 });
  const client = rig.client();
  const first = client.frames.find((frame) => frame.type === FrameType.settings);
  assert.ok(first !== undefined);
  assert.ok(Buffer.from(first.payload).includes(Buffer.from([0, 3, 0, 0, 0, 2])));
  rig.run(100);
  for (let i = 0; i < 3; i++) client.send(headers(id(i), grpcBlock(paths.watch), false));
  rig.settle();
  assert.equal(client.streams.get(5)?.reset, 7);
});

test("slow, partial and foreign first bytes", () => {
  const rig = setUp();
  const silent = rig.connect();
  const slow = rig.connect();
  slow.send(preface.slice(0, 10));
  const foreign = rig.connect();
  foreign.send(Buffer.from("PRIV /x HTTP/1.1\r\n\r\n"));
  const noSettings = rig.connect();
  noSettings.send(preface);
  const wrongFrame = rig.connect();
  wrongFrame.send(preface, ping());
  rig.settle();
  assert.equal(foreign.closed, true);
  assert.equal(silent.closed, false);
  assert.equal(wrongFrame.goaway?.code, 1);
  rig.run(126_000);
  assert.deepEqual([silent.closed, slow.closed, noSettings.closed], [true, true, true]);
  assert.equal(rig.door.connections, 0);
  assertAlive(rig);
  // A preface in pieces is one all the same.
  const pieces = rig.connect();
  for (const byte of preface) {
    pieces.send(Uint8Array.of(byte));
    rig.settle();
  }
  pieces.send(settings(), headers(1, range, false), data(1, grpcMessage("q"), true));
  rig.settle();
  assert.equal(pieces.outcome(1), "[q] 0");
});

test("half-open sockets do not crowd out clients", () => {
  const rig = setUp();
  const opened = Array.from({ length: 4200 }, () => rig.connect());
  rig.settle();
  assert.ok(opened.slice(0, 100).every((client) => client.closed));
  assert.ok(opened.slice(-100).every((client) => !client.closed));
  assertAlive(rig);
});

test("frames that are truncated, oversized or wrong", () => {
  const cases: [name: string, Uint8Array, code: number][] = [
    ["DATA beyond the frame size", rawFrame(FrameType.data, 0, 1, new Uint8Array(16_385)), 6],
    ["DATA on stream 0", rawFrame(FrameType.data, 0, 0, [1]), 1],
    ["DATA on an idle stream", rawFrame(FrameType.data, 0, 5, [1]), 1],
    ["padding beyond the frame", rawFrame(FrameType.data, 8, 1, [9, 1]), 1],
    ["PING of 7 bytes", rawFrame(FrameType.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7]), 6],
    ["SETTINGS of 5 bytes", rawFrame(FrameType.settings, 0, 0, [0, 0, 0, 0, 0]), 6],
    ["even stream", headers(2, range, true), 1],
    ["CONTINUATION alone", rawFrame(FrameType.continuation, 4, 1, range), 1],
    ["PUSH_PROMISE", rawFrame(FrameType.pushPromise, 4, 1, uint32(2)), 1],
    ["bad HPACK", headers(3, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), true), 9],
    ["window overflow", windowUpdate(0, 2 ** 31 - 1), 3],
  ];
  for (const [name, bytes, code] of cases) {
    const rig = setUp();
    const client = rig.client();
    client.send(headers(1, range, false), bytes);
    rig.settle();
    assert.equal(client.goaway?.code, code, name);
    rig.run(6000);
    assert.equal(client.closed, true, name);
    assert.equal(rig.door.calls, 0, name);
    assertAlive(rig);
  }
  const rig = setUp();
  const cut = rig.client();
  cut.send(headers(1, range, false), data(1, grpcMessage("abc"), true).slice(0, 11));
  rig.settle();
  cut.socket.end();
  rig.settle();
  assert.equal(rig.door.connections, 0);
  assert.deepEqual(rig.service.events, []);
  assertAlive(rig);
});
