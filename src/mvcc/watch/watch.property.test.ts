import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { newSpan } from "../../base/span.ts";
import { decodeWatchResponse } from "../../proto/gen/etcdserverpb.ts";
import type { Event } from "../../proto/gen/mvccpb.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { openStore } from "../store/kv-store.ts";
import type { KvStore } from "../store/store.ts";
import { EventScan } from "./event-scan.ts";
import { WatchHub } from "./hub.ts";
import { type Delivery, NO_END, WatchFlag, Watcher, type WatchOwner } from "./watcher.ts";
import type { WatchSpec } from "./watcher.ts";

const RUNS = 60;
const STEPS = 400;
const KEYS = ["a", "b", "ba", "bb", "c", "ca", "d", "\0", "\xff"];
const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** What a change is to who watches it, without what was before. */
interface Change {
  readonly main: number;
  readonly key: string;
  /** Null: deleted. */
  readonly value: string | null;
}

/** The history as it must be told. */
class Model {
  readonly changes: Change[] = [];

  wanted({ key, end, flags }: WatchSpec, from: number): Change[] {
    const first = textOf(key);
    const last = end === null || end === NO_END ? null : textOf(end);
    return this.changes.filter((change) => {
      if (change.main < from) return false;
      const flag = change.value === null ? WatchFlag.noDelete : WatchFlag.noPut;
      if ((flags & flag) !== 0) return false;
      if (end === null) return change.key === first;
      return change.key >= first && (last === null || change.key < last);
    });
  }

  /** The value of a key at a revision. */
  at(key: string, revision: number): string | null {
    const found = this.changes.findLast((one) => one.key === key && one.main <= revision);
    return found?.value ?? null;
  }
}

interface Got {
  readonly event: Event;
  readonly delivery: number;
  readonly compactRevision: number;
}

/** A client that reads, or does not. */
class Reader implements WatchOwner {
  liveWatchers = 0;
  readonly world: World;
  /** Deliveries it has room for. */
  room = Number.POSITIVE_INFINITY;
  parked = new Set<Watcher>();
  readonly got = new Map<Watcher, Got[]>();
  readonly compactedAt = new Map<Watcher, number>();
  #deliveries = 0;

  constructor(world: World) {
    this.world = world;
  }

  deliver(watcher: Watcher, delivery: Delivery): boolean {
    if (this.room <= 0) {
      this.parked.add(watcher);
      return false;
    }
    this.room -= 1;
    this.#deliveries += 1;
    const events = this.#eventsOf(watcher, delivery);
    assert.equal(events.length, delivery.events, this.world.label);
    const { compactRevision } = this.world.store;
    for (const event of events) {
      const { modRevision } = event.kv!;
      assert.ok(modRevision >= delivery.first && modRevision <= delivery.last, this.world.label);
      this.got.get(watcher)!.push({ event, delivery: this.#deliveries, compactRevision });
    }
    if (delivery.isLive) {
      assert.equal(new Set(events.map(({ kv }) => kv!.modRevision)).size, 1, "live: one revision");
      assert.equal(events[0]!.kv!.modRevision, delivery.last, "live: told by its revision");
    }
    return true;
  }

  compacted(watcher: Watcher, compactRevision: number): void {
    assert.ok(!this.compactedAt.has(watcher), "told twice of compaction");
    this.compactedAt.set(watcher, compactRevision);
  }

  /** The bytes that were handed over, and the same read from the store in small parts. */
  #eventsOf(watcher: Watcher, { body, first, last, events, eventBytes, view }: Delivery): Event[] {
    assert.ok(body !== null);
    const held = Uint8Array.from(body.bytes.subarray(body.start, body.end));
    const told = decodeWatchResponse(held, 0, held.length).events;
    // Nobody went on with it for too long.
    if (view.isCancelled) return told;
    const room = new Uint8Array(eventBytes);
    const revisions = { first, last, prevFrom: view.revision };
    const scan = new EventScan(this.world.store, watcher.spec, revisions);
    let at = 0;
    for (let left = events; left > 0; left -= 1) {
      let state = scan.next();
      while (state === "paused") state = scan.next();
      assert.equal(state, "event", `${this.world.label}: the scan has fewer events`);
      const bytes = scan.size();
      for (let done = 0; done < bytes;) {
        const maxBytes = this.world.prng.between(1, 20);
        done += scan.copyPart(done, { into: room, at: at + done, maxBytes });
        assert.ok(scan.again());
      }
      at += bytes;
    }
    assert.equal(at, eventBytes, this.world.label);
    assert.deepEqual(Buffer.from(held), Buffer.from(room), this.world.label);
    return told;
  }
}

class World {
  readonly prng: Prng;
  readonly label: string;
  readonly model = new Model();
  readonly store: KvStore;
  readonly hub: WatchHub;
  readonly readers: Reader[];
  readonly starts = new Map<Watcher, number>();
  readonly removed = new Set<Watcher>();
  nowMs = 0;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.label = `seed ${seed}`;
    const backend = openMemoryBackend();
    const onPublish = (): void => this.hub.published(this.nowMs);
    this.store = openStore({ backend, hashSeed: seed, onPublish });
    this.hub = new WatchHub({ store: this.store, hashSeed: seed, onWork: () => {} });
    this.readers = [new Reader(this), new Reader(this), new Reader(this)];
  }

