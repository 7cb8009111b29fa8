import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "./prng.ts";
import { Slab } from "./slab.ts";

const MIB = 1 << 20;

test("blocks keep their bytes through frees, moves and large blocks", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const prng = new Prng(seed);
    const slab = new Slab(2 + (seed % 5));
    const live = new Map<number, { length: number; mark: number }>();
    const fill = (location: number, length: number, mark: number): void => {
      slab.bytes(location).fill(mark, slab.start(location), slab.start(location) + length);
      live.set(location, { length, mark });
    };
    const move = (location: number): void => {
      const block = live.get(location);
      assert.ok(block, `seed ${seed}: asked to move what is not there`);
      const moved = slab.alloc(block.length);
      const from = slab.bytes(location);
      const start = slab.start(location);
      slab.bytes(moved).set(from.subarray(start, start + block.length), slab.start(moved));
      slab.free(location);
      live.delete(location);
      live.set(moved, block);
    };
    for (let step = 0; step < 4000; step++) {
      const isLarge = prng.below(300) === 0;
      const length = isLarge ? prng.below(2 * MIB) : prng.below(prng.below(20) === 0 ? 9000 : 900);
      const isGrowing = step % 2000 < 1200;
      if (prng.below(10) < (isGrowing ? 8 : 2)) {
        const location = slab.alloc(length);
        assert.ok(location >= 1 && location < 2 ** 32);
        assert.equal(live.has(location), false, `seed ${seed}: handed out twice`);
        assert.equal(slab.length(location), length);
        fill(location, length, step & 0xff);
      } else if (live.size > 0) {
        const [location] = [...live.keys()].slice(prng.below(live.size));
        slab.free(location);
        live.delete(location);
      }
      if (prng.below(10) === 0) slab.reclaim(prng.below(50_000), move);
    }
    while (slab.reclaim(MIB, move));
    for (const [location, { length, mark }] of live) {
      const start = slab.start(location);
      const bytes = slab.bytes(location).subarray(start, start + length);
      assert.ok(
        bytes.every((b) => b === mark),
        `seed ${seed}: bytes changed`,
      );
    }
    for (const location of live.keys()) slab.free(location);
    assert.equal(slab.liveBytes, 0);
  }
});

test("waste stays bounded when one block in fifty survives", () => {
  const slab = new Slab(4);
  let kept: number[] = [];
  for (let i = 0; i < 200_000; i++) {
    const location = slab.alloc(300);
    if (i % 50 === 0) kept.push(location);
    else slab.free(location);
  }
  const move = (location: number): void => {
    kept = kept.filter((l) => l !== location);
    kept.push(slab.alloc(300));
    slab.free(location);
  };
  while (slab.reclaim(MIB, move));
  const waste = slab.capacityBytes - slab.liveBytes;
  assert.ok(waste <= 4 * MIB + 5 * MIB, `waste ${waste}`);
  assert.ok(slab.liveBytes >= 4000 * 300);
});

test("freeing twice is a bug of the caller", () => {
  const slab = new Slab(2);
  const location = slab.alloc(10);
  slab.alloc(10);
  slab.free(location);
  assert.throws(() => slab.free(location), /twice/u);
});
