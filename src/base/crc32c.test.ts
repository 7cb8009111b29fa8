import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, crc32cUpdate } from "./crc32c.ts";

/** Bit by bit, straight from the definition. */
function slow(crc: number, bytes: Uint8Array): number {
  let c = ~crc >>> 0;
  for (const byte of bytes) {
    c ^= byte;
    for (let i = 0; i < 8; i++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  }
  return ~c >>> 0;
}

test("known values", () => {
  const ascii = (s: string): Uint8Array => new TextEncoder().encode(s);
  assert.equal(crc32c(ascii("123456789")), 0xe3069283);
  assert.equal(crc32c(ascii("")), 0);
  // RFC 3720 B.4: 32 bytes of zeros, of ones, ascending, descending.
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
});

test("equals the definition for all lengths and cuts", () => {
  const bytes = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(bytes, fc.nat(100), fc.nat(0xffffffff), (data, cut, seed) => {
      const at = Math.min(cut, data.length);
      const whole = slow(seed, data);
      assert.equal(crc32cUpdate(seed, data, 0, data.length), whole);
      const first = crc32cUpdate(seed, data, 0, at);
      assert.equal(crc32cUpdate(first, data, at, data.length), whole);
    }),
  );
});