  key(): string {
    return KEYS[this.prng.below(KEYS.length)]!;
  }

  write(): void {
    const { store, model, prng } = this;
    const main = store.begin();
    for (let left = prng.between(1, 4); left > 0; left -= 1) {
      const key = this.key();
      if (prng.chance(0.7)) {
        const value = "v".repeat(prng.below(20));
        store.put(newSpan(latin(key)), newSpan(latin(value)), 0n);
        model.changes.push({ main, key, value });
      } else if (store.delete(newSpan(latin(key)))) {
        model.changes.push({ main, key, value: null });
      }
    }
    store.end();
  }

  watch(): void {
    const { prng, store, hub } = this;
    const kind = prng.below(4);
    const [low, high] = [this.key(), this.key()].sort();
    let end: Uint8Array | null = null;
    if (kind === 1) end = NO_END;
    else if (kind > 1 && low! < high!) end = latin(high!);
    const spec = { key: latin(low!), end, flags: prng.chance(0.5) ? 0 : prng.below(8) };
    const reader = this.readers[prng.below(this.readers.length)]!;
    const watcher = new Watcher(reader, spec);
    reader.got.set(watcher, []);
    const { currentRevision } = store;
    const from = prng.chance(0.5) ? currentRevision + 1 : prng.between(1, currentRevision + 5);
    this.starts.set(watcher, from);
    hub.add(watcher, from);
  }

  /** One of those that are left. */
  someone(): Watcher | undefined {
    const all = [...this.starts.keys()].filter((watcher) => !this.removed.has(watcher));
    return all.length === 0 ? undefined : all[this.prng.below(all.length)];
  }

  remove(watcher: Watcher): void {
    this.hub.remove(watcher);
    this.removed.add(watcher);
  }

  resume(reader: Reader, room: number): void {
    reader.room = room;
    if (room === 0) return;
    this.hub.resumeAll(reader.parked.values());
    reader.parked = new Set();
  }

  work(steps: number): void {
    for (let left = steps; left > 0; left -= 1) {
      const isLive = this.prng.chance(0.5);
      const isBusy = isLive ? this.hub.stepLive(this.nowMs) : this.hub.stepOthers(this.nowMs);
      if (!isBusy && this.prng.chance(0.3)) return;
    }
  }

  /** A compaction whose work is done before anybody is told what was written. */
  compactNow(): void {
    const { store } = this;
    store.compact(store.currentRevision);
    while (store.compactStep(100) === "working");
  }

  settle(): void {
    for (let left = 100_000; left > 0; left -= 1) {
      const isLiveBusy = this.hub.stepLive(this.nowMs);
      if (!this.hub.stepOthers(this.nowMs) && !isLiveBusy) return;
    }
    assert.fail(`${this.label}: no end`);
  }

  step(): void {
    const { prng, store } = this;
    const kind = prng.below(100);
    if (kind < 45) this.write();
    else if (kind < 60) this.watch();
    else if (kind < 65) {
      const watcher = this.someone();
      if (watcher !== undefined) this.remove(watcher);
    } else if (kind < 72) {
      this.resume(this.readers[prng.below(3)]!, prng.chance(0.6) ? prng.below(4) : 1e9);
    } else if (kind < 75) {
      store.compact(Math.max(1, store.currentRevision - prng.below(30)));
    } else if (kind < 80) store.compactStep(prng.between(1, 50));
    else if (kind < 82) this.compactNow();
    else if (kind < 83) {
      this.nowMs += 40_000;
      store.expireViews(this.nowMs);
    } else this.work(prng.between(1, 12));
    this.checkPosition();
  }

