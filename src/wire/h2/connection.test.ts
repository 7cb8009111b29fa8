import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ErrorCode, type BodySource } from "./types.ts";
import { FrameType, Setting } from "./frames.ts";
import { queuedItemBytes } from "./limits.ts";
import { encodeConstantBlock } from "./hpack/encoder.ts";
import {
  data,
  headers,
  join,
  ping,
  preface,
  rawFrame,
  requestBlock,
  settings,
  uint32,
  verdict,
  windowUpdate,
} from "./testing/raw-frames.ts";
import { converse, newRig, type Rig, takeAll } from "./testing/recorder.ts";

const answer = encodeConstantBlock([[":status", "200"]]);
const trailer = encodeConstantBlock([["grpc-status", "0"]]);
const nothing = new Uint8Array(0);

/** A server with streams 1, 3, … that are still open. */
function serverWith(streams: number, window = 1 << 20): Rig {
  const rig = newRig("server");
  const pieces = [preface, settings([Setting.initialWindowSize, window]), windowUpdate(0, 1 << 20)];
  for (let i = 0; i < streams; i++) pieces.push(headers(2 * i + 1, requestBlock(), true));
  rig.connection.receive(join(pieces));
  rig.frames();
  return rig;
}

/** Endless or limited zeros, counting. */
class Zeros implements BodySource {
  readBytes = 0;
  released = 0;
  failAfter = Number.POSITIVE_INFINITY;

  read(into: Uint8Array, at: number, maxBytes: number): number {
    if (this.readBytes >= this.failAfter) return -1;
    into.fill(0, at, at + maxBytes);
    this.readBytes += maxBytes;
    return maxBytes;
  }
  release(): void {
    this.released++;
  }
}

describe("replies", () => {
  test("a unary reply is three frames in one buffer", () => {
    const rig = serverWith(1);
    const bytes = new Uint8Array([9, 8, 7, 6]);
    const parts = { prefix: new Uint8Array([0, 0]), bytes, start: 1, end: 3 };
    rig.connection.sendReply(1, { ...parts, headerBlock: answer, trailerBlock: trailer });
    const out = rig.connection.takeOutput()!;
    assert.equal(rig.connection.takeOutput(), null);
    assert.equal(out.length, 27 + answer.length + 4 + trailer.length);
    assert.deepEqual([...out.subarray(18 + answer.length, 22 + answer.length)], [0, 0, 8, 7]);
    assert.equal(rig.connection.liveStreams(), 0);
  });

  test("what was taken is not written again, unless it was given back", () => {
    const rig = serverWith(100);
    const taken: [Uint8Array, string][] = [];
    for (let i = 0; i < 50; i++) {
      rig.connection.sendHeaders(2 * i + 1, answer, true);
      const out = rig.connection.takeOutput()!;
      taken.push([out, Buffer.from(out).toString("hex")]);
    }
    for (const [out, text] of taken) assert.equal(Buffer.from(out).toString("hex"), text);
    rig.connection.recycleOutput();
    rig.connection.sendHeaders(101, answer, true);
    const first = rig.connection.takeOutput()!;
    rig.connection.recycleOutput();
    rig.connection.sendHeaders(103, answer, true);
    const second = rig.connection.takeOutput()!;
    assert.equal(first.byteOffset, second.byteOffset);
    assert.equal(first.buffer, second.buffer);
  });

  test("blocks above the peer's frame size are continued", () => {
    const rig = serverWith(1);
    const long = encodeConstantBlock([
      [":status", "200"],
      ["x", "\xff".repeat(40_000)],
    ]);
    rig.connection.sendHeaders(1, long, true);
    const frames = rig.frames();
    assert.deepEqual(
      frames.map((f) => [f.type, f.flags]),
      [
        [1, 1],
        [9, 0],
        [9, 4],
      ],
    );
    assert.deepEqual(join(frames.map((f) => f.payload)), long);
  });

  test("RST_STREAM noError after a reply waits for it", () => {
    const rig = newRig("server");
    rig.connection.receive(join([preface, settings([Setting.initialWindowSize, 1])]));
    rig.connection.receive(headers(1, requestBlock(), false));
    const parts = { prefix: nothing, bytes: new Uint8Array(3), start: 0, end: 3 };
    rig.connection.sendReply(1, { ...parts, headerBlock: answer, trailerBlock: trailer });
    rig.connection.sendReset(1, ErrorCode.noError);
    assert.equal(verdict(rig.frames()), "fine");
    rig.connection.receive(windowUpdate(1, 100));
    const frames = rig.frames();
    assert.deepEqual(
      frames.map((f) => f.type),
      [0, 1, 3],
    );
    assert.equal(rig.connection.liveStreams(), 0);
  });

  test("a peer that forbids the dynamic table is told so in the next block", () => {
    const rig = serverWith(2);
    rig.connection.receive(settings([Setting.headerTableSize, 0]));
    rig.connection.sendHeaders(1, answer, true);
    rig.connection.sendHeaders(3, answer, true);
    const blocks = rig.frames().filter((f) => f.type === FrameType.headers);
    assert.deepEqual([...blocks[0].payload], [0x20, ...answer]);
    assert.deepEqual([...blocks[1].payload], [...answer]);
  });
});

