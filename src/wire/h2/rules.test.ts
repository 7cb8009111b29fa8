/** What RFC 9113 says about wrong input, one row each: bytes a client sends, and our verdict. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ErrorCode } from "./types.ts";
import { Flag, FrameType, Setting } from "./frames.ts";
import { encodeConstantBlock, type FieldInput } from "./hpack/encoder.ts";
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
import { newRig } from "./testing/recorder.ts";

const goaway = (code: number): string => `goaway:${code}`;
const rst = (streamId: number, code: number): string => `rst:${streamId}:${code}`;
const protocol = goaway(ErrorCode.protocolError);
const size = goaway(ErrorCode.frameSizeError);
const flow = goaway(ErrorCode.flowControlError);
const closed = goaway(ErrorCode.streamClosed);
const compression = goaway(ErrorCode.compressionError);

const open1 = headers(1, requestBlock(), false);
const whole1 = headers(1, requestBlock(), true);
const block = requestBlock();

/** HEADERS on stream 1 with exactly these fields. */
function asked(...fields: FieldInput[]): Uint8Array {
  return headers(1, encodeConstantBlock(fields), true);
}
const method: FieldInput = [":method", "POST"];
const scheme: FieldInput = [":scheme", "http"];
const path: FieldInput = [":path", "/"];
const needed = [method, scheme, path];

type Row = readonly [name: string, verdict: string, ...pieces: Uint8Array[]];

const frameRows: Row[] = [
  ["DATA on stream 0", protocol, data(0, [1], false)],
  ["DATA on an idle stream", protocol, data(1, [1], false)],
  ["HEADERS on stream 0", protocol, headers(0, block, true)],
  ["RST_STREAM on stream 0", protocol, rstStream(0, 8)],
  ["RST_STREAM on an idle stream", protocol, rstStream(1, 8)],
  ["RST_STREAM of 3 octets", size, open1, rawFrame(FrameType.rstStream, 0, 1, [0, 0, 0])],
  ["WINDOW_UPDATE on an idle stream", protocol, windowUpdate(1, 5)],
  ["WINDOW_UPDATE of 3 octets", size, rawFrame(FrameType.windowUpdate, 0, 0, [0, 0, 1])],
  ["WINDOW_UPDATE of nothing", protocol, windowUpdate(0, 0)],
  ["… on a stream", rst(1, ErrorCode.protocolError), open1, windowUpdate(1, 0)],
  ["connection window above 2^31-1", flow, windowUpdate(0, 0x7fffffff)],
  [
    "stream window above 2^31-1",
    rst(1, ErrorCode.flowControlError),
    open1,
    windowUpdate(1, 0x7fffffff),
  ],
  ["PRIORITY on stream 0", protocol, rawFrame(FrameType.priority, 0, 0, [0, 0, 0, 1, 0])],
  [
    "PRIORITY of 4 octets",
    rst(1, ErrorCode.frameSizeError),
    open1,
    rawFrame(FrameType.priority, 0, 1, [0, 0, 0, 0]),
  ],
  [
    "PRIORITY on itself",
    rst(1, ErrorCode.protocolError),
    open1,
    rawFrame(FrameType.priority, 0, 1, [0, 0, 0, 1, 0]),
  ],
  ["PRIORITY on an idle stream", "fine", rawFrame(FrameType.priority, 0, 9, [0, 0, 0, 1, 0])],
  ["SETTINGS on a stream", protocol, rawFrame(FrameType.settings, 0, 1)],
  ["SETTINGS of 5 octets", size, rawFrame(FrameType.settings, 0, 0, [0, 1, 0, 0, 0])],
  ["SETTINGS ACK with content", size, rawFrame(FrameType.settings, 1, 0, [0, 1, 0, 0, 0, 0])],
  ["ENABLE_PUSH 2", protocol, settings([Setting.enablePush, 2])],
  ["INITIAL_WINDOW_SIZE 2^31", flow, settings([Setting.initialWindowSize, 2 ** 31])],
  ["MAX_FRAME_SIZE 16383", protocol, settings([Setting.maxFrameSize, 16_383])],
  ["MAX_FRAME_SIZE 2^24", protocol, settings([Setting.maxFrameSize, 2 ** 24])],
  ["unknown setting", "fine", settings([0x99, 1])],
  [
    "INITIAL_WINDOW_SIZE that overflows a stream",
    flow,
    open1,
    windowUpdate(1, 0x7fffffff - 65_535),
    settings([Setting.initialWindowSize, 65_536]),
  ],
  ["PING on a stream", protocol, rawFrame(FrameType.ping, 0, 1, new Uint8Array(8))],
  ["PING of 7 octets", size, rawFrame(FrameType.ping, 0, 0, new Uint8Array(7))],
  ["GOAWAY on a stream", protocol, rawFrame(FrameType.goaway, 0, 1, new Uint8Array(8))],
  ["GOAWAY of 7 octets", size, rawFrame(FrameType.goaway, 0, 0, new Uint8Array(7))],
  ["PUSH_PROMISE", protocol, open1, rawFrame(FrameType.pushPromise, 4, 1, [0, 0, 0, 2])],
  ["unknown frame type", "fine", rawFrame(0xee, 0xff, 1, [1, 2])],
  ["frame above 16384", size, open1, data(1, new Uint8Array(16_385), false)],
  ["DATA padding as long as the frame", protocol, open1, rawFrame(0, Flag.padded, 1, [1])],
  ["empty padded DATA", protocol, open1, rawFrame(0, Flag.padded, 1, [])],
  ["padded DATA", "fine", open1, rawFrame(0, Flag.padded, 1, [1, 7, 0])],
  ["HEADERS padding too long", protocol, rawFrame(1, Flag.padded | 4, 1, [200, ...block])],
  ["HEADERS of 4 octets with priority", size, rawFrame(1, Flag.priority | 4, 1, [0, 0, 0, 0])],
  [
    "HEADERS that depend on themselves",
    rst(1, ErrorCode.protocolError),
    rawFrame(1, Flag.priority | 5, 1, [...uint32(1), 9, ...block]),
  ],
];

