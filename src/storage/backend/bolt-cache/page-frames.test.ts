import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { newSpan } from "../../../base/span.ts";
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
    const found = newSpan();
    if (!frames.find(id, found)) {
      frames.load(id, found);
      found.bytes.fill(id % 251, found.start, found.end);
    }
    assert.equal(found.end - found.start, PAGE_BYTES);
    kept.push({ loads: frames.loads, id, bytes: found.bytes.subarray(found.start, found.end) });
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
  const seen = new Map<Uint8Array, number>();
  const page = newSpan();
  for (let id = 0; id < 20_000; id++) {
    frames.load(id, page);
    seen.set(page.bytes, page.bytes.length);
  }
  const bytes = [...seen.values()].reduce((sum, each) => sum + each, 0);
  assert.ok(bytes <= (100 + FRAME_LOADS_MIN + 64) * PAGE_BYTES, `${bytes} bytes`);
  assert.equal(frames.has(0), false);
  assert.equal(frames.find(0, page), false);
  assert.equal(frames.has(19_999), true);
});