describe("pulled bodies", () => {
  const parts = (source: Zeros, totalBytes: number) => ({
    prefix: new Uint8Array([1, 2, 3, 4, 5]),
    totalBytes,
    source,
    trailerBlock: trailer,
  });

  test("a reader that stops costs nothing beyond its window", () => {
    const rig = serverWith(1, 100_000);
    const source = new Zeros();
    rig.connection.sendHeaders(1, answer, false);
    rig.connection.sendSource(1, parts(source, 1e9));
    takeAll(rig.connection);
    assert.equal(source.readBytes, 100_000 - 5);
    // The source and its trailers.
    assert.equal(rig.connection.queuedBytes(), trailer.length + 2 * queuedItemBytes);
    rig.connection.receive(windowUpdate(1, 1000));
    takeAll(rig.connection);
    assert.equal(source.readBytes, 101_000 - 5);
    rig.connection.lost();
    assert.equal(source.released, 1);
    assert.deepEqual(rig.recorder.events.slice(-1), ["onReset 1 8"]);
  });

  test("nothing is pulled while the socket takes nothing", () => {
    const rig = serverWith(1);
    const source = new Zeros();
    rig.connection.sendHeaders(1, answer, false);
    rig.connection.sendSource(1, parts(source, 1e6));
    assert.equal(source.readBytes, 0);
    rig.connection.takeOutput();
    assert.ok(source.readBytes < 100_000);
  });

  test("without trailers the stream stays open, and onWritable tells the end", () => {
    const rig = serverWith(1);
    const source = new Zeros();
    rig.connection.sendHeaders(1, answer, false);
    rig.connection.sendSource(1, { ...parts(source, 50_000), trailerBlock: null });
    takeAll(rig.connection);
    assert.deepEqual([source.readBytes, source.released], [50_000, 1]);
    assert.deepEqual(rig.recorder.events.slice(-1), ["onWritable 1"]);
    rig.connection.sendHeaders(1, trailer, true);
    assert.equal(rig.frames().at(-1)?.flags, 5);
  });

  test("a source that fails leaves the stream to its owner", () => {
    const rig = serverWith(1);
    const source = new Zeros();
    source.failAfter = 40_000;
    rig.recorder.on.onSourceFailed = (id) => rig.connection.sendHeaders(id, trailer, true);
    rig.connection.sendHeaders(1, answer, false);
    rig.connection.sendSource(1, parts(source, 1e6));
    const frames = rig.frames();
    assert.equal(source.released, 1);
    assert.equal(frames.at(-1)?.flags, 5);
    assert.equal(rig.connection.queuedBytes(), 0);
    assert.equal(rig.connection.liveStreams(), 0);
  });

  test("a reset releases the source", () => {
    const rig = serverWith(1);
    const source = new Zeros();
    rig.connection.sendSource(1, parts(source, 1e6));
    rig.connection.sendReset(1, ErrorCode.cancel);
    assert.equal(source.released, 1);
    rig.connection.sendSource(1, parts(source, 1e6));
    assert.equal(source.released, 2);
  });
});