const orderRows: Row[] = [
  ["even stream id", protocol, headers(2, block, true)],
  ["stream ids fall", protocol, headers(5, block, true), headers(3, block, true)],
  ["CONTINUATION alone", protocol, rawFrame(FrameType.continuation, 4, 1, block)],
  ["CONTINUATION after the end", protocol, open1, rawFrame(FrameType.continuation, 4, 1, block)],
  ["PING within a block", protocol, rawFrame(1, 0, 1, block), ping()],
  ["unknown frame within a block", protocol, rawFrame(1, 0, 1, block), rawFrame(0xee, 0, 1)],
  [
    "CONTINUATION of another stream",
    protocol,
    rawFrame(1, 0, 1, block),
    rawFrame(FrameType.continuation, 4, 3, []),
  ],
  ["undecodable block", compression, headers(1, new Uint8Array([0x80]), true)],
  ["DATA after END_STREAM", rst(1, ErrorCode.streamClosed), whole1, data(1, [1], true)],
  ["HEADERS after END_STREAM", rst(1, ErrorCode.streamClosed), whole1, open1],
  [
    "DATA after RST_STREAM",
    rst(1, ErrorCode.streamClosed),
    open1,
    rstStream(1, 8),
    data(1, [1], false),
  ],
  ["HEADERS after RST_STREAM", rst(1, ErrorCode.streamClosed), open1, rstStream(1, 8), whole1],
  [
    "late WINDOW_UPDATE, RST_STREAM",
    "fine",
    open1,
    rstStream(1, 8),
    windowUpdate(1, 1),
    rstStream(1, 8),
  ],
  ["trailers without END_STREAM", rst(1, ErrorCode.protocolError), open1, open1],
  [
    "trailers with a pseudo field",
    rst(1, ErrorCode.protocolError),
    open1,
    headers(1, encodeConstantBlock([path]), true),
  ],
];

