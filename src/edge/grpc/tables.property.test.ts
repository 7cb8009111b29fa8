import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plainHeaderBlock } from "../../wire/grpc/reply-blocks.ts";
import { VirtualClock } from "../../sim/world/clock.ts";
import { Call } from "./call.ts";
import { CallTable } from "./call-table.ts";
import type { GrpcConnection } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import { StreamIndex } from "./stream-index.ts";

const someConnection = {} as GrpcConnection;

test("stream index: like a map, whatever lives how long", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 400 }), (picks) => {
      const index = new StreamIndex();
      const twin = new Map<number, Call>();
      let nextId = 1;
      for (const pick of picks) {
        if (pick < 30) {
          const call = new Call(0, 0, plainHeaderBlock);
          // Ids only rise, with gaps of any size.
          nextId += 2 * (pick < 3 ? 1 + pick * 500 : 1);
          call.streamId = nextId;
          index.add(call);
          twin.set(nextId, call);
        } else if (twin.size > 0) {
          const keys = [...twin.keys()];
          const id = keys[(pick - 30) % keys.length] ?? 0;
          index.remove(twin.get(id)!);
          twin.delete(id);
        }
        assert.equal(index.size, twin.size);
      }
      for (let id = 1; id <= nextId + 2; id += 2) {
        assert.equal(index.get(id), twin.get(id) ?? null);
      }
      assert.deepEqual(new Set(index.all()), new Set(twin.values()));
    }),
    { numRuns: 200 },
  );
});

test("deadlines: each fires once, not early and at most 16 ms late, unless removed", () => {
  const delays = fc.array(fc.tuple(fc.double({ min: 0.01, max: 20_000, noNaN: true }), fc.nat(9)), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(delays, (rows) => {
      const clock = new VirtualClock();
      const firedMs = new Map<Call, number>();
      const deadlines = new Deadlines(clock, (call) => {
        assert.ok(!firedMs.has(call), "fired twice");
        firedMs.set(call, clock.monotonicMs());
      });
      const calls = rows.map(([delayMs, kind]) => {
        const call = new Call(0, 0, plainHeaderBlock);
        deadlines.add(call, clock.monotonicMs() + delayMs);
        const dueMs = call.deadlineMs;
        if (kind === 0) clock.runFor(delayMs / 2);
        const isRemoved = kind === 1 && !firedMs.has(call);
        if (isRemoved) deadlines.remove(call);
        return { call, dueMs, isRemoved };
      });
      clock.runUntilIdle();
      for (const { call, dueMs, isRemoved } of calls) {
        const at = firedMs.get(call);
        if (isRemoved) assert.equal(at, undefined);
        else assert.ok(at !== undefined && at >= dueMs && at <= dueMs + 16, `${at} for ${dueMs}`);
      }
    }),
    { numRuns: 100 },
  );
});

test("tokens: never the same twice, dead ones find nothing", () => {
  const table = new CallTable(3);
  const seen = new Set<number>();
  for (let round = 0; round < 1000; round++) {
    const calls = [table.take(), table.take(), table.take()];
    assert.equal(table.take(), null);
    assert.equal(table.full, true);
    for (const call of calls) {
      assert.ok(call !== null && !seen.has(call.token) && Number.isSafeInteger(call.token));
      seen.add(call.token);
      call.connection = someConnection;
      assert.equal(table.find(call.token), call);
    }
    for (const call of calls) {
      const token = call?.token ?? -1;
      table.release(call!);
      assert.equal(table.find(token), null);
    }
  }
  assert.equal(table.find(0), null);
  assert.equal(table.find(-1), null);
  assert.equal(table.find(2 ** 53 - 1), null);
  assert.equal(table.live, 0);
});

test("a record whose tokens are used up is not used again", () => {
  const table = new CallTable(1000);
  const call = table.take();
  assert.ok(call !== null);
  call.connection = someConnection;
  call.token = 2 ** 53 - 2 ** 20 + call.slot;
  table.release(call);
  const next = table.take();
  assert.ok(next !== null && next !== call && next.slot !== call.slot);
});