describe("fairness", () => {
  test("waiting streams take turns of a frame each", () => {
    const rig = serverWith(3, 200_000);
    const body = new Uint8Array(150_000);
    for (const id of [1, 3, 5]) rig.connection.sendData(id, body, 0, body.length, false);
    const order = rig.frames().map((f) => f.streamId);
    assert.deepEqual(order.slice(0, 9), [1, 3, 5, 1, 3, 5, 1, 3, 5]);
  });

  test("a small reply passes by large ones, and still those go on", () => {
    const rig = serverWith(200, 1 << 20);
    const large = new Zeros();
    rig.connection.sendSource(1, {
      prefix: nothing,
      totalBytes: 1e6,
      source: large,
      trailerBlock: trailer,
    });
    rig.connection.takeOutput();
    const before = large.readBytes;
    const small = { prefix: nothing, bytes: new Uint8Array(4000), start: 0, end: 4000 };
    for (let i = 1; i < 200; i++) {
      rig.connection.sendReply(2 * i + 1, { ...small, headerBlock: answer, trailerBlock: trailer });
    }
    const out = rig.connection.takeOutput()!;
    assert.equal(out[3], FrameType.headers);
    assert.ok(large.readBytes > before, "the large one got its turn");
    assert.ok(out.length < 200_000, "what did not fit waits");
  });

  test("a stream without window of its own does not stop others", () => {
    const rig = serverWith(2, 1000);
    const body = new Uint8Array(5000);
    rig.connection.sendData(1, body, 0, 5000, false);
    rig.connection.sendData(3, body, 0, 900, false);
    const bytes = new Map<number, number>();
    for (const f of rig.frames())
      bytes.set(f.streamId, (bytes.get(f.streamId) ?? 0) + f.payload.length);
    assert.deepEqual(
      [...bytes],
      [
        [3, 900],
        [1, 1000],
      ],
    );
  });

  test("a window made negative by SETTINGS must be filled first", () => {
    const rig = serverWith(1, 1000);
    rig.connection.sendData(1, new Uint8Array(3000), 0, 3000, false);
    rig.frames();
    rig.connection.receive(settings([Setting.initialWindowSize, 100]));
    rig.connection.receive(windowUpdate(1, 900));
    assert.equal(rig.frames().filter((f) => f.type === 0).length, 0);
    rig.connection.receive(windowUpdate(1, 7));
    assert.deepEqual(
      rig.frames().map((f) => f.payload.length),
      [7],
    );
  });
});

describe("credit", () => {
  test("small uploads cost no WINDOW_UPDATE of their stream", () => {
    const rig = newRig("server", { streamWindowBytes: 100_000, connectionWindowBytes: 100_000 });
    rig.connection.receive(join([preface, settings()]));
    rig.frames();
    const updates: number[] = [];
    for (let i = 0; i < 100; i++) {
      rig.connection.receive(headers(2 * i + 1, requestBlock(), false));
      rig.connection.receive(data(2 * i + 1, new Uint8Array(5000), true));
      for (const f of rig.frames()) if (f.type === FrameType.windowUpdate) updates.push(f.streamId);
    }
    assert.deepEqual(updates, new Array(10).fill(0));
  });

  test("held back, a body stops at its window and goes on when it is consumed", () => {
    const rig = newRig("server", { streamWindowBytes: 70_000, autoCredit: false });
    rig.connection.receive(join([preface, settings(), rawFrame(FrameType.settings, 1, 0)]));
    rig.connection.receive(headers(1, requestBlock(), false));
    for (let i = 0; i < 7; i++) rig.connection.receive(data(1, new Uint8Array(10_000), false));
    rig.frames();
    rig.connection.consume(1, 35_000);
    const [update] = rig.frames();
    assert.deepEqual([update.streamId, [...update.payload]], [1, uint32(35_000)]);
    for (let i = 0; i < 4; i++) rig.connection.receive(data(1, new Uint8Array(10_000), false));
    assert.equal(verdict(rig.frames()), `rst:1:${ErrorCode.flowControlError}`);
  });

  test("connection window exceeded", () => {
    const rig = newRig("server", { autoCredit: false, connectionWindowBytes: 65_535 });
    rig.connection.receive(join([preface, settings(), headers(1, requestBlock(), false)]));
    for (let i = 0; i < 7; i++) rig.connection.receive(data(1, new Uint8Array(10_000), false));
    assert.equal(verdict(rig.frames()), `goaway:${ErrorCode.flowControlError}`);
  });
});