const contentRows: Row[] = [
  ["plain", "fine", asked(...needed, ["a", "b"])],
  ["no :method", rst(1, 1), asked(scheme, path)],
  ["no :scheme", rst(1, 1), asked(method, path)],
  ["no :path", rst(1, 1), asked(method, scheme)],
  ["empty :path", rst(1, 1), asked(method, scheme, [":path", ""])],
  [":path without slash", "fine", asked(method, scheme, [":path", "x"])],
  [":path *", "fine", asked([":method", "OPTIONS"], scheme, [":path", "*"])],
  ["two :method", rst(1, 1), asked(method, ...needed)],
  ["two :authority", rst(1, 1), asked(...needed, [":authority", "a"], [":authority", "b"])],
  [":status", rst(1, 1), asked(...needed, [":status", "200"])],
  ["unknown pseudo field", rst(1, 1), asked(...needed, [":other", "a"])],
  ["pseudo field behind others", rst(1, 1), asked(method, scheme, ["a", "b"], path)],
  ["CONNECT", "fine", asked([":method", "CONNECT"], [":authority", "a:1"])],
  ["CONNECT with :path", rst(1, 1), asked([":method", "CONNECT"], [":authority", "a"], path)],
  ["CONNECT without :authority", rst(1, 1), asked([":method", "CONNECT"])],
  ["upper case", rst(1, 1), asked(...needed, ["Aa", "b"])],
  ["empty name", rst(1, 1), asked(...needed, ["", "b"])],
  ["blank in a name", rst(1, 1), asked(...needed, ["a b", "b"])],
  ["NUL in a value", rst(1, 1), asked(...needed, ["a", "b\0"])],
  ["line feed in a value", rst(1, 1), asked(...needed, ["a", "b\nc"])],
  ["value starts with a blank", "fine", asked(...needed, ["a", " b"])],
  ["value ends with a tab", "fine", asked(...needed, ["a", "b\t"])],
  ["blank and high octets within a value", "fine", asked(...needed, ["a", "b \xff c"])],
  ["connection", rst(1, 1), asked(...needed, ["connection", "close"])],
  ["keep-alive", rst(1, 1), asked(...needed, ["keep-alive", "5"])],
  ["proxy-connection", rst(1, 1), asked(...needed, ["proxy-connection", "x"])],
  ["transfer-encoding", rst(1, 1), asked(...needed, ["transfer-encoding", "chunked"])],
  ["upgrade", rst(1, 1), asked(...needed, ["upgrade", "h2c"])],
  ["te: gzip", rst(1, 1), asked(...needed, ["te", "gzip"])],
  ["te: trailers", "fine", asked(...needed, ["te", "trailers"])],
  ["content-length of letters", rst(1, 1), asked(...needed, ["content-length", "x"])],
  ["content-length without body", rst(1, 1), asked(...needed, ["content-length", "1"])],
  ["content-length 0", "fine", asked(...needed, ["content-length", "0"])],
  [
    "two that differ",
    rst(1, 1),
    asked(...needed, ["content-length", "0"], ["content-length", "1"]),
  ],
];

const declared = headers(1, requestBlock(["content-length", "3"]), false);
const bodyRows: Row[] = [
  ["exact", "fine", declared, data(1, [1, 2], false), data(1, [3], true)],
  ["too short", rst(1, 1), declared, data(1, [1, 2], true)],
  ["too long", rst(1, 1), declared, data(1, [1, 2, 3, 4], false)],
  ["trailers too early", rst(1, 1), declared, headers(1, encodeConstantBlock([["a", "b"]]), true)],
];

function runRows(rows: readonly Row[]): void {
  for (const [name, expected, ...pieces] of rows) {
    test(name, () => {
      const rig = newRig("server");
      rig.connection.receive(join([preface, settings(), ...pieces]));
      assert.equal(verdict(rig.frames()), expected);
      const failed = rig.recorder.events.some((event) => event.startsWith("onConnectionError"));
      assert.equal(failed, expected.startsWith("goaway"));
      // A stream the owner heard of and that we reset must be heard of again, once.
      const opened = rig.recorder.events.filter((event) => event.startsWith("onHeaders 1")).length;
      const reset = rig.recorder.events.filter((event) => event.startsWith("onReset 1")).length;
      if (expected.startsWith("rst:1")) assert.equal(reset, opened);
      if (failed) assert.equal(rig.connection.liveStreams(), 0);
    });
  }
}

describe("frames", () => runRows(frameRows));
describe("order and states", () => runRows(orderRows));
describe("fields of a request", () => runRows(contentRows));
describe("content-length", () => runRows(bodyRows));

