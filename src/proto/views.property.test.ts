import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { messageOf } from "./testing/arbitrary.ts";
import { type Message, parseSchema } from "./testing/model.ts";
import { bytesOf } from "./testing/hex.ts";
import { damage, damaged } from "./testing/mutate.ts";
import * as api from "./gen/etcdserverpb.ts";
import { PutView, RangeView, viewPut, viewRange } from "./views.ts";
import { Cursor, ProtoError } from "./wire.ts";

const models = parseSchema().packages.get("etcdserverpb")?.messages ?? [];
const numRuns = Number(process.env["PROTO_RUNS"] ?? 1500);
const model = (name: string): Message => models.find((m) => m.name === name) as Message;

/** What `read` returns, or undefined when it refuses. */
function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtoError) return undefined;
    throw error;
  }
}

const damages = fc.array(damage, { maxLength: 2 });

test("a put's view agrees with the decoder and knows canonical bytes", () => {
  const view = new PutView();
  const cursor = new Cursor(new Uint8Array(0), 0, 0);
  fc.assert(
    fc.property(messageOf(model("PutRequest")), damages, (message, list) => {
      const made = api.encodePutRequestToBytes(message as unknown as api.PutRequest);
      const bytes = list.reduce(damaged, made);
      const put = tried(() => api.decodePutRequest(bytes, 0, bytes.length));
      const accepted = tried(() => {
        cursor.reset(bytes, 0, bytes.length);
        viewPut(cursor, view);
        return true;
      });
      assert.equal(accepted === true, put !== undefined);
      if (put === undefined) return;
      const lease = (BigInt(view.leaseHigh) << 32n) | BigInt(view.leaseLow >>> 0);
      const { prevKv, ignoreValue, ignoreLease } = view;
      const key = bytes.slice(view.keyStart, view.keyEnd);
      const value = bytes.slice(view.valueStart, view.valueEnd);
      assert.deepEqual({ key, value, lease, prevKv, ignoreValue, ignoreLease }, put);
      const again = api.encodePutRequestToBytes(put);
      assert.equal(view.canonical, Buffer.compare(again, bytes) === 0);
    }),
    { numRuns },
  );
});

test("bytes that mean the same but are not canonical", () => {
  const view = new PutView();
  const canonical = (hex: string): boolean => {
    const bytes = bytesOf(hex);
    viewPut(new Cursor(bytes, 0, bytes.length), view);
    return view.canonical;
  };
  assert.equal(canonical("0a0161 120162 1805 2001 2801 3001"), true);
  assert.equal(canonical(""), true);
  const others = [
    "120162 0a0161", // order
    "0a0161 0a0161", // twice
    "0a00 120162", // empty key written
    "1200", // empty value written
    "0a8100 61", // long length
    "12810062",
    "8a00 01 61", // long tag
    "188500", // long lease
    "1800", // zero lease
    "2000 2801", // false
    "2002", // true as 2
    "208100", // true in two bytes
    "3000",
    "0a0161 3801", // unknown field
    "08 01", // wrong wire type
  ];
  for (const hex of others) assert.equal(canonical(hex), false, hex);
});

test("a range's view agrees with the decoder", () => {
  const view = new RangeView();
  fc.assert(
    fc.property(messageOf(model("RangeRequest")), damages, (message, list) => {
      const made = api.encodeRangeRequestToBytes(message as unknown as api.RangeRequest);
      const bytes = list.reduce(damaged, made);
      const range = tried(() => api.decodeRangeRequest(bytes, 0, bytes.length));
      const accepted = tried(() => {
        viewRange(new Cursor(bytes, 0, bytes.length), view);
        return true;
      });
      assert.equal(accepted === true, range !== undefined);
      if (range === undefined) return;
      const { keyStart, keyEnd, rangeEndStart, rangeEndEnd, ...rest } = view;
      const key = bytes.slice(keyStart, keyEnd);
      const rangeEnd = bytes.slice(rangeEndStart, rangeEndEnd);
      assert.deepEqual({ key, rangeEnd, ...rest }, range);
    }),
    { numRuns },
  );
});
