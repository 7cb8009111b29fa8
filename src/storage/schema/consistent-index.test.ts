import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, hexOf, textBytes } from "../../proto/testing/hex.ts";
import { newSpan, copyOfSpan } from "../../base/span.ts";
import type { Backend } from "../backend/backend.ts";
import { openMemoryBackend } from "../backend/memory/memory-backend.ts";
import { readConsistentIndex, writeConsistentIndex } from "./consistent-index.ts";
import { SchemaError } from "./error.ts";

function stored(backend: Backend, key: string): string | null {
  const out = newSpan();
  return backend.get("meta", textBytes(key), out) ? hexOf(copyOfSpan(out)) : null;
}

test("both are 8 bytes, big endian; index 0 and term 0 are not written", () => {
  const cases: [number, number, string | null, string | null][] = [
    [5, 2, "0000000000000005", "0000000000000002"],
    [0x1234_5678_9abc, 7, "0000123456789abc", "0000000000000007"],
    [Number.MAX_SAFE_INTEGER, 1, "001fffffffffffff", "0000000000000001"],
    [5, 0, "0000000000000005", null],
    [0, 2, null, null],
    [0, 0, null, null],
  ];
  for (const [index, term, indexHex, termHex] of cases) {
    const backend = openMemoryBackend();
    writeConsistentIndex(backend, { index, term });
    assert.equal(stored(backend, "consistent_index"), indexHex, `index of ${index}, ${term}`);
    assert.equal(stored(backend, "term"), termHex, `term of ${index}, ${term}`);
    const expected = index === 0 ? { index: 0, term: 0 } : { index, term };
    assert.deepEqual(readConsistentIndex(backend), expected);
  }
});

test("a term of 0 leaves the term that is there", () => {
  const backend = openMemoryBackend();
  writeConsistentIndex(backend, { index: 9, term: 3 });
  writeConsistentIndex(backend, { index: 4, term: 0 });
  assert.deepEqual(readConsistentIndex(backend), { index: 4, term: 3 });
});

test("an empty database reads as 0; so does a term without an index", () => {
  const backend = openMemoryBackend();
  assert.deepEqual(readConsistentIndex(backend), { index: 0, term: 0 });
  backend.put("meta", textBytes("term"), bytesOf("0000000000000002"));
  assert.deepEqual(readConsistentIndex(backend), { index: 0, term: 0 });
});

test("what no log can reach is refused, and named", () => {
  const cases: [string, string, RegExp][] = [
    ["consistent_index", "", /0 bytes instead of 8/u],
    ["consistent_index", "00000000000005", /7 bytes instead of 8/u],
    ["consistent_index", "000000000000000005", /9 bytes instead of 8/u],
    ["consistent_index", "0020000000000000", /9007199254740992 is beyond/u],
    ["term", "05", /1 bytes instead of 8/u],
    ["term", "ffffffffffffffff", /18446744073709551615 is beyond/u],
  ];
  for (const [key, hex, problem] of cases) {
    const backend = openMemoryBackend();
    writeConsistentIndex(backend, { index: 5, term: 2 });
    backend.put("meta", textBytes(key), bytesOf(hex));
    assert.throws(
      () => readConsistentIndex(backend),
      (error) => {
        assert.ok(error instanceof SchemaError);
        assert.deepEqual([error.bucket, error.key], ["meta", key]);
        assert.match(error.problem, problem);
        assert.match(error.message, /\(bucket meta, key \w+\)\. Restore /u);
        return true;
      },
    );
  }
});

test("numbers that are none are a bug of the caller", () => {
  const backend = openMemoryBackend();
  for (const index of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => writeConsistentIndex(backend, { index, term: 1 }), /not an index/u);
    assert.throws(() => writeConsistentIndex(backend, { index: 1, term: index }), /not a term/u);
  }
});
