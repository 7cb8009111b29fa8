import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32cUpdate } from "../../base/crc32c.ts";
import { CountedPages } from "./counted-pages.ts";
import { imageStatus } from "./image-status.ts";
import { LiveKeys } from "./live-keys.ts";
import { BoltReader } from "../backend/bolt/reader.ts";
import { bytesOf, newRig, someChanges, writeSnapshot } from "./testing/rig.ts";

test("hash over all buckets, last revision, live keys, size, version", () => {
  const { disk } = newRig();
  const changes = someChanges(700);
  writeSnapshot(disk, "/snap", changes);
  const file = disk.openSync("/snap", {});
  const live = new Set<string>();
  for (const { key, value } of changes) {
    if (value === null) live.delete(key);
    else live.add(key);
  }
  const reader = new BoltReader(disk, file, "/snap");
  let hash = 0;
  const add = (bytes: Uint8Array, start: number, end: number): void => {
    hash = crc32cUpdate(hash, bytes, start, end);
  };
  for (const name of reader.buckets) {
    add(Buffer.from(name), 0, name.length);
    for (const tree = reader.tree(name); tree.next();) {
      add(tree.key.bytes, tree.key.start, tree.key.end);
      add(tree.value.bytes, tree.value.start, tree.value.end);
    }
  }
  assert.deepEqual(imageStatus(new CountedPages(disk, file, "/snap")), {
    ...{ hash, revision: 701, totalKey: live.size, version: "3.7.0" },
    totalSize: reader.pages.endPage * reader.pages.pageBytes,
  });
  assert.equal(bytesOf(disk, "/snap").length % 512, 32);
});

test("live keys: bytes count, not texts", () => {
  const keys = new LiveKeys();
  const span = (...bytes: number[]) => ({
    bytes: Uint8Array.from(bytes),
    start: 0,
    end: bytes.length,
  });
  for (const key of [span(0xff), span(0xc3, 0xbf), span(0xff), span(), span(0)]) keys.add(key);
  assert.equal(keys.count, 4);
  keys.delete(span(0xff));
  keys.delete(span(7));
  assert.equal(keys.count, 3);
});
