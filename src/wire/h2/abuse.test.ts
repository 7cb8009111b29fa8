/** Floods and bombs: each is answered with the right code, and what it makes us hold is bounded. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Flag, FrameType, Setting } from "./frames.ts";
import { encodeConstantBlock } from "./hpack/encoder.ts";
import * as limits from "./limits.ts";
import {
  data,
  headers,
  join,
  ping,
  preface,
  rawFrame,
  requestBlock,
  rstStream,
  settings,
  uint32,
  verdict,
  windowUpdate,
} from "./testing/raw-frames.ts";
import { newRig, type Rig } from "./testing/recorder.ts";
import { ErrorCode, type H2Options, type HeaderBudget } from "./types.ts";

const calm = `goaway:${ErrorCode.enhanceYourCalm}`;
const answer = encodeConstantBlock([[":status", "200"]]);

function server(options: H2Options = {}): Rig {
  const rig = newRig("server", options);
  rig.connection.receive(join([preface, settings()]));
  return rig;
}

/** Sends pieces until the connection fails; checks what it holds on the way. */
function flood(rig: Rig, timesMax: number, piece: (i: number) => Uint8Array): number {
  for (let i = 0; i < timesMax; i++) {
    rig.connection.receive(piece(i));
    assert.ok(rig.connection.queuedBytes() < 1024 * 1024, "output is bounded");
    assert.ok(rig.connection.heldInputBytes() < 64 * 1024, "input is bounded");
    if (rig.recorder.events.at(-1)?.startsWith("onConnectionError")) return i;
  }
  return timesMax;
}