describe("preface", () => {
  for (const [name, bytes] of [
    ["wrong at once", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["wrong at its last octet", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX")],
    ["no SETTINGS behind", join([preface, ping()])],
    ["SETTINGS ACK behind", join([preface, rawFrame(FrameType.settings, 1, 0)])],
  ] as const) {
    test(name, () => {
      const rig = newRig("server");
      rig.connection.receive(bytes);
      assert.equal(verdict(rig.frames()), protocol);
    });
  }

  test("a preface that trickles in holds nothing", () => {
    const rig = newRig("server");
    for (const octet of preface) rig.connection.receive(new Uint8Array([octet]));
    assert.equal(rig.connection.heldInputBytes(), 0);
    assert.equal(verdict(rig.frames()), "fine");
  });
});

describe("after both sides ended", () => {
  const answer = encodeConstantBlock([[":status", "200"]]);
  for (const [name, expected, late] of [
    ["DATA", closed, data(1, [1], false)],
    ["HEADERS", closed, whole1],
    ["WINDOW_UPDATE", "fine", windowUpdate(1, 1)],
    ["RST_STREAM", "fine", rstStream(1, 8)],
  ] as const) {
    test(name, () => {
      const rig = newRig("server");
      rig.recorder.on.onHeaders = (id) => rig.connection.sendHeaders(id, answer, true);
      rig.connection.receive(join([preface, settings(), whole1]));
      assert.equal(rig.connection.liveStreams(), 0);
      rig.connection.receive(late);
      assert.equal(verdict(rig.frames()), expected);
    });
  }

  test("what was under way when we reset is ignored, and its credit given back", () => {
    const rig = newRig("server", { connectionWindowBytes: 65_535 });
    rig.connection.receive(join([preface, settings(), open1]));
    rig.connection.sendReset(1, ErrorCode.cancel);
    rig.frames();
    for (let i = 0; i < 20; i++) rig.connection.receive(data(1, new Uint8Array(10_000), false));
    rig.connection.receive(headers(1, requestBlock(["a", "b"]), true));
    rig.connection.receive(headers(3, requestBlock(), true));
    const frames = rig.frames();
    assert.equal(verdict(frames), "fine");
    assert.ok(frames.some((f) => f.type === FrameType.windowUpdate && f.streamId === 0));
    assert.equal(rig.connection.liveStreams(), 1);
  });
});

describe("client", () => {
  const ok = encodeConstantBlock([[":status", "200"]]);
  const clientRows: Row[] = [
    ["a response", "fine", headers(1, ok, false), data(1, [1], true)],
    [
      "interim, then final",
      "fine",
      headers(1, encodeConstantBlock([[":status", "103"]]), false),
      headers(1, ok, true),
    ],
    ["interim that ends", rst(1, 1), headers(1, encodeConstantBlock([[":status", "100"]]), true)],
    ["DATA before HEADERS", rst(1, 1), data(1, [1], false)],
    ["no :status", rst(1, 1), headers(1, encodeConstantBlock([["a", "b"]]), false)],
    ["bad :status", rst(1, 1), headers(1, encodeConstantBlock([[":status", "20"]]), false)],
    ["request fields", rst(1, 1), headers(1, block, false)],
    ["stream we did not open", protocol, headers(3, ok, true)],
    ["stream of the server", protocol, headers(2, ok, true)],
    ["PUSH_PROMISE", protocol, rawFrame(FrameType.pushPromise, 4, 1, [0, 0, 0, 2])],
    ["ENABLE_PUSH 1", protocol, settings([Setting.enablePush, 1])],
    [
      "answer to HEAD",
      "fine",
      headers(
        1,
        encodeConstantBlock([
          [":status", "200"],
          ["content-length", "5"],
        ]),
        true,
      ),
    ],
  ];
  for (const [name, expected, ...pieces] of clientRows) {
    test(name, () => {
      const rig = newRig("client");
      rig.connection.openStream(requestBlock(), false);
      rig.connection.takeOutput();
      rig.connection.receive(join([settings(), ...pieces]));
      assert.equal(verdict(rig.frames()), expected);
    });
  }
});