describe("going away", () => {
  test("a graceful end in two steps", () => {
    const server = newRig("server");
    const client = newRig("client");
    client.connection.openStream(requestBlock(), true);
    converse(client.connection, server.connection);
    server.connection.shutdown();
    // Under way while the first GOAWAY is: still taken.
    client.connection.openStream(requestBlock(), true);
    converse(client.connection, server.connection);
    assert.equal(server.connection.liveStreams(), 2);
    assert.equal(client.connection.openStream(requestBlock(), true), 0);
    assert.deepEqual(
      client.recorder.events.filter((event) => event.startsWith("onGoaway")),
      ["onGoaway 2147483647 0", "onGoaway 3 0"],
    );
    server.connection.sendHeaders(1, answer, true);
    assert.ok(!server.recorder.events.includes("onDrained 0"));
    server.connection.sendHeaders(3, answer, true);
    assert.equal(server.recorder.events.at(-1), "onDrained 0");
    converse(client.connection, server.connection);
    assert.equal(client.recorder.events.at(-1), "onDrained 0");
  });

  test("a client that does not answer the ping is not waited for", () => {
    let nowMs = 0;
    const rig = newRig("server", { nowMs: () => nowMs });
    rig.connection.receive(join([preface, settings(), headers(1, requestBlock(), true)]));
    rig.connection.shutdown();
    nowMs = 4999;
    rig.connection.tick();
    rig.connection.receive(headers(3, requestBlock(), true));
    assert.equal(rig.connection.liveStreams(), 2);
    nowMs = 5000;
    rig.connection.tick();
    rig.connection.receive(join([headers(5, requestBlock(), false), data(5, [1], true)]));
    assert.equal(rig.connection.liveStreams(), 2);
    const goaways = rig.frames().filter((f) => f.type === FrameType.goaway);
    assert.deepEqual([...goaways[1].payload], [...uint32(3), ...uint32(0)]);
  });

  test("a client learns which streams were not processed", () => {
    const rig = newRig("client");
    for (let i = 0; i < 3; i++) rig.connection.openStream(requestBlock(), true);
    const goaway = rawFrame(FrameType.goaway, 0, 0, [...uint32(3), ...uint32(11), 0x68, 0x69]);
    rig.connection.receive(join([settings(), goaway]));
    assert.deepEqual(rig.recorder.events, ["onReset 5 7", "onGoaway 3 11 hi"]);
    rig.connection.receive(headers(1, answer, true));
    rig.connection.receive(headers(3, answer, true));
    assert.equal(rig.recorder.events.at(-1), "onDrained 0");
  });

  test("after a connection error nothing more is said or heard", () => {
    const rig = serverWith(1);
    rig.connection.goaway(ErrorCode.internalError, "why");
    rig.connection.goaway(ErrorCode.internalError, "again");
    rig.connection.receive(ping());
    rig.connection.sendHeaders(1, answer, true);
    const frames = rig.frames();
    assert.equal(frames.length, 1);
    assert.equal(Buffer.from(frames[0].payload.subarray(8)).toString(), "why");
    assert.deepEqual(rig.recorder.events.slice(1), ["onConnectionError 2 why"]);
  });
});

