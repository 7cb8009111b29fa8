/**
 * Two connections talk in memory. A dumb twin knows what each side sent; whatever the windows,
 * frame sizes, chunks and order, exactly that must arrive, and what waits must be bounded.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { H2Connection } from "./connection.ts";
import { encodeConstantBlock } from "./hpack/encoder.ts";
import { join } from "./testing/raw-frames.ts";
import { converse, fieldsText, Recorder, takeAll } from "./testing/recorder.ts";
import type { BodySource, H2Options, HeaderList } from "./types.ts";

const answer = encodeConstantBlock([
  [":status", "200"],
  ["content-type", "application/grpc"],
]);
const trailer = encodeConstantBlock([["grpc-status", "0"]]);

/** Bytes that tell where they belong. */
function bodyOf(seed: number, length: number): Uint8Array {
  const body = new Uint8Array(length);
  for (let i = 0; i < length; i++) body[i] = (seed * 31 + i * 7 + (i >>> 8)) & 255;
  return body;
}

/** Like `deepEqual`, but does not print megabytes when it fails. */
function assertSameBytes(found: Uint8Array, expected: Uint8Array, what: string): void {
  const same = Buffer.compare(found, expected) === 0;
  assert.ok(same, `${what}: ${found.length} bytes against ${expected.length}, or others`);
}

class ArraySource implements BodySource {
  released = 0;
  readonly #bytes: Uint8Array;
  readonly #pieceBytes: number;
  #at = 0;

  constructor(bytes: Uint8Array, pieceBytes: number) {
    this.#bytes = bytes;
    this.#pieceBytes = pieceBytes;
  }

  read(into: Uint8Array, at: number, maxBytes: number): number {
    const size = Math.min(maxBytes, this.#pieceBytes, this.#bytes.length - this.#at);
    into.set(this.#bytes.subarray(this.#at, this.#at + size), at);
    this.#at += size;
    return size;
  }

  release(): void {
    this.released++;
  }
}

/** How one call is made and answered. */
interface Call {
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly how: "reply" | "pieces" | "source";
  readonly pieceBytes: number;
}

const call: fc.Arbitrary<Call> = fc.record({
  requestBytes: fc.oneof(fc.nat(300), fc.nat(200_000)),
  replyBytes: fc.oneof(fc.nat(300), fc.nat(200_000)),
  how: fc.constantFrom("reply", "pieces", "source"),
  pieceBytes: fc.integer({ min: 1, max: 50_000 }),
});

const options: fc.Arbitrary<H2Options> = fc.record(
  {
    maxConcurrentStreams: fc.integer({ min: 1, max: 20 }),
    streamWindowBytes: fc.integer({ min: 1, max: 300_000 }),
    connectionWindowBytes: fc.integer({ min: 65_535, max: 500_000 }),
    maxFrameBytes: fc.integer({ min: 16_384, max: 100_000 }),
    outputHighWaterBytes: fc.integer({ min: 1000, max: 200_000 }),
    streamHighWaterBytes: fc.integer({ min: 1000, max: 200_000 }),
    headerTableBytes: fc.integer({ min: 0, max: 8000 }),
  },
  { requiredKeys: [] },
);

/** Tiny windows make one frame of each byte: keep such runs short. */
function shorten(calls: readonly Call[], windowBytes: number): Call[] {
  const max = windowBytes < 200 ? 20 * windowBytes : 200_000;
  return calls.map((c) => ({
    ...c,
    requestBytes: Math.min(c.requestBytes, max),
    replyBytes: Math.min(c.replyBytes, max),
  }));
}

/** Answers each request as its call says, once its body is whole. */
class Answering extends Recorder {
  connection!: H2Connection;
  readonly calls: readonly Call[];
  readonly sources: ArraySource[] = [];
  readonly #left = new Map<number, number>();

  constructor(calls: readonly Call[]) {
    super();
    this.calls = calls;
    this.on.onData = (id, ended) => {
      if (ended) this.#answer(id);
    };
    this.on.onWritable = (id) => this.#pieces(id);
  }

  #answer(id: number): void {
    const { how, replyBytes, pieceBytes } = this.calls[(id - 1) / 2];
    const body = bodyOf(id, replyBytes);
    if (how === "reply") {
      const [start, end] = [Math.min(3, body.length), body.length];
      const parts = { prefix: body.subarray(0, start), bytes: body, start, end };
      this.connection.sendReply(id, { ...parts, headerBlock: answer, trailerBlock: trailer });
      return;
    }
    this.connection.sendHeaders(id, answer, false);
    if (how === "pieces") {
      this.#left.set(id, 0);
      this.#pieces(id);
      return;
    }
    const source = new ArraySource(body.subarray(Math.min(5, body.length)), pieceBytes);
    this.sources.push(source);
    this.connection.sendSource(id, {
      prefix: body.subarray(0, 5),
      totalBytes: Math.max(0, body.length - 5),
      source,
      trailerBlock: trailer,
    });
  }

  #pieces(id: number): void {
    const { replyBytes, pieceBytes } = this.calls[(id - 1) / 2];
    const body = bodyOf(id, replyBytes);
    for (let at = this.#left.get(id)!; ;) {
      const end = Math.min(body.length, at + pieceBytes);
      const room = this.connection.sendData(id, body, at, end, false);
      at = end;
      this.#left.set(id, at);
      if (at === body.length) return this.connection.sendHeaders(id, trailer, true);
      if (!room) return;
    }
  }
}

