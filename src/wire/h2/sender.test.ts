import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Setting } from "./frames.ts";
import { encodeConstantBlock } from "./hpack/encoder.ts";
import {
  headers,
  join,
  parseFrames,
  preface,
  requestBlock,
  settings,
  windowUpdate,
} from "./testing/raw-frames.ts";
import { newRig, type Rig, takeAll } from "./testing/recorder.ts";
import { type BodySource, ErrorCode } from "./types.ts";

const answer = encodeConstantBlock([[":status", "200"]]);
const trailer = encodeConstantBlock([["grpc-status", "0"]]);
const nothing = new Uint8Array(0);
/** Sources without bytes that are asked in one `takeOutput`. */
const askedMax = 4;

function serverWith(streams: number, window = 1 << 20): Rig {
  const rig = newRig("server");
  const pieces = [preface, settings([Setting.initialWindowSize, window]), windowUpdate(0, 1 << 20)];
  for (let i = 0; i < streams; i++) pieces.push(headers(2 * i + 1, requestBlock(), true));
  rig.connection.receive(join(pieces));
  rig.frames();
  return rig;
}

/** Gives what it was told to have; otherwise has nothing yet. */
class Hesitant implements BodySource {
  /** Bytes it has. */
  have = 0;
  asked = 0;
  released = 0;

  read(into: Uint8Array, at: number, maxBytes: number): number {
    this.asked++;
    const count = Math.min(this.have, maxBytes);
    into.fill(7, at, at + count);
    this.have -= count;
    return count;
  }
  release(): void {
    this.released++;
  }
}

function send(rig: Rig, streamId: number, totalBytes: number): Hesitant {
  const source = new Hesitant();
  rig.connection.sendHeaders(streamId, answer, false);
  const parts = { prefix: nothing, totalBytes, source, trailerBlock: trailer };
  rig.connection.sendSource(streamId, parts);
  return source;
}

describe("sources that have nothing yet", () => {
  test("are asked once for each taking of output, and go on where they were", () => {
    const rig = serverWith(1);
    const { connection } = rig;
    const source = send(rig, 1, 1000);
    rig.frames();
    assert.equal(source.asked, 2, "once for the headers' output, once for the null behind it");
    for (let i = 3; i < 10; i++) {
      assert.equal(connection.hasOutput(), true);
      assert.equal(connection.takeOutput(), null);
      assert.equal(source.asked, i);
    }
    source.have = 300;
    assert.equal(connection.takeOutput()?.length, 9 + 300);
    assert.equal(source.asked, 11, "there was room for more, but no more bytes");
    source.have = 5000;
    const frames = rig.frames();
    assert.deepEqual(
      frames.map(({ type, flags, payload }) => [type, flags, payload.length]),
      [
        [0, 0, 700],
        [1, 5, trailer.length],
      ],
    );
    assert.equal(source.released, 1);
    assert.equal(connection.hasOutput(), false);
    assert.deepEqual(
      rig.recorder.events.filter((event) => event.startsWith("onSource")),
      [],
    );
  });

  test("do not hold up the other streams", () => {
    const rig = serverWith(3);
    const source = send(rig, 1, 1000);
    const body = new Uint8Array(100_000);
    rig.connection.sendData(3, body, 0, body.length, false);
    const bytes = parseFrames(takeAll(rig.connection))
      .filter((frame) => frame.type === 0)
      .reduce((sum, { payload }) => sum + payload.length, 0);
    assert.equal(bytes, 100_000);
    // A message that could wait behind others need not wait behind this one.
    rig.connection.sendData(5, body, 0, 10_000, true);
    assert.ok(rig.connection.takeOutput()!.length > 10_000);
    assert.ok(source.asked < 10);
  });

  test("have their turn although others never run dry", () => {
    const rig = serverWith(20);
    const source = send(rig, 1, 10);
    const always = Array.from({ length: 19 }, (_, i) => send(rig, 2 * i + 3, 1e6));
    for (const other of always) other.have = 1e6;
    for (let i = 0; i < 10; i++) rig.connection.takeOutput();
    assert.ok(source.asked >= 2, `asked ${source.asked} times`);
    source.have = 10;
    let taken = 0;
    while (source.released === 0 && taken < 10) {
      rig.connection.takeOutput();
      taken++;
    }
    assert.ok(taken < 10);
  });

  test("a few of many are asked at a time, all in turn", () => {
    const rig = serverWith(102);
    const sources = Array.from({ length: 100 }, (_, i) => send(rig, 2 * i + 1, 1000));
    const asked = (): number => sources.reduce((sum, source) => sum + source.asked, 0);
    for (let i = 0; i < 75; i++) {
      const before = asked();
      rig.connection.takeOutput();
      assert.ok(asked() - before <= askedMax);
    }
    assert.deepEqual(
      sources.map((source) => source.asked),
      new Array(100).fill(3),
    );
    const ready = send(rig, 201, 50_000);
    ready.have = 50_000;
    for (let i = 0; i < 200 && ready.released === 0; i++) rig.connection.takeOutput();
    assert.equal(ready.released, 1);
    for (const source of sources) source.have = 1000;
    takeAll(rig.connection);
    assert.equal(rig.connection.liveStreams(), 1);
  });

  test("are not asked without window, and wait for it as others do", () => {
    const rig = serverWith(1, 100);
    const source = send(rig, 1, 1000);
    source.have = 100;
    rig.frames();
    const { asked } = source;
    assert.equal(rig.connection.hasOutput(), false);
    rig.connection.receive(windowUpdate(1, 50));
    rig.frames();
    assert.equal(source.asked, asked + 1);
    // Window that comes while it is put aside does not put it into two lists.
    rig.connection.receive(windowUpdate(1, 5000));
    source.have = 900;
    rig.frames();
    assert.equal(source.released, 1);
    assert.equal(rig.connection.hasOutput(), false);
    assert.equal(rig.connection.liveStreams(), 0);
  });

  test("are released by a reset, and nothing is left to ask", () => {
    const rig = serverWith(2);
    const source = send(rig, 1, 1000);
    const lost = send(rig, 3, 1000);
    rig.frames();
    rig.connection.sendReset(1, ErrorCode.cancel);
    rig.frames();
    assert.equal(source.released, 1);
    assert.equal(rig.connection.hasOutput(), true);
    rig.connection.lost();
    assert.equal(lost.released, 1);
  });
});
