import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../base/span.ts";
import { openMemoryBackend } from "../storage/backend/memory/memory-backend.ts";
import { Committer } from "./committer.ts";

function newWorld() {
  const backend = openMemoryBackend();
  const before = { index: 0, term: 0 };
  const committer = new Committer(backend, before, { intervalMs: 500, ops: 20 });
  const write = (main: number): void => {
    const change = { main, sub: 0, isTombstone: false };
    backend.appendChange(change, 10, newSpan());
    committer.advance(main, 1);
  };
  return { backend, committer, write };
}

test("a batch is closed when its oldest change is as old as configured", () => {
  const { backend, committer, write } = newWorld();
  committer.tick(1000);
  write(1);
  for (const nowMs of [1100, 1300, 1499]) committer.tick(nowMs);
  assert.equal(backend.durableBatch, 0);
  committer.tick(1500);
  assert.equal(backend.durableBatch, 1);
  assert.deepEqual(committer.durable, { index: 1, term: 1 });
});

test("a batch is closed with as many operations as configured", () => {
  const { backend, write } = newWorld();
  for (let main = 1; main < 20; main += 1) write(main);
  assert.equal(backend.durableBatch, 0);
  write(20);
  assert.equal(backend.durableBatch, 1);
  assert.equal(backend.pendingOps, 0);
});
