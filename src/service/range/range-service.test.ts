import assert from "node:assert/strict";
import { BusyClock } from "../../sim/world/busy-clock.ts";
import { test } from "node:test";
import { newSpan } from "../../base/span.ts";
import { openStore } from "../../mvcc/store/kv-store.ts";
import { createRangeRequest, type RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { HeaderWriter } from "../header.ts";
import { JobRunner } from "../jobs.ts";
import type { ReplySink, Token } from "../rpc.ts";
import { RangeService } from "./range-service.ts";

/** What each look at the clock takes: as if between two looks half a millisecond of work lay. */
const LOOK_MS = 0.5;
const REQUESTS = 50;

function newRig() {
  const store = openStore({ backend: openMemoryBackend(), hashSeed: 7 });
  const key = newSpan(new Uint8Array(3));
  for (let i = 0; i < 100; i++) {
    key.bytes.set(Buffer.from(`k${10 + i}`.slice(0, 3)));
    store.begin();
    store.put(key, newSpan(new Uint8Array(8)), 0n);
    store.end();
  }
  const clock = new BusyClock(LOOK_MS);
  const ended: Token[] = [];
  const sink: ReplySink = {
    reply: (token) => void ended.push(token),
    replyFrom: (token, _totalBytes, source) => {
      source.release();
      ended.push(token);
    },
    send: () => true,
    sendFrom: (_token, _totalBytes, source) => source.release(),
    finish: (token, code) => {
      assert.equal(code, 0);
      ended.push(token);
    },
    metadata: () => undefined,
    remoteAddress: () => "",
  };
  const header = new HeaderWriter({ clusterId: 1n, memberId: 2n, term: () => 2 });
  const jobs = new JobRunner(clock);
  const service = new RangeService({ clock, store, header, jobs, sink: () => sink });
  return { clock, ended, service };
}

function request(fields: Partial<RangeRequest>): RangeRequest {
  return Object.assign(createRangeRequest(), fields);
}

const FEW = { key: Buffer.from("k1"), rangeEnd: Buffer.from("k2") };
const SORTED = { ...FEW, sortTarget: 1, sortOrder: 1 };

const tokens = Array.from({ length: REQUESTS }, (_, i) => i + 1);

test("single keys are answered as they come", () => {
  const { ended, service } = newRig();
  for (const token of tokens) service.range(token, request({ key: Buffer.from("k11") }));
  assert.deepEqual(ended, tokens);
});

const kinds: readonly [string, (service: RangeService, token: Token) => void][] = [
  ["ranges", (service, token) => service.range(token, request(FEW))],
  ["counts", (service, token) => service.range(token, request({ ...FEW, countOnly: true }))],
  ["sorted ranges", (service, token) => service.range(token, request(SORTED))],
  ["sorted streams", (service, token) => service.rangeStream(token, request(SORTED), 1 << 20)],
];

for (const [name, ask] of kinds) {
  test(`${name}: a turn answers for about a millisecond, later turns the rest`, () => {
    const { clock, ended, service } = newRig();
    for (const token of tokens) ask(service, token);
    assert.ok(ended.length >= 1 && ended.length <= 3, `${ended.length} at once`);
    let before = ended.length;
    for (let turns = 0; clock.turn(); turns++) {
      assert.ok(turns < 10 * REQUESTS, "it comes to an end");
      assert.ok(ended.length - before <= 5, `${ended.length - before} in one turn`);
      before = ended.length;
    }
    assert.deepEqual(
      ended.sort((a, b) => a - b),
      tokens,
    );
    assert.equal(service.underWay, 0);
    ask(service, 99);
    assert.equal(ended.at(-1), 99, "the next turn has time again");
  });
}

test("a sorted stream that was cancelled while it waited is not answered", () => {
  const { clock, ended, service } = newRig();
  for (const token of tokens) service.rangeStream(token, request(SORTED), 1 << 20);
  const waiting = tokens.filter((token) => !ended.includes(token));
  const [cancelled] = waiting;
  service.cancel(cancelled!);
  for (let turns = 0; clock.turn(); turns++) assert.ok(turns < 10 * REQUESTS, "it comes to an end");
  assert.deepEqual(ended.includes(cancelled!), false);
  assert.equal(ended.length, REQUESTS - 1);
  assert.equal(service.underWay, 0);
});
