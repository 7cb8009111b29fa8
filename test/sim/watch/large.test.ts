import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchResponse } from "../../../src/proto/gen/etcdserverpb.ts";
import type { Token } from "../../../src/service/rpc.ts";
import { WatchWorld } from "./world.ts";

const SEED = Number(process.env["SEED"] ?? 20_261_122);
const ALL = { rangeEnd: Uint8Array.of(0) };
/** Of one event more than is held: it is read while its reader takes it. */
const LARGE = 200_000;

/** One watcher of `k` with prev_kv, to whom an event of twice LARGE is under way. */
function underWay(world: WatchWorld): Token {
  const token = world.open();
  world.put("k", "a".repeat(LARGE));
  world.watch(token, "k", { prevKv: true });
  world.drain(token);
  world.put("k", "b".repeat(LARGE));
  world.clock.runFor(50);
  return token;
}

/** A deletion of 6 MB under way in fragments, to watcher 5 and then to watcher 6. */
function fragmentsUnderWay(world: WatchWorld): Token {
  const token = world.open();
  for (let at = 0; at < 6000; at += 100) {
    const keys = Array.from({ length: 100 }, (_, i) => `k${at + i}`);
    world.putAll(keys, "v".repeat(1000));
  }
  for (const watchId of [5n, 6n]) {
    world.watch(token, "k", { ...ALL, prevKv: true, fragment: true, watchId });
  }
  world.drain(token);
  world.delete("k", "l");
  world.clock.runFor(500);
  return token;
}

const kindOf = ({ watchId, created, canceled, fragment, events }: WatchResponse): string => {
  const kind = created ? "created" : canceled ? "canceled" : fragment ? "fragment" : "whole";
  return `${watchId} ${kind}${events.length > 0 ? " events" : ""}`;
};

test("what was before an event is kept while its reader goes on, whatever is compacted", () => {
  for (const takenBefore of [0, 10, 300_000]) {
    const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
    const token = underWay(world);
    world.sink.take(token, takenBefore);
    world.compact(world.revision);
    world.clock.runFor(5000);
    world.drain(token);
    assert.equal(world.reader(token).end, null);
    const [event] = world.responses(token).at(-1)!.events;
    assert.equal(event!.kv!.value.length, LARGE);
    assert.equal(event!.prevKv!.value.length, LARGE, `after ${takenBefore} bytes`);
  }
});

test("who does not read for long loses what was compacted, and holds up nothing", () => {
  for (const takenBefore of [0, 10, 300_000]) {
    const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
    const token = underWay(world);
    world.sink.take(token, takenBefore);
    world.clock.runFor(40_000);
    const { revision } = world;
    world.compact(revision);
    world.clock.runFor(5000);
    const { store } = world.member.core;
    assert.equal(store.finishedCompactRevision, revision, "compaction does not wait");
    world.sink.take(token, 1e9);
    assert.match(world.reader(token).end ?? "", /compacted/, `after ${takenBefore} bytes`);
  }
});

test("who does not read for long goes on when nothing was compacted", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
  const token = underWay(world);
  world.sink.take(token, 300_000);
  world.clock.runFor(90_000);
  world.drain(token);
  assert.equal(world.responses(token).at(-1)!.events[0]!.prevKv!.value.length, LARGE);
});

test("a call that ends lets go of the history of its large delivery", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
  const token = underWay(world);
  world.sink.take(token, 10);
  const { source } = world.reader(token).queue[0]!;
  world.member.core.service.router.cancel(token);
  assert.equal(source!.read(new Uint8Array(100), 0, 100), -1, "nothing is read any more");
  const { revision } = world;
  world.compact(revision);
  world.clock.runFor(5000);
  assert.equal(world.member.core.store.finishedCompactRevision, revision);
});

