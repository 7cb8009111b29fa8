import assert from "node:assert/strict";
import { test } from "node:test";
import { OutputBuffer, SlabPool } from "./output.ts";

const KIB = 1024;

test("memory that was given back is taken again, by who needs as much", () => {
  const pool = new SlabPool();
  for (const bytes of [32 * KIB + 100, 64 * KIB, 150 * KIB]) {
    const first = pool.take(bytes);
    assert.ok(first.length >= bytes);
    pool.give(first);
    assert.equal(pool.take(bytes), first);
    assert.notEqual(pool.take(bytes), first, "it is in use");
  }
});

test("what is small, or larger than a slab, is not kept", () => {
  const pool = new SlabPool();
  for (const bytes of [100, 200 * KIB]) {
    const first = pool.take(bytes);
    assert.equal(first.length, bytes);
    pool.give(first);
    assert.notEqual(pool.take(bytes), first);
  }
});

test("a connection whose socket is behind gets its slabs back once all was taken", () => {
  const out = new OutputBuffer(new SlabPool());
  const seen = new Set<ArrayBufferLike>();
  for (let round = 0; round < 20; round += 1) {
    // The socket takes the output of eight turns, and says so only then.
    for (let turn = 0; turn < 8; turn += 1) {
      out.reserve(40 * KIB);
      out.end += 40 * KIB;
      seen.add(out.take()!.buffer);
    }
    out.recycle();
  }
  assert.ok(seen.size < 24, `${seen.size} slabs for ${20 * 8 * 40} KiB`);
});
