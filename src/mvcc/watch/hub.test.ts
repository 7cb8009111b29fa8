import assert from "node:assert/strict";
import { test } from "node:test";
import { newSpan } from "../../base/span.ts";
import { openMemoryBackend } from "../../storage/backend/memory/memory-backend.ts";
import { openStore } from "../store/kv-store.ts";
import type { KvStore } from "../store/store.ts";
import { WatchHub } from "./hub.ts";
import { type Delivery, WatchFlag, Watcher, type WatchOwner } from "./watcher.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What watchers were given. */
class Reader implements WatchOwner {
  liveWatchers = 0;
  readonly revisions = new Map<Watcher, number>();
  deliveries = 0;
  bytesMost = 0;
  notHeld = 0;

  deliver(watcher: Watcher, { body, last, eventBytes }: Delivery): boolean {
    this.revisions.set(watcher, last);
    this.deliveries += 1;
    if (body === null) this.notHeld += 1;
    this.bytesMost = Math.max(this.bytesMost, eventBytes);
    return true;
  }

  compacted(): void {
    assert.fail("nothing was compacted");
  }
}

function newWorld(): { store: KvStore; hub: WatchHub; put: (key: string, value: string) => void } {
  const backend = openMemoryBackend();
  const store = openStore({ backend, hashSeed: 1, onPublish: () => hub.published(0) });
  const hub = new WatchHub({ store, hashSeed: 1, onWork: () => {} });
  const put = (key: string, value: string): void => {
    store.begin();
    store.put(newSpan(utf8(key)), newSpan(utf8(value)), 0n);
    store.end();
  };
  return { store, hub, put };
}

test("who is near does not wait for one who reads all, whoever was there before", () => {
  const { store, hub, put } = newWorld();
  for (let i = 0; i < 30_000; i += 1) put("k", "v");
  const reader = new Reader();
  const spec = { key: utf8("k"), end: null, flags: 0 };
  const far = new Watcher(reader, spec);
  hub.add(far, 2);
  for (let i = 0; i < 20; i += 1) hub.stepOthers(0);
  const near = new Watcher(reader, { ...spec, flags: WatchFlag.noDelete });
  hub.add(near, store.currentRevision - 10);
  let steps = 0;
  while (!reader.revisions.has(near)) {
    hub.stepOthers(0);
    steps += 1;
    assert.ok(steps < 200, "it waits");
  }
  assert.ok(reader.revisions.get(far)! < 20_000);
});

test("large values end a response with their revision", () => {
  const { hub, put } = newWorld();
  for (let i = 0; i < 40; i += 1) put("k", "v".repeat(200_000));
  const reader = new Reader();
  hub.add(new Watcher(reader, { key: utf8("k"), end: null, flags: 0 }), 2);
  while (hub.stepOthers(0));
  assert.equal(reader.deliveries, 40);
  assert.ok(reader.bytesMost < 201_000);
});

test("events of one revision for many watchers are held up to 4 MiB in all", () => {
  const { store, hub, put } = newWorld();
  const reader = new Reader();
  for (let i = 0; i < 400; i += 1) {
    put(`k${i}`, "v".repeat(100_000));
    const spec = { key: utf8(`k${i}`), end: null, flags: WatchFlag.prevKv };
    hub.add(new Watcher(reader, spec), store.currentRevision + 1);
    while (hub.stepLive(0) || hub.stepOthers(0));
  }
  store.begin();
  store.deleteRange({ key: newSpan(utf8("k")), end: newSpan(utf8("l")) }, 1000);
  store.end();
  while (hub.stepLive(0));
  assert.equal(reader.deliveries, 400, "nobody is forgotten");
  assert.equal(reader.notHeld, 400 - Math.floor((4 * 1024 * 1024) / 100_020));
});
