import assert from "node:assert/strict";
import { test } from "node:test";
import { Quota } from "./quota.ts";

const PLENTY = { freeBytes: Number.POSITIVE_INFINITY, isShort: false };

test("refused exactly from size plus cost = quota on; what costs nothing never", () => {
  const backend = { sizeBytes: 700, sizeInUseBytes: 100 };
  const quota = new Quota(backend, 1000, PLENTY);
  assert.equal(quota.hasRoom(299), true);
  assert.equal(quota.hasRoom(300), false);
  backend.sizeBytes = 5000;
  assert.equal(quota.hasRoom(1), false);
  assert.equal(quota.hasRoom(0), true);
});

test("a negative quota is none", () => {
  const quota = new Quota({ sizeBytes: 2 ** 50, sizeInUseBytes: 0 }, -7, PLENTY);
  assert.equal(quota.hasRoom(2 ** 40), true);
  assert.equal(quota.configuredBytes, -7);
});

test("a disk that is about to be full has no room, whatever the quota", () => {
  const disk = { freeBytes: 5, isShort: true };
  const quota = new Quota({ sizeBytes: 0, sizeInUseBytes: 0 }, -1, disk);
  assert.equal(quota.hasRoom(1), false);
  assert.equal(quota.hasRoom(0), true);
  disk.isShort = false;
  assert.equal(quota.hasRoom(1), true);
});
