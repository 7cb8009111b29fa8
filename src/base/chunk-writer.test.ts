import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "./byte-writer.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { Prng } from "./prng.ts";

test("what is written in chunks is what one buffer would have", () => {
  const prng = new Prng(20_261_122);
  const plain = new ByteWriter();
  const chunked = new ChunkWriter();
  const source = new Uint8Array(700_000).map((_, at) => at % 251);
  for (const bytes of [10, 100_000, 3, 700_000, 1, 300_000, 262_144, 50_000, 0, 5]) {
    const start = prng.below(1 + source.length - bytes);
    for (const out of [plain, chunked]) {
      out.varint(bytes);
      out.raw(source, start, start + bytes);
    }
    assert.equal(chunked.totalBytes, plain.length);
  }
  const whole = Buffer.concat(chunked.chunks());
  assert.deepEqual(whole, Buffer.from(plain.bytes.subarray(0, plain.length)));
  const largest = Math.max(...chunked.chunks().map(({ buffer }) => buffer.byteLength));
  assert.ok(largest <= 700_000, "nothing was copied into something larger");
});