  /** What a progress report would promise now is so. */
  checkPosition(): void {
    const { position } = this.hub;
    for (const reader of this.readers) {
      for (const [watcher, got] of reader.got) {
        if (watcher.state !== "live") continue;
        const all = this.model.wanted(watcher.spec, this.starts.get(watcher)!);
        const told = all.filter(({ main }) => main <= position).length;
        assert.ok(got.length >= told, `${this.label}: progress ${position} is too early`);
      }
    }
  }

  /** Everything that was told is a beginning of what was to be told. */
  check(isSettled: boolean): void {
    for (const reader of this.readers) {
      let live = 0;
      for (const [watcher, got] of reader.got) {
        if (watcher.state === "live") live += 1;
        this.#checkOne(reader, watcher, got, isSettled);
      }
      assert.equal(reader.liveWatchers, live, this.label);
    }
  }

  #checkOne(reader: Reader, watcher: Watcher, got: Got[], isSettled: boolean): void {
    const { label, model, store } = this;
    const from = this.starts.get(watcher)!;
    const wanted = model.wanted(watcher.spec, from);
    const told = got.map(({ event }) => ({
      main: event.kv!.modRevision,
      key: textOf(event.kv!.key),
      value: event.type === 1 ? null : textOf(event.kv!.value),
    }));
    assert.deepEqual(told, wanted.slice(0, told.length), label);
    for (const [at, one] of got.entries()) {
      this.#checkPrev(watcher, one);
      const next = got[at + 1];
      if (next === undefined || next.event.kv!.modRevision !== one.event.kv!.modRevision) continue;
      assert.equal(next.delivery, one.delivery, `${label}: a revision is split`);
    }
    const rest = wanted[told.length]?.main;
    const before = wanted[told.length - 1]?.main;
    assert.ok(told.length === 0 || rest !== before, `${label}: a part of a revision`);
    const compacted = reader.compactedAt.get(watcher);
    if (compacted !== undefined) {
      const reached = told.length === 0 ? from : before! + 1;
      assert.ok(reached < compacted, `${label}: cancelled without need`);
    } else if (isSettled && !this.removed.has(watcher)) {
      assert.equal(told.length, wanted.length, `${label}: something was not told`);
      const state = from > store.currentRevision + 1 ? "scheduled" : "live";
      assert.equal(watcher.state, state, label);
    }
  }

  #checkPrev({ spec }: Watcher, { event, compactRevision }: Got): void {
    const { modRevision, key } = event.kv!;
    const before = this.model.at(textOf(key), modRevision - 1);
    const isCreation = event.type === 0 && event.kv!.createRevision === modRevision;
    const isWanted = (spec.flags & WatchFlag.prevKv) !== 0 && !isCreation;
    const told = event.prevKv === undefined ? null : textOf(event.prevKv.value);
    // It may have been looked up before the compaction.
    if (told === null && modRevision - 1 < compactRevision) return;
    assert.equal(told, isWanted ? before : null, `${this.label}: prev_kv`);
  }
}

test("watchers are told exactly what happened, whatever reads, pauses and compactions", () => {
  const seed = Number(process.env["SEED"] ?? 20_261_122);
  let compacted = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const world = new World(seed + run);
    for (let step = 0; step < STEPS; step += 1) world.step();
    world.check(false);
    for (const reader of world.readers) world.resume(reader, Number.POSITIVE_INFINITY);
    world.settle();
    world.check(true);
    for (const reader of world.readers) compacted += reader.compactedAt.size;
    const left = [...world.starts.keys()].filter((watcher) => !world.removed.has(watcher));
    assert.equal(world.hub.watchers, left.length);
    world.hub.removeAll(left[Symbol.iterator]());
    world.settle();
    assert.equal(world.hub.watchers, 0);
    assert.equal(world.hub.slowWatchers, 0);
  }
  assert.ok(compacted > 20, `only ${compacted} watchers met a compaction`);
});