describe("client", () => {
  test("respects the peer's limit of streams", () => {
    const rig = newRig("client");
    rig.connection.receive(settings([Setting.maxConcurrentStreams, 2]));
    assert.equal(rig.connection.openableStreams(), 2);
    assert.equal(rig.connection.openStream(requestBlock(), true), 1);
    assert.equal(rig.connection.openStream(requestBlock(), true), 3);
    assert.equal(rig.connection.openStream(requestBlock(), true), 0);
    rig.connection.receive(headers(1, answer, true));
    assert.equal(rig.connection.openStream(requestBlock(), true), 5);
  });

  test("keepalive: a ping when silent, the end when it stays so", () => {
    let nowMs = 0;
    const keepalive = { afterMs: 1000, timeoutMs: 300, withoutStream: false };
    const rig = newRig("client", { nowMs: () => nowMs, keepalive });
    rig.connection.receive(settings());
    rig.connection.takeOutput();
    nowMs = 5000;
    rig.connection.tick();
    assert.equal(rig.connection.hasOutput(), false, "no ping without a stream");
    rig.connection.openStream(requestBlock(), false);
    rig.frames();
    rig.connection.tick();
    const [sent] = rig.frames();
    assert.equal(sent.type, FrameType.ping);
    rig.connection.receive(rawFrame(FrameType.ping, 1, 0, sent.payload));
    nowMs = 6000;
    rig.connection.tick();
    assert.equal(rig.frames().length, 1);
    nowMs = 6299;
    rig.connection.tick();
    assert.equal(rig.recorder.events.length, 0);
    nowMs = 6300;
    rig.connection.tick();
    assert.match(rig.recorder.events[0], /^onConnectionError 0 keepalive/);
  });

  test("ping and its answer", () => {
    const rig = newRig("client");
    rig.connection.takeOutput();
    rig.connection.ping(77);
    const [sent] = rig.frames();
    rig.connection.receive(join([settings(), rawFrame(FrameType.ping, 1, 0, sent.payload)]));
    assert.deepEqual(rig.recorder.events, ["onPingAck 77"]);
  });
});

test("streams that live long keep their place while thousands come and go", () => {
  const rig = serverWith(0);
  rig.recorder.on.onHeaders = (id) => {
    if (id % 1001 !== 0) rig.connection.sendHeaders(id, answer, true);
  };
  const kept: number[] = [];
  for (let id = 1; id < 40_000; id += 2) {
    rig.connection.receive(headers(id, requestBlock(), true));
    if (id % 1001 === 0) kept.push(id);
    if (id % 999 === 0) rig.connection.takeOutput();
  }
  assert.equal(rig.connection.liveStreams(), kept.length);
  for (const id of kept) {
    assert.ok(rig.connection.isSendable(id));
    rig.connection.sendHeaders(id, answer, true);
  }
  assert.equal(rig.connection.liveStreams(), 0);
});

test("a reused record knows nothing of the stream before", () => {
  const rig = newRig("server");
  rig.connection.receive(join([preface, settings([Setting.initialWindowSize, 10])]));
  rig.connection.receive(headers(1, requestBlock(["content-length", "9"]), false));
  rig.connection.setAutoCredit(1, false);
  rig.connection.receive(data(1, [1, 2, 3], false));
  assert.equal(rig.connection.sendData(1, new Uint8Array(100_000), 0, 100_000, false), false);
  rig.connection.sendHeaders(1, trailer, true);
  rig.connection.sendReset(1, ErrorCode.noError);
  rig.connection.sendReset(1, ErrorCode.cancel);
  assert.equal(rig.connection.queuedBytes() > 1000, false);
  rig.frames();
  rig.connection.receive(headers(3, requestBlock(), false));
  rig.connection.receive(data(3, new Uint8Array(16_000), false));
  rig.connection.sendHeaders(3, answer, false);
  rig.connection.sendData(3, new Uint8Array(10), 0, 10, false);
  rig.connection.sendHeaders(3, trailer, true);
  assert.deepEqual(
    rig.frames().map((f) => [f.type, f.streamId, f.payload.length]),
    [
      [FrameType.headers, 3, answer.length],
      [FrameType.data, 3, 10],
      [FrameType.headers, 3, trailer.length],
    ],
  );
  assert.deepEqual(
    rig.recorder.events.filter((event) => !event.startsWith("onHeaders")),
    [],
  );
  rig.connection.receive(data(3, [], true));
  assert.equal(rig.connection.liveStreams(), 0);
});