/** Opens what the peer permits, one body after the other, as `onWritable` and ends allow. */
class Asking extends Recorder {
  connection!: H2Connection;
  readonly calls: readonly Call[];
  readonly #left = new Map<number, number>();
  #opened = 0;

  constructor(calls: readonly Call[]) {
    super();
    this.calls = calls;
    this.on.onWritable = (id) => this.#pieces(id);
  }

  open(): boolean {
    const before = this.#opened;
    while (this.#opened < this.calls.length && this.connection.openableStreams() > 0) {
      const block = this.connection.encodeHeaders([
        [":method", "POST"],
        [":scheme", "http"],
        [":path", "/x"],
        ["n", String(this.#opened)],
      ]);
      const id = this.connection.openStream(block, false);
      assert.equal(id, 2 * this.#opened++ + 1);
      this.#left.set(id, 0);
      this.#pieces(id);
    }
    return this.#opened > before;
  }

  #pieces(id: number): void {
    const { requestBytes, pieceBytes } = this.calls[(id - 1) / 2];
    const body = bodyOf(id + 1, requestBytes);
    for (let at = this.#left.get(id)!; ;) {
      const end = Math.min(body.length, at + pieceBytes);
      const last = end === body.length;
      const room = this.connection.sendData(id, body, at, end, last);
      at = end;
      this.#left.set(id, at);
      if (last || !room) return;
    }
  }
}

test("what one side sends arrives at the other, whatever the windows", () => {
  fc.assert(
    fc.property(
      fc.array(call, { minLength: 1, maxLength: 25 }),
      options,
      options,
      (some, serverOptions, clientOptions) => {
        const least = Math.min(
          serverOptions.streamWindowBytes ?? 65_535,
          clientOptions.streamWindowBytes ?? 65_535,
        );
        const calls = shorten(some, least);
        const answering = new Answering(calls);
        const server = new H2Connection("server", serverOptions, answering);
        answering.connection = server;
        const asking = new Asking(calls);
        const client = new H2Connection("client", clientOptions, asking);
        asking.connection = client;
        converse(client, server);
        while (asking.open()) converse(client, server);

        calls.forEach((c, i) => {
          const id = 2 * i + 1;
          assertSameBytes(answering.body(id), bodyOf(id + 1, c.requestBytes), `request ${id}`);
          assertSameBytes(asking.body(id), bodyOf(id, c.replyBytes), `reply ${id}`);
          const mine = asking.events.filter((event) => event.split(" ")[1] === String(id));
          assert.deepEqual(
            mine.filter((event) => !event.startsWith("onWritable")),
            [
              `onHeaders ${id} :status=200,content-type=application/grpc`,
              `onTrailers ${id} grpc-status=0`,
            ],
          );
        });
        for (const side of [server, client]) {
          assert.equal(side.liveStreams(), 0);
          assert.equal(side.queuedBytes(), 0);
        }
        for (const source of answering.sources) assert.equal(source.released, 1);
      },
    ),
    { numRuns: 60 },
  );
});

test("how the byte stream is cut makes no difference", () => {
  const client = new H2Connection("client", {}, new Recorder());
  const pieces: Uint8Array[] = [];
  const long = "v".repeat(40_000);
  for (let i = 0; i < 30; i++) {
    const block = client.encodeHeaders([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", `/p${i % 3}`],
      ["n", `${i}`],
      ...(i === 7 ? [["long", long] as const] : []),
    ]);
    const id = client.openStream(block, i % 4 === 0);
    if (i % 4 !== 0) client.sendData(id, bodyOf(i, i * 90), 0, i * 90, i % 4 !== 1);
    if (i % 4 === 1) client.sendHeaders(id, trailer, true);
    if (i % 5 === 2) client.sendReset(id, 8);
    client.ping(i);
    pieces.push(takeAll(client));
  }
  const stream = join(pieces);

  function heard(cuts: readonly number[]): string {
    const recorder = new Recorder();
    const server = new H2Connection("server", {}, recorder);
    let at = 0;
    for (let i = 0; at < stream.length; i++) {
      const end = Math.min(stream.length, at + cuts[i % cuts.length]);
      // A buffer of its own that is wiped afterwards: nothing may be kept of it.
      const chunk = stream.slice(at, end);
      server.receive(chunk);
      chunk.fill(0xee);
      at = end;
    }
    const bodies = [...recorder.bodies.keys()].map((id) => [
      id,
      Buffer.from(recorder.body(id)).toString("hex"),
    ]);
    const output = Buffer.from(takeAll(server)).toString("hex");
    return JSON.stringify([recorder.events, bodies, output]);
  }

  const whole = heard([stream.length]);
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20_000 })), {
        minLength: 1,
        maxLength: 50,
      }),
      (cuts) => assert.ok(heard(cuts) === whole, "heard something else"),
    ),
    { numRuns: 60 },
  );
});