test("no event follows the answer to a cancellation, and none is told as another watcher's", () => {
  for (const isTaking of [true, false]) {
    const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
    const token = fragmentsUnderWay(world);
    if (isTaking) world.sink.take(token, 1000);
    const before = world.responses(token).length;
    world.say(token, { case: "cancelRequest", value: { watchId: 5n } });
    world.watch(token, "other", { watchId: 5n });
    world.drain(token);
    const kinds = world.responses(token).slice(before).map(kindOf);
    const end = kinds.indexOf("5 canceled");
    assert.ok(
      kinds.slice(0, end).every((kind) => kind === "5 fragment events"),
      kinds.join(),
    );
    assert.ok(end <= 1, "no fragment was begun");
    assert.equal(kinds[end + 1], "5 created");
    const others = kinds.slice(end + 2);
    assert.ok(others.length > 2, "the other watcher goes on");
    assert.ok(others.every((kind) => kind.startsWith("6 ") && kind.endsWith(" events")));
    world.put("other", "v");
    world.drain(token);
    const last = world.responses(token).slice(-2).map(kindOf).toSorted();
    assert.deepEqual(last, ["5 whole events"].concat(others.at(-1)!).toSorted());
  }
});

test("a cancellation before it is known where the first fragment ends", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.2 });
  const token = fragmentsUnderWay(world);
  world.drain(token);
  for (let at = 0; at < 600; at += 20) {
    const keys = Array.from({ length: 20 }, (_, i) => `k${at + i}`);
    world.putAll(keys, "v".repeat(10_000));
  }
  world.drain(token);
  const before = world.responses(token).length;
  world.delete("k", "l");
  const reader = world.reader(token);
  const isMeasured = (): boolean => reader.isInputHeld && reader.queue.length === 0;
  assert.ok(world.clock.runUntil(isMeasured, 10_000), "it is being measured");
  world.say(token, { case: "cancelRequest", value: { watchId: 5n } });
  world.say(token, { case: "cancelRequest", value: { watchId: 6n } });
  world.drain(token);
  assert.ok(!reader.isInputHeld);
  const kinds = world.responses(token).slice(before).map(kindOf);
  assert.deepEqual(kinds, ["5 canceled", "6 canceled"]);
});

test("nothing comes between fragments: clients put together what follows each other", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
  const token = fragmentsUnderWay(world);
  const before = world.responses(token).length;
  world.sink.take(token, 1000);
  for (let i = 0; i < 5; i += 1) {
    world.watch(token, "other");
    world.sink.take(token, 1_000_000);
    world.clock.runFor(50);
  }
  world.drain(token);
  const responses = world.responses(token).slice(before);
  assert.equal(responses.filter(({ created }) => created).length, 5);
  const gaps = responses.filter((one, at) => {
    const previous = responses[at - 1];
    return previous?.fragment === true && previous.watchId !== one.watchId;
  });
  assert.deepEqual(gaps.map(kindOf), []);
  const events = responses.flatMap((one) => one.events);
  assert.equal(events.length, 12_000);
});

test("who does not read a large delivery is not asked for more", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
  const token = underWay(world);
  assert.ok(world.reader(token).isInputHeld);
  world.drain(token);
  assert.ok(!world.reader(token).isInputHeld);
});

test("room that is told of without need starts no second message", () => {
  const world = new WatchWorld({ seed: SEED, lookMs: 0.01 });
  const token = fragmentsUnderWay(world);
  const { router } = world.member.core.service;
  for (let i = 0; i < 200; i += 1) {
    router.writable(token);
    router.writable(token);
    world.clock.runFor(1);
    const sources = world.reader(token).queue.filter(({ source }) => source !== null);
    assert.ok(sources.length <= 1, "one at a time");
    world.sink.take(token, 200_000);
  }
  world.drain(token);
  assert.equal(world.responses(token).flatMap(({ events }) => events).length, 12_000);
});

test("memory of watchers is given back as it was taken", () => {
  const world = new WatchWorld({ seed: SEED });
  const { watch } = world.member.core.service;
  const token = world.open();
  const ranges = [{}, ALL, { key: new Uint8Array(0), ...ALL }, { rangeEnd: Uint8Array.of(0x6c) }];
  for (const range of ranges) world.watch(token, "k", { ...range, watchId: 5n });
  for (const range of ranges) {
    world.say(token, { case: "cancelRequest", value: { watchId: 5n } });
    world.watch(token, "k", { ...range, watchId: 5n });
  }
  for (const range of ranges) world.watch(token, "k", range);
  assert.ok(watch.memoryBytes > 5 * 700);
  world.member.core.service.router.cancel(token);
  world.clock.runFor(100);
  assert.equal(watch.memoryBytes, 0);
});
