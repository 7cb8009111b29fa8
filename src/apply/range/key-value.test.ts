import assert from "node:assert/strict";
import test from "node:test";
import { createKeyValue, encodeKeyValueToBytes } from "../../proto/gen/mvccpb.ts";
import { leaseOf, valueOf, withoutValue } from "./key-value.ts";

/** Keys whose last bytes look like tags, lengths and cut-off numbers. */
const KEYS = ["a", "\0", "a\xff", "\x80", "\x02", "\x0f", "*", "2", "z\x0a", "k".repeat(300)];
const VALUES = ["", "x", "\xff", "\x0a\x05", "v".repeat(1000)];
const LEASES = [0n, 1n, -1n, 1n << 40n];

test("keys, values and leases of any bytes are told apart", () => {
  for (const key of KEYS) {
    for (const value of VALUES) {
      for (const lease of LEASES) {
        const kv = {
          ...createKeyValue(),
          key: Buffer.from(key, "latin1"),
          createRevision: 2,
          modRevision: 300,
          version: 7,
          lease,
        };
        const bytes = encodeKeyValueToBytes({ ...kv, value: Buffer.from(value, "latin1") });
        const span = { bytes, start: 0, end: bytes.length };
        const { headEnd, tail } = withoutValue(span);
        const stripped = Buffer.concat([bytes.subarray(0, headEnd), bytes.subarray(tail)]);
        assert.deepEqual(stripped, Buffer.from(encodeKeyValueToBytes(kv)), JSON.stringify(key));
        const found = valueOf(span);
        const text = Buffer.from(bytes.subarray(found.start, found.end)).toString("latin1");
        assert.equal(text, value);
        assert.equal(leaseOf(span), lease);
      }
    }
  }
});