/** A handler that does nothing but count, for input nobody should have sent. */
class Counting extends Recorder {
  override onHeaders(streamId: number, fields: HeaderList): void {
    assert.ok(fieldsText(fields).length >= 0);
    assert.ok(streamId > 0);
  }
}

test("no damage to a byte stream makes a connection throw", () => {
  const client = new H2Connection("client", {}, new Recorder());
  const block = encodeConstantBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/"],
  ]);
  for (let i = 0; i < 10; i++) {
    const id = client.openStream(block, false);
    client.sendData(id, bodyOf(i, 100), 0, 100, i % 2 === 0);
    if (i % 3 === 0) client.sendReset(id, 8);
    client.ping(i);
  }
  const stream = takeAll(client);
  const damage = fc.array(fc.tuple(fc.nat(stream.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(damage, fc.integer({ min: 1, max: 5000 }), (changes, cut) => {
      const server = new H2Connection("server", {}, new Counting());
      const bytes = stream.slice();
      for (const [at, octet] of changes) if (at >= 24) bytes[at] = octet;
      for (let at = 0; at < bytes.length; at += cut) server.receive(bytes.subarray(at, at + cut));
      assert.ok(server.heldInputBytes() < 64 * 1024);
      takeAll(server);
    }),
    { numRuns: 500 },
  );
});
