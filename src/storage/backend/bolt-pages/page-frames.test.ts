import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { FRAME_LOADS_MIN, PageFrames } from "./page-frames.ts";

const PAGE_BYTES = 64;
const SEED = 20261121;

test(`bytes outlive ${FRAME_LOADS_MIN} loads, whatever is dropped meanwhile (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const frames = new PageFrames(PAGE_BYTES, 200 * PAGE_BYTES);
  const kept: { readonly loads: number; readonly id: number; readonly bytes: Uint8Array }[] = [];
  const over: { readonly id: number; readonly bytes: Uint8Array }[] = [];
  for (let step = 0; step < 40_000; step++) {
    const id = prng.uint32() % 2000;
    // As when a commit gives pages up by the thousand: frames are lost, and none is loaded.
    if (step % 5000 === 0) for (let each = 0; each < 2000; each++) frames.delete(each);
    const found = frames.get(id) ?? frames.load(id).fill(id % 251);
    kept.push({ loads: frames.loads, id, bytes: found });
    while (frames.loads - kept[0]!.loads > FRAME_LOADS_MIN) {
      over.push(kept.shift()!);
    }
    for (const at of [0, kept.length >> 1]) {
      assert.equal(kept[at]!.bytes[0], kept[at]!.id % 251, `seed ${SEED}, step ${step}`);
    }
  }
  const reused = over.filter((each) => each.bytes[0] !== each.id % 251).length;
  assert.ok(reused > 1000, "no frame was used again: the test shows nothing");
});

test("memory is that of the pages it may hold, and no more than is needed", () => {
  const frames = new PageFrames(PAGE_BYTES, 100 * PAGE_BYTES);
  const seen = new Set<Uint8Array>();
  for (let id = 0; id < 20_000; id++) seen.add(frames.load(id));
  assert.ok(seen.size <= 100 + FRAME_LOADS_MIN + 2, `${seen.size} frames`);
  assert.equal(frames.get(0), null);
  assert.notEqual(frames.get(19_999), null);
});
