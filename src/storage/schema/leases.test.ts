import assert from "node:assert/strict";
import { test } from "node:test";
import { inOneGo } from "../../base/sliced.ts";
import { copyOfSpan, newSpan } from "../../base/span.ts";
import type { Backend } from "../backend/backend.ts";
import { openMemoryBackend } from "../backend/memory/memory-backend.ts";
import { SchemaError } from "./error.ts";
import { type LeaseRecord, readLeases, removeLease, writeLease } from "./leases.ts";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

function all(backend: Backend): LeaseRecord[] {
  const leases: LeaseRecord[] = [];
  inOneGo(readLeases(backend, (lease) => leases.push(lease)));
  return leases;
}

test("a lease is stored as etcd stores it", () => {
  const backend = openMemoryBackend();
  writeLease(backend, { id: 0x1234n, ttl: 60, remaining: 0 });
  const value = newSpan();
  assert.ok(backend.get("lease", hex("0000000000001234"), value));
  assert.deepEqual(copyOfSpan(value), hex("08b424103c"));
});

test("leases of every id come back, in the order of their unsigned ids", () => {
  const backend = openMemoryBackend();
  const leases = [
    { id: 1n, ttl: 2, remaining: 0 },
    { id: 2n ** 63n - 1n, ttl: 9_000_000_000, remaining: 8_999_999_999 },
    { id: -(2n ** 63n), ttl: 5, remaining: 1 },
    { id: -1n, ttl: 5, remaining: 0 },
  ];
  for (const lease of leases.toReversed()) writeLease(backend, lease);
  assert.deepEqual(all(backend), leases);
  removeLease(backend, -(2n ** 63n));
  assert.deepEqual(all(backend), [leases[0], leases[1], leases[3]]);
  assert.throws(() => removeLease(backend, 7n), /no such lease/);
});

test("what is no lease under its own id is refused", () => {
  for (const [key, value] of [
    ["0000000000001234", "08b524103c"],
    ["00001234", "08b424103c"],
    ["0000000000001234", "08"],
    ["0000000000000000", "103c"],
  ] as const) {
    const backend = openMemoryBackend();
    backend.put("lease", hex(key), hex(value));
    assert.throws(() => all(backend), SchemaError, `${key} ${value}`);
  }
});