describe("frames without content", () => {
  for (const [name, piece] of [
    ["PING", ping()],
    ["SETTINGS", settings()],
    ["WINDOW_UPDATE", windowUpdate(0, 1)],
    ["empty DATA", data(1, [], false)],
    ["empty padded DATA", rawFrame(0, Flag.padded, 1, [9, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ["PRIORITY", rawFrame(FrameType.priority, 0, 1, [0, 0, 0, 3, 0])],
    ["unknown types", rawFrame(0xee, 0, 0, [1])],
    ["RST_STREAM of a closed stream", rstStream(3, 8)],
    ["SETTINGS ACK", rawFrame(FrameType.settings, Flag.ack, 0)],
    ["GOAWAY", rawFrame(FrameType.goaway, 0, 0, [...uint32(0), ...uint32(0)])],
  ] as const) {
    test(name, () => {
      const rig = server({ connectionWindowBytes: 1 << 30 });
      const opening = [headers(1, requestBlock(), false), headers(3, requestBlock(), false)];
      rig.connection.receive(join([...opening, rstStream(3, 8)]));
      const times = flood(rig, 10_000, () => piece);
      assert.ok(times < limits.controlFramesBurst + 50, `${times} went through`);
      assert.equal(verdict(rig.frames().slice(-1)), calm);
    });
  }

  test("PINGs that come with traffic are no flood", () => {
    const rig = server();
    rig.recorder.on.onHeaders = (id) => rig.connection.sendHeaders(id, answer, true);
    for (let i = 0; i < 20_000; i++) {
      const request = headers(2 * i + 1, requestBlock(), true);
      rig.connection.receive(join([request, ping(), windowUpdate(0, 1)]));
      if (i % 100 === 0) assert.equal(verdict(rig.frames()), "fine");
    }
  });

  test("PINGs that time has paid for are no flood", () => {
    let nowMs = 0;
    const rig = server({ nowMs: () => nowMs });
    for (let i = 0; i < 10_000; i++) {
      nowMs += 3;
      rig.connection.receive(ping());
      rig.connection.takeOutput();
    }
    assert.deepEqual(rig.recorder.events, []);
  });

  test("a SETTINGS frame full of windows moves them once", () => {
    const rig = server();
    for (let i = 0; i < 1000; i++)
      rig.connection.receive(headers(2 * i + 1, requestBlock(), false));
    const many = Array.from({ length: 2700 }, (_, i) => [Setting.initialWindowSize, i] as const);
    rig.connection.receive(settings(...many));
    rig.connection.sendHeaders(1, answer, false);
    rig.connection.sendData(1, new Uint8Array(5000), 0, 5000, false);
    const sent = rig.frames().filter((f) => f.type === FrameType.data);
    assert.equal(
      sent.reduce((sum, f) => sum + f.payload.length, 0),
      2699,
    );
  });
});

describe("streams opened to be reset", () => {
  test("rapid reset", () => {
    const rig = server();
    const times = flood(rig, 10_000, (i) =>
      join([headers(2 * i + 1, requestBlock(), true), rstStream(2 * i + 1, 8)]),
    );
    assert.ok(times >= 1000 && times <= limits.resetsBurst, `${times} went through`);
    assert.equal(verdict(rig.frames().slice(-1)), calm);
    assert.equal(rig.connection.liveStreams(), 0);
  });

  test("making us reset", () => {
    const rig = server();
    const times = flood(rig, 10_000, (i) =>
      join([headers(2 * i + 1, requestBlock(), true), windowUpdate(2 * i + 1, 0)]),
    );
    assert.ok(times <= limits.resetsBurst, `${times} went through`);
  });

  test("malformed requests", () => {
    const rig = server();
    const bad = requestBlock(["Bad", "x"]);
    const times = flood(rig, 10_000, (i) => headers(2 * i + 1, bad, true));
    assert.ok(times <= limits.resetsBurst, `${times} went through`);
  });

  test("streams that end well pay for some that do not", () => {
    const rig = server();
    rig.recorder.on.onHeaders = (id) => {
      if (id % 4 === 1) rig.connection.sendHeaders(id, answer, true);
    };
    for (let i = 0; i < 10_000; i++) {
      const id = 2 * i + 1;
      rig.connection.receive(headers(id, requestBlock(), true));
      if (id % 4 === 3) rig.connection.receive(rstStream(id, 8));
      rig.connection.takeOutput();
    }
    assert.equal(rig.connection.liveStreams(), 0);
    assert.ok(!rig.recorder.events.some((event) => event.startsWith("onConnectionError")));
  });

  test("above the announced limit streams are refused", () => {
    const rig = server({ maxConcurrentStreams: 2 });
    for (const id of [1, 3, 5]) rig.connection.receive(headers(id, requestBlock(), true));
    assert.equal(verdict(rig.frames()), `rst:5:${ErrorCode.refusedStream}`);
    assert.equal(rig.connection.liveStreams(), 2);
  });
});

describe("header bombs", () => {
  test("CONTINUATION without end, small", () => {
    const rig = server();
    rig.connection.receive(rawFrame(1, 0, 1, requestBlock()));
    const times = flood(rig, 10_000, () => rawFrame(FrameType.continuation, 0, 1, [0x82]));
    assert.ok(times <= limits.continuationFreeFrames, `${times} went through`);
    assert.equal(verdict(rig.frames()), calm);
    assert.equal(rig.connection.heldInputBytes(), 0);
  });

  test("CONTINUATION without end, large: bounded by the shared budget", () => {
    const headerBudget: HeaderBudget = { takenBytes: 0, maxBytes: 1024 * 1024 };
    const rigs = [server({ headerBudget }), server({ headerBudget })];
    const piece = rawFrame(FrameType.continuation, 0, 1, new Uint8Array(16_000));
    for (const rig of rigs) rig.connection.receive(rawFrame(1, 0, 1, requestBlock()));
    for (let i = 0; i < 1000; i++) {
      for (const rig of rigs) rig.connection.receive(piece);
      assert.ok(headerBudget.takenBytes <= headerBudget.maxBytes);
    }
    for (const rig of rigs) assert.equal(verdict(rig.frames()), calm);
    assert.equal(headerBudget.takenBytes, 0);
  });

  test("a connection that is lost gives the budget back", () => {
    const headerBudget: HeaderBudget = { takenBytes: 0, maxBytes: 1024 * 1024 };
    const rig = server({ headerBudget });
    rig.connection.receive(rawFrame(1, 0, 1, requestBlock()));
    for (let i = 0; i < 10; i++) {
      rig.connection.receive(rawFrame(FrameType.continuation, 0, 1, new Uint8Array(16_000)));
    }
    assert.ok(headerBudget.takenBytes > 0);
    rig.connection.lost();
    assert.equal(headerBudget.takenBytes, 0);
  });

  test("a list that goes on and on when it is too large is not decoded to its end", () => {
    const rig = server({ maxHeaderListBytes: 1 << 20 });
    rig.connection.receive(rawFrame(FrameType.headers, 0, 1, requestBlock()));
    const piece = new Uint8Array(16_384).fill(0x90);
    for (let i = 0; i < 32; i++) {
      const flags = i === 31 ? Flag.endHeaders : 0;
      rig.connection.receive(rawFrame(FrameType.continuation, flags, 1, piece));
    }
    assert.equal(verdict(rig.frames().slice(-1)), `goaway:${ErrorCode.protocolError}`);
  });

  test("HPACK bomb: a small block that unfolds costs the stream, not the memory", () => {
    const rig = server({ maxHeaderListBytes: 64 * 1024 });
    const big = new Uint8Array([0x40, 1, 0x61, 0x7f, 0x81, 0x1e, ...new Uint8Array(4000).fill(97)]);
    const bomb = new Uint8Array(8000).fill(0xbe);
    rig.connection.receive(headers(1, join([requestBlock(), big, bomb]), true));
    assert.equal(verdict(rig.frames()), `rst:1:${ErrorCode.frameSizeError}`);
    rig.connection.receive(headers(3, requestBlock(), true));
    assert.equal(rig.connection.liveStreams(), 1);
  });
});

describe("readers that do not read", () => {
  test("zero window: what can be queued is bounded, then requests are refused", () => {
    const rig = server();
    rig.connection.receive(settings([Setting.initialWindowSize, 0]));
    const body = new Uint8Array(100_000);
    const parts = { prefix: new Uint8Array(5), bytes: body, start: 0, end: body.length };
    rig.recorder.on.onHeaders = (id) =>
      rig.connection.sendReply(id, { ...parts, headerBlock: answer, trailerBlock: answer });
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      rig.connection.receive(headers(2 * i + 1, requestBlock(), true));
      const out = rig.frames();
      if (verdict(out) === `rst:${2 * i + 1}:${ErrorCode.refusedStream}`) refused++;
      assert.ok(rig.connection.queuedBytes() < limits.sendQueueRefuseBytes + 200_000);
    }
    assert.ok(refused > 800);
    rig.connection.lost();
    assert.equal(rig.connection.queuedBytes(), 0);
  });

  test("acks nobody reads", () => {
    let nowMs = 0;
    const rig = server({ nowMs: () => (nowMs += 1000) });
    const times = flood(rig, 100_000, () => ping());
    assert.ok(times < limits.controlBacklogMaxBytes / 17 + 10, `${times} went through`);
    assert.ok(rig.connection.congested());
  });

  test("a producer is told to wait, and then to go on", () => {
    const rig = server();
    rig.connection.receive(
      join([settings([Setting.initialWindowSize, 0]), headers(1, requestBlock(), false)]),
    );
    rig.connection.sendHeaders(1, answer, false);
    const piece = new Uint8Array(1000);
    let sent = 0;
    while (rig.connection.sendData(1, piece, 0, 1000, false)) sent++;
    assert.ok(sent >= 60 && sent <= 66);
    rig.connection.receive(join([windowUpdate(0, 100_000), windowUpdate(1, 10_000)]));
    rig.frames();
    assert.ok(!rig.recorder.events.includes("onWritable 1"));
    rig.connection.receive(windowUpdate(1, 100_000));
    rig.frames();
    assert.equal(rig.recorder.events.filter((event) => event === "onWritable 1").length, 1);
    assert.equal(rig.connection.streamQueuedBytes(1), 0);
  });
});

describe("the ping rule of grpc", () => {
  const pingRule = { minIntervalMs: 5000, permitWithoutStream: false };

  function pinged(intervalMs: number, withStream: boolean, sends: boolean): string {
    let nowMs = 0;
    const rig = server({ pingRule, nowMs: () => nowMs });
    if (withStream) rig.connection.receive(headers(1, requestBlock(), false));
    if (sends) rig.connection.sendHeaders(1, answer, false);
    rig.frames();
    for (let i = 0; i < 20; i++) {
      nowMs += intervalMs;
      rig.connection.receive(ping());
      if (sends) rig.connection.sendData(1, new Uint8Array(1), 0, 1, false);
      const result = verdict(rig.frames());
      if (result !== "fine") {
        assert.equal(rig.recorder.events.at(-1), `onConnectionError 11 too_many_pings`);
        return `${result} after ${i + 1}`;
      }
    }
    return "fine";
  }

  test("each 5 s with a stream: fine", () => assert.equal(pinged(5000, true, false), "fine"));
  test("each second with a stream: the third strike is one too many", () => {
    assert.equal(pinged(1000, true, false), `${calm} after 4`);
  });
  test("each second, with data sent in between: fine", () => {
    assert.equal(pinged(1000, true, true), "fine");
  });
  test("each minute without a stream: too many", () => {
    assert.equal(pinged(60_000, false, false), `${calm} after 4`);
  });
  test("each two hours without a stream: fine", () => {
    assert.equal(pinged(limits.idlePingIntervalMs, false, false), "fine");
  });
});
