import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { copySectorSums, pageSum, SECTOR_BYTES, sectorSum } from "./page-sum.ts";

const SEED = 20261121;

function randomPage(prng: Prng, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => prng.below(256));
}

test("it is XXH32 of the XXH32 of the sectors", () => {
  // Computed by another implementation, which gives the published sums of texts.
  const words = (bytes: number, step: number): Int32Array =>
    new Int32Array(Uint8Array.from({ length: bytes }, (_, i) => i * step).buffer);
  const sumOf = (all: Int32Array): number => sectorSum(all, 0, all.length) >>> 0;
  assert.equal(sumOf(words(16, 1)), 0xb728_37f4);
  assert.equal(sumOf(words(512, 0)), 0x32c1_53de);
  assert.equal(sumOf(words(4096, 7)), 0xc1ff_0304);

  for (const sectors of [1, 2, 8, 24]) {
    const page = words(sectors * SECTOR_BYTES, 7);
    const sums = new Int32Array(Math.ceil(sectors / 4) * 4);
    for (let i = 0; i < sectors; i += 1) sums[i] = sectorSum(page, i * 128, (i + 1) * 128);
    assert.equal(pageSum(new Uint8Array(page.buffer)), sumOf(sums), `${sectors} sectors`);
    const copied = new Int32Array(sectors + 1);
    copySectorSums(copied, 1, sectors);
    assert.deepEqual(copied.subarray(1), sums.subarray(0, sectors));
  }
});

test("every change of one or two bits gives another sum", () => {
  const page = randomPage(new Prng(SEED), 512);
  const sound = pageSum(page);
  const flip = (bit: number): number => (page[bit >> 3]! ^= 1 << (bit & 7));
  for (let first = 0; first < 4096; first += 1) {
    flip(first);
    assert.notEqual(pageSum(page), sound, `bit ${first}`);
    // All pairs would take a minute: those of the same and the next words of each lane.
    for (let second = first + 1; second < Math.min(first + 200, 4096); second += 1) {
      flip(second);
      assert.notEqual(pageSum(page), sound, `bits ${first} and ${second}`);
      flip(second);
    }
    flip(first);
  }
  assert.equal(pageSum(page), sound);
});

test("words in another order, zeros of another length, sectors of before: another sum", () => {
  const prng = new Prng(SEED);
  const page = randomPage(prng, 4096);
  const sums = new Set([pageSum(page)]);
  for (let word = 0; word < 1020; word += 1) {
    const swapped = page.slice();
    swapped.copyWithin(word * 4, word * 4 + 16, word * 4 + 20);
    swapped.set(page.subarray(word * 4, word * 4 + 4), word * 4 + 16);
    sums.add(pageSum(swapped));
  }
  for (let sector = 0; sector < 4096; sector += 512) {
    sums.add(pageSum(page.slice().fill(0, sector, sector + 512)));
  }
  for (let bytes = 512; bytes <= 65_536; bytes *= 2) sums.add(pageSum(new Uint8Array(bytes)));
  assert.equal(sums.size, 1 + 1020 + 8 + 8);
});

test("a page has one sum wherever it lies in memory, and it is never 0", () => {
  const prng = new Prng(SEED);
  for (let round = 0; round < 50; round += 1) {
    const page = randomPage(prng, 512);
    const around = new Uint8Array(600);
    for (const at of [0, 1, 2, 3, 4, 80]) {
      around.set(page, at);
      assert.equal(pageSum(around.subarray(at, at + 512)), pageSum(page));
    }
    assert.ok(pageSum(page) > 0);
  }
});
