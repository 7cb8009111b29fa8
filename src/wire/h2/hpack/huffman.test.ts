import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { huffmanDecode, huffmanDecodedMax, huffmanEncode, huffmanLength } from "./huffman.ts";

function roundTrip(text: string): string | number {
  const coded = new Uint8Array(huffmanLength(text));
  assert.equal(huffmanEncode(text, coded, 0), coded.length);
  const plain = new Uint8Array(huffmanDecodedMax(coded.length));
  const length = huffmanDecode(coded, 0, coded.length, plain);
  return length < 0 ? length : Buffer.from(plain.subarray(0, length)).toString("latin1");
}

test("every octet survives, alone and between others", () => {
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet);
    for (const text of [character, `a${character}`, `${character}00`, `~${character}~`]) {
      assert.equal(roundTrip(text), text);
    }
  }
});

test("every string survives", () => {
  const text = fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b).toString("latin1"));
  fc.assert(fc.property(text, (t) => roundTrip(t) === t));
});

test("whatever is decoded is encoded the same way again: there is one code for each string", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (coded) => {
      const plain = new Uint8Array(huffmanDecodedMax(coded.length) + 1);
      const length = huffmanDecode(coded, 0, coded.length, plain);
      if (length < 0) return;
      const text = Buffer.from(plain.subarray(0, length)).toString("latin1");
      const again = new Uint8Array(huffmanLength(text));
      huffmanEncode(text, again, 0);
      assert.deepEqual(Buffer.from(again), Buffer.from(coded));
    }),
    { numRuns: 2000 },
  );
});

test("codes of RFC 7541 appendix B of each length class", () => {
  const code = (text: string): string => {
    const coded = new Uint8Array(huffmanLength(text));
    huffmanEncode(text, coded, 0);
    return Buffer.from(coded).toString("hex");
  };
  assert.equal(code("0"), "07");
  assert.equal(code("\x00"), "ffc7");
  assert.equal(code("\n"), "fffffff3");
  assert.equal(code("\xff"), "fffffbbf");
  assert.equal(code("www.example.com"), "f1e3c2e5f23a6ba0ab90f4ff");
});
