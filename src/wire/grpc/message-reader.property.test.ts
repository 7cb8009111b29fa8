import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type MessageHandler, MessageReader, writePrefix } from "./message-reader.ts";

const maxBytes = 300;

class Recorder implements MessageHandler {
  readonly events: string[] = [];
  onMessage(flag: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.events.push(`${flag}:${Buffer.from(bytes.subarray(start, end)).toString("hex")}`);
    return true;
  }
  onTooLarge(lengthBytes: number): void {
    this.events.push(`large ${lengthBytes}`);
  }
}

function encode(messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message, i) => {
      const prefix = Buffer.alloc(5);
      writePrefix(prefix, i & 1, message.length);
      return [prefix, message];
    }),
  );
}

test("any cutting of the stream gives the same messages", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: maxBytes }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 30 }),
      (messages, cuts) => {
        const stream = encode(messages);
        const seen = new Recorder();
        const reader = new MessageReader(maxBytes);
        let at = 0;
        for (const cut of cuts) {
          // A chunk inside a larger buffer, overwritten afterwards: nothing may be kept of it.
          const piece = stream.subarray(at, at + cut);
          const chunk = Buffer.concat([Buffer.alloc(3, 7), piece, Buffer.alloc(3, 7)]);
          reader.feed(chunk, 3, 3 + piece.length, seen);
          chunk.fill(0xee);
          at += piece.length;
        }
        reader.feed(stream, at, stream.length, seen);
        assert.deepEqual(
          seen.events,
          messages.map((message, i) => `${i & 1}:${Buffer.from(message).toString("hex")}`),
        );
        assert.equal(reader.midMessage, false);
        assert.equal(reader.bufferedBytes, 0);
      },
    ),
  );
});

test("the largest message passes, one byte more is refused however it is cut", () => {
  for (const size of [maxBytes, maxBytes + 1]) {
    for (const cut of [1, 5, 7, 1000]) {
      const stream = encode([new Uint8Array(size)]);
      const seen = new Recorder();
      const reader = new MessageReader(maxBytes);
      for (let at = 0; at < stream.length && seen.events.length === 0; at += cut) {
        reader.feed(stream, at, Math.min(at + cut, stream.length), seen);
      }
      const expected = size > maxBytes ? `large ${size}` : `0:${"00".repeat(size)}`;
      assert.deepEqual(seen.events, [expected]);
    }
  }
});

test("memory follows what arrived, not what was announced", () => {
  const reader = new MessageReader(2 ** 31);
  const prefix = new Uint8Array(5);
  writePrefix(prefix, 0, 2 ** 31 - 1);
  reader.feed(prefix, 0, 5, new Recorder());
  assert.ok(reader.bufferedBytes <= 16_384);
  reader.feed(new Uint8Array(100_000), 0, 100_000, new Recorder());
  assert.ok(reader.bufferedBytes <= 200_000);
  assert.equal(reader.midMessage, true);
});

test("a handler that stops sees no more of the chunk", () => {
  const seen: number[] = [];
  const handler: MessageHandler = {
    onMessage: (_flag, _bytes, start, end) => {
      seen.push(end - start);
      return false;
    },
    onTooLarge: () => assert.fail(),
  };
  const stream = encode([new Uint8Array(3), new Uint8Array(4)]);
  new MessageReader(10).feed(stream, 0, stream.length, handler);
  assert.deepEqual(seen, [3]);
});
