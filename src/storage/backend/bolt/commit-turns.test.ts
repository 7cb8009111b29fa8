import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../../../base/span.ts";
import type { DiskError } from "../../../platform/disk.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { type BoltBackend, openBolt } from "./bolt-backend.ts";

const SEED = 20261122;
const VALUE_BYTES = 1000;
const MIB = 1024 * 1024;

function newWorld(): { readonly clock: VirtualClock; readonly backend: BoltBackend } {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: SEED, latencyMs: { min: 0, max: 1 } });
  const onFailure = (error: DiskError): never => assert.fail(String(error));
  return { clock, backend: openBolt({ disk, clock, path: "/db", onFailure }) };
}

/** Appends changes from revision `from` on; returns the next revision. */
function append(backend: BoltBackend, from: number, bytes: number): number {
  const out = newSpan();
  let main = from;
  for (let done = 0; done < bytes; done += VALUE_BYTES, main += 1) {
    backend.appendChange({ main, sub: 0, isTombstone: false }, VALUE_BYTES, out);
    out.bytes.fill(main % 251, out.start, out.end);
  }
  return main;
}

test("a large commit is prepared and finished in turns, and so is the next", () => {
  const { clock, backend } = newWorld();
  const next = append(backend, 2, 8 * MIB);
  const large = backend.commit();
  let turns = 0;
  while (backend.durableBatch < large) {
    assert.ok(clock.step());
    turns += 1;
  }
  assert.ok(turns >= 16, `${turns} turns`);
  append(backend, next, 1000);
  const small = backend.commit();
  let reached = large;
  while (!backend.isIdle) {
    assert.ok(clock.step());
    assert.ok(backend.durableBatch >= reached, "what is durable stays so");
    reached = backend.durableBatch;
    turns += 1;
  }
  assert.equal(reached, small);
  assert.ok(turns >= 32, `${turns} turns`);
});

test("a batch without changes is durable with the commit that is being finished", () => {
  const { clock, backend } = newWorld();
  append(backend, 2, 4 * MIB);
  const large = backend.commit();
  assert.ok(clock.runUntil(() => backend.durableBatch >= large, 10_000));
  assert.equal(backend.isIdle, false);
  const empty = backend.commit();
  assert.ok(clock.runUntil(() => backend.isIdle, 10_000));
  assert.equal(backend.durableBatch, empty);
});

test("an image has a large page whole, whatever is written between its pieces", () => {
  // The pieces end at other places of the pages.
  for (const stop of [10, 11, 12]) {
    const { clock, backend } = newWorld();
    const out = newSpan();
    const value = Uint8Array.from({ length: 12_000 }, (_, i) => i % 251);
    for (let main = 2; main < 600; main += 1) {
      backend.appendChange({ main, sub: 0, isTombstone: false }, value.length, out);
      out.bytes.set(value, out.start);
    }
    backend.commit();
    const image = backend.openImage();
    const pieces: Uint8Array[] = [];
    for (let left = image.totalBytes; left > 0;) {
      const piece = new Uint8Array(32 * 1024);
      const bytes = image.read(piece);
      pieces.push(piece.subarray(0, bytes));
      left -= bytes;
      if (pieces.length !== stop) continue;
      assert.equal(backend.isIdle, false, "the pages are not on the disk yet");
      assert.ok(clock.runUntil(() => backend.isIdle, 10_000));
      append(backend, 600, 8 * MIB);
      backend.commit();
    }
    image.close();
    const all = Buffer.concat(pieces);
    let found = 0;
    for (let at = all.indexOf(value); at >= 0; at = all.indexOf(value, at + 1)) found += 1;
    assert.equal(found, 598, `stop ${stop}`);
  }
});

test("who walks over pages that were not written yet keeps them, whatever is written after", () => {
  const { clock, backend } = newWorld();
  const end = append(backend, 2, MIB);
  const root = backend.openRoot();
  const cursor = root.changes();
  cursor.seek(0, 0);
  let expected = 2;
  const walk = (steps: number): void => {
    for (let step = 0; step < steps && expected < end; step += 1, expected += 1) {
      assert.ok(cursor.next());
      assert.equal(cursor.main, expected);
      const { bytes, start, end: valueEnd } = cursor.value;
      assert.ok(bytes.subarray(start, valueEnd).every((byte) => byte === expected % 251));
    }
  };
  let next = end;
  while (expected < end) {
    walk(2);
    next = append(backend, next, MIB / 2);
    backend.commit();
    assert.ok(clock.runUntil(() => backend.isIdle, 10_000));
  }
  root.close();
});
