import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeInternalRaftRequest,
  encodePutRequestToBytes,
} from "../../proto/gen/etcdserverpb.ts";
import { EntryEncoder } from "./entry-encoder.ts";
import { firstRequestId } from "./request-id.ts";

const MEMBER_A = 0xe765e731bd1bb1a3n;

test("the worked example of the format: header id and put foo=bar", () => {
  const put = encodePutRequestToBytes({
    key: new TextEncoder().encode("foo"),
    value: new TextEncoder().encode("bar"),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  });
  const id = firstRequestId(1_760_000_000_123) + 1;
  const entry = new EntryEncoder(MEMBER_A).encode(4, put, { start: 0, end: put.length }, id);
  assert.equal(
    Buffer.from(entry).toString("hex"),
    "220a0a03666f6f1203626172a2060b0881f681e682b9e6d1b101",
  );
});

test("entries of any size decode to what went in, and do not overwrite each other", () => {
  const encoder = new EntryEncoder(MEMBER_A);
  const entries: Uint8Array[] = [];
  const sizes = [0, 1, 100, 40_000, 300_000, 5];
  for (let round = 0; round < 50; round += 1) {
    const value = new Uint8Array(sizes[round % sizes.length]!).fill(round);
    const put = encodePutRequestToBytes({
      key: new Uint8Array([round + 1]),
      value,
      lease: 0n,
      prevKv: false,
      ignoreValue: false,
      ignoreLease: false,
    });
    const framed = new Uint8Array(put.length + 2);
    framed.set(put, 1);
    const range = { start: 1, end: put.length + 1 };
    entries.push(encoder.encode(4, framed, range, 2 ** 47 + round));
    assert.ok(entries.at(-1)!.length <= EntryEncoder.sizeMax(put.length));
  }
  entries.forEach((entry, round) => {
    const decoded = decodeInternalRaftRequest(entry, 0, entry.length);
    assert.equal(decoded.header?.id, (0xb1a3n << 48n) | BigInt(2 ** 47 + round));
    assert.equal(decoded.request?.case, "put");
    assert.deepEqual(decoded.request.value.key, new Uint8Array([round + 1]));
    assert.ok(decoded.request.value.value.every((byte) => byte === round));
  });
});

test("fields above 15 have a longer tag", () => {
  const entry = new EntryEncoder(1n).encode(
    1300,
    new Uint8Array([0x0a, 1, 0x33]),
    { start: 0, end: 3 },
    9,
  );
  const decoded = decodeInternalRaftRequest(entry, 0, entry.length);
  assert.equal(decoded.request?.case, "clusterVersionSet");
});
