import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../src/base/prng.ts";
import type { WatchResponse } from "../../../src/proto/gen/etcdserverpb.ts";
import { WatchWorld } from "./world.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_122);
const ALL = { rangeEnd: Uint8Array.of(0) };
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
/** What a stream may have queued: the mark, and one delivery (HELD_EVENT_BYTES_MAX). */
const QUEUE_BYTES_MAX = (64 + 128) * 1024 + 100;

/** Events in the order in which they came, as text. */
function eventsOf(responses: readonly WatchResponse[]): string[] {
  return responses.flatMap(({ events }) =>
    events.map(({ type, kv }) => `${type} ${textOf(kv!.key)} @${kv!.modRevision}`),
  );
}

/** No revision is told in two responses, unless they are fragments. */
function checkWhole(responses: readonly WatchResponse[]): void {
  let last = 0;
  for (const { events, fragment } of responses) {
    if (events.length === 0) continue;
    assert.ok(events[0]!.kv!.modRevision > last, `revision ${last} is split`);
    assert.ok(!fragment);
    last = events.at(-1)!.kv!.modRevision;
  }
}

test("stalled and slow readers delay nobody, have a bounded queue, learn of compaction", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.05 });
  const prng = new Prng(SEED);
  const [fast, slow, stalled] = [world.open(), world.open(), world.open()];
  for (const token of [fast, slow, stalled]) world.watch(token, "k", ALL);
  world.drain(fast, slow, stalled);
  const value = "v".repeat(1000);
  const wanted: string[] = [];
  let compactedAt = 0;
  for (let step = 0; step < 600; step += 1) {
    const startMs = world.clock.monotonicMs();
    const names = Array.from({ length: prng.between(1, 3) }, (_, i) => `k${i}.${prng.below(50)}`);
    if (prng.chance(0.3)) world.putAll(names, value);
    else world.put(names[0]!, value);
    assert.ok(world.clock.monotonicMs() - startMs < 100, "a write waits for no reader");
    const { revision } = world;
    world.clock.runFor(5);
    world.sink.take(fast, 1e9);
    const told = world.responses(fast).at(-1)!;
    assert.equal(told.events[0]!.kv!.modRevision, revision, "told at once");
    wanted.push(...eventsOf([told]));
    world.sink.take(slow, 900);
    if (step === 400) {
      compactedAt = revision - 50;
      world.compact(compactedAt);
    }
  }
  for (const token of [slow, stalled]) {
    assert.ok(world.reader(token).queuedBytesMost <= QUEUE_BYTES_MAX, "the queue is bounded");
  }
  world.drain(fast, slow, stalled);
  for (const token of [fast, slow, stalled]) {
    const responses = world.responses(token);
    const told = eventsOf(responses);
    assert.deepEqual(told, wanted.slice(0, told.length), `seed ${SEED}: what is told`);
    checkWhole(responses);
    const end = responses.at(-1)!;
    if (told.length === wanted.length) continue;
    assert.ok(end.canceled, `seed ${SEED}: the rest was compacted`);
    assert.equal(end.compactRevision, compactedAt);
    assert.equal(end.header!.revision, 0);
    assert.ok(Number(told.at(-1)!.split("@")[1]) + 1 < compactedAt, "not without need");
  }
  assert.equal(eventsOf(world.responses(fast)).length, wanted.length);
  assert.ok(world.responses(stalled).at(-1)!.canceled);
});

test("a reader that stalled for a while gets what it missed, once and in order", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.05 });
  const prng = new Prng(SEED);
  const token = world.open();
  world.watch(token, "k", ALL);
  const wanted: string[] = [];
  for (let step = 0; step < 800; step += 1) {
    const key = `k${prng.below(20)}`;
    world.put(key, "v".repeat(prng.below(2000)));
    wanted.push(`0 ${key} @${world.revision}`);
    if (prng.chance(0.02)) world.drain(token);
    else if (prng.chance(0.3)) world.sink.take(token, prng.below(3000));
  }
  world.drain(token);
  assert.deepEqual(eventsOf(world.responses(token)), wanted, `seed ${SEED}`);
  checkWhole(world.responses(token));
});

