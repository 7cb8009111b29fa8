import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { ARENA_BYTES, PageArenas } from "./page-arenas.ts";

const PAGE_BYTES = 4096;
const SEED = 20261122;

test(`pages in use keep their bytes, new ones are zeros, pieces come again (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  let toldOf = 0;
  const arenas = new PageArenas(() => void (toldOf += 1));
  const held: { readonly page: Uint8Array; readonly mark: number }[] = [];
  const pieces = new Set<ArrayBufferLike>();
  for (let step = 1; step <= 20_000; step += 1) {
    const isLarge = prng.below(500) === 0;
    const page = arenas.take((isLarge ? 40 : 1 + prng.below(3)) * PAGE_BYTES);
    assert.ok(
      page.every((byte) => byte === 0),
      `step ${step}`,
    );
    const mark = 1 + (step % 250);
    page.fill(mark);
    held.push({ page, mark });
    if (!isLarge) pieces.add(page.buffer);
    // Mostly the oldest go, as with commits; some stay for long.
    while (held.length > 200) {
      const [gone] = held.splice(prng.below(20) === 0 ? 199 : prng.below(20), 1);
      assert.ok(gone!.page.every((byte) => byte === gone!.mark));
      arenas.give(gone!.page);
    }
  }
  for (const { page, mark } of held) assert.ok(page.every((byte) => byte === mark));
  assert.ok(toldOf > 300, `${toldOf} pieces rested`);
  assert.ok(pieces.size < 100, `${pieces.size} pieces of ${ARENA_BYTES} bytes`);
});

test("a piece rests before it is used again: what looks at it has some time", () => {
  let toldOf = 0;
  const arenas = new PageArenas(() => void (toldOf += 1));
  const fill = (): Uint8Array[] =>
    Array.from({ length: ARENA_BYTES / PAGE_BYTES }, () => arenas.take(PAGE_BYTES));
  const first = fill();
  first[0]!.fill(7);
  arenas.take(PAGE_BYTES);
  for (const [place, page] of first.entries()) {
    assert.equal(toldOf, 0, `told with page ${place}`);
    arenas.give(page);
  }
  assert.equal(toldOf, 1, "with its last page");
  for (let pieces = 0; pieces < 3; pieces += 1) for (const page of fill()) arenas.give(page);
  assert.equal(first[0]![0], 7);
});