test("many events of one revision are one message, or fragments below the limit", () => {
  const maxRequestBytes = 40_000;
  const world = new WatchWorld({ seed: SEED, lookMs: 0.05, config: { maxRequestBytes } });
  const value = "v".repeat(400);
  const names = Array.from({ length: 3000 }, (_, i) => `k${String(i).padStart(60, "0")}`);
  for (let at = 0; at < names.length; at += 50) world.putAll(names.slice(at, at + 50), value);
  const [whole, cut, late] = [world.open(), world.open(), world.open()];
  world.watch(whole, "k", { ...ALL, prevKv: true });
  world.watch(cut, "k", { ...ALL, prevKv: true, fragment: true });
  world.delete("k", "l");
  const { revision } = world;
  world.put("k!", "after");
  world.drain(whole, cut);
  world.watch(late, "k", { ...ALL, prevKv: true, fragment: true, startRevision: revision });
  world.drain(late);
  const wanted = names.map((name) => `1 ${name} @${revision}`);
  const after = `0 k! @${revision + 1}`;
  const one = world.responses(whole).filter(({ events }) => events.length > 0);
  assert.deepEqual(eventsOf(one), [...wanted, after]);
  assert.equal(one.length, 2);
  const limit = maxRequestBytes + 512 * 1024;
  for (const token of [cut, late]) {
    const sizes = world.reader(token).messages.map(({ length }) => length);
    const responses = world.responses(token);
    assert.deepEqual(eventsOf(responses), [...wanted, after], `seed ${SEED}: fragments`);
    const pieces = responses.filter(({ events }) => events.length > 1);
    assert.deepEqual(
      pieces.map(({ fragment }) => fragment),
      [...pieces.slice(1).map(() => true), false],
    );
    assert.ok(pieces.length > 2);
    for (const [at, size] of sizes.entries()) {
      assert.ok(size < limit, `${size} bytes`);
      // As many as fit.
      if (responses[at]!.fragment) assert.ok(size > limit - 1100, `only ${size} bytes`);
    }
    for (const { prevKv } of pieces[0]!.events) assert.equal(textOf(prevKv!.value), value);
  }
});

test("progress is told on request when all are caught up, and never before their events", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.05 });
  const token = world.open();
  const ask = (): void => world.say(token, { case: "progressRequest", value: {} });
  ask();
  world.drain(token);
  assert.equal(world.responses(token).length, 0, "no watcher, no answer");
  for (let i = 0; i < 300; i += 1) world.put("k", "v".repeat(1000));
  world.watch(token, "k", { startRevision: 2 });
  ask();
  world.drain(token);
  // It was not caught up, and nobody comes back to it.
  assert.ok(world.responses(token).every(({ watchId }) => watchId === 0n));
  for (const { header } of world.responses(token)) {
    assert.equal(header!.revision, 301, "history comes with the revision of its time");
  }
  const asked: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    world.put("k", "w");
    asked.push(world.revision);
    ask();
  }
  world.drain(token);
  const responses = world.responses(token);
  let told = 0;
  for (const { watchId, events, header } of responses) {
    if (events.length > 0) told = events.at(-1)!.kv!.modRevision;
    if (watchId === -1n) assert.equal(header!.revision, told, "neither early nor late");
  }
  const answers = responses.filter(({ watchId }) => watchId === -1n);
  assert.deepEqual(
    answers.map(({ header }) => header!.revision),
    asked,
  );
  world.watch(token, "k", { startRevision: world.revision + 2 });
  ask();
  world.drain(token);
  assert.equal(world.responses(token).length, responses.length + 1, "one is to begin later");
});

test("progress is told from time to time to those who had no event", () => {
  const config = { watchProgressNotifyIntervalMs: 1000 };
  const world = new WatchWorld({ seed: SEED, config });
  const token = world.open();
  world.watch(token, "busy", { progressNotify: true });
  world.watch(token, "quiet", { progressNotify: true });
  world.watch(token, "mute");
  for (let i = 0; i < 50; i += 1) {
    world.put("busy", "v");
    world.clock.runFor(100);
    world.sink.take(token, 1e9);
  }
  const reports = world.responses(token).filter((one) => !one.created && one.events.length === 0);
  assert.ok(reports.length >= 4 && reports.length <= 5, `${reports.length} reports in 5 s`);
  for (const { watchId, header } of reports) {
    assert.equal(watchId, 1n);
    assert.ok(header!.revision > 2);
  }
});

test("a call that ends takes its watchers with it", () => {
  const world = new WatchWorld({ seed: SEED });
  const { watch } = world.member.core.service;
  const token = world.open();
  for (let i = 0; i < 500; i += 1) world.watch(token, `k${i}`, { startRevision: i % 3 });
  world.drain(token);
  assert.equal(watch.hub.watchers, 500);
  assert.equal(watch.streams, 1);
  world.member.core.service.router.cancel(token);
  world.clock.runFor(100);
  assert.equal(watch.hub.watchers, 0);
  assert.equal(watch.streams, 0);
  world.put("k1", "v");
});

test("who does not read its answers is not answered without end", () => {
  const world = new WatchWorld({ seed: SEED });
  const token = world.open();
  for (let i = 0; !world.reader(token).isInputHeld; i += 1) {
    assert.ok(i < 10_000, "asked without end");
    world.watch(token, "k");
  }
  const { length } = world.reader(token).queue;
  for (let i = 0; i < 100; i += 1) world.say(token, { case: "progressRequest", value: {} });
  assert.equal(world.reader(token).queue.length, length);
  world.drain(token);
  assert.ok(!world.reader(token).isInputHeld);
  world.put("k", "v");
  world.drain(token);
  assert.equal(eventsOf(world.responses(token)).length, length);
});
