import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { checkDatabase } from "../bolt-pages/check.ts";
import { BoltError } from "../bolt-pages/error.ts";
import { PageFile } from "../bolt-pages/page-file.ts";
import { contentOf, RandomWriter } from "../testing/random-writer.ts";
import { DB, SummedDatabase } from "../testing/summed-database.ts";

const SEED = 20261121;
const PAGE_BYTES = 1024;
/** Pages of the database whose bytes are all flipped. */
const PAGES_MAX = 24;

/** A small database, what it holds, and what it held one commit before. */
interface Small {
  readonly world: SummedDatabase;
  readonly state: string;
  readonly before: string;
  readonly pages: number;
  readonly isTreePage: (id: number) => boolean;
}

function smallDatabase(seed: number): Small {
  const world = new SummedDatabase(seed);
  const writer = new RandomWriter(seed);
  const backend = world.open();
  const states: string[] = [];
  while (backend.sizeInUseBytes < (PAGES_MAX / 3) * PAGE_BYTES || states.length < 6) {
    states.push(writer.states.get(writer.batch(backend, 12))!);
    world.clock.runFor(50);
  }
  world.close(backend);
  const file = world.disk.openSync(DB, {});
  const { pages, isTreePage } = checkDatabase(new PageFile(world.disk, file, DB));
  world.disk.closeSync(file);
  const state = states.at(-1)!;
  // An empty batch is no commit.
  const before = states.findLast((each) => each !== state)!;
  return { world, state, before, pages, isTreePage };
}

function contentIn({ world }: Small): string | BoltError {
  try {
    const backend = world.open();
    const content = contentOf(backend);
    world.close(backend);
    return content;
  } catch (error) {
    if (error instanceof BoltError) return error;
    throw error;
  }
}

test(`any byte of the database flipped: refused, or nothing changed (seed ${SEED})`, () => {
  const small = smallDatabase(SEED);
  const { world, state, before, pages, isTreePage } = small;
  let refused = 0;
  let harmless = 0;
  for (let at = 0; at < pages * PAGE_BYTES; at += 1) {
    const page = Math.floor(at / PAGE_BYTES);
    // Nothing looks at free pages: some bytes of each are enough.
    if (page > 1 && !isTreePage(page) && at % 7 !== 0) continue;
    const mask = 1 << ((at * 7) % 8);
    world.disk.flip(DB, at, mask);
    const found = contentIn(small);
    world.disk.flip(DB, at, mask);
    const where = `byte ${at}, page ${page}`;
    if (page > 1 && isTreePage(page)) {
      assert.ok(found instanceof BoltError && found.code === "damaged", where);
      assert.ok(found.page <= page && found.offset === found.page * PAGE_BYTES, where);
      refused += 1;
    } else if (page > 1) {
      assert.equal(found, state, where);
      harmless += 1;
    } else {
      // The meta page of the newest commit: the one before it is whole.
      assert.ok(found === state || found === before, where);
    }
  }
  assert.ok(refused > 3000 && harmless > 500, `${refused} refused, ${harmless} harmless`);
  assert.equal(contentIn(small), state);
});

test(`pages that change after the start are refused when they are read (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const small = smallDatabase(SEED + 1);
  const { world, state, pages, isTreePage } = small;
  let refused = 0;
  for (let round = 0; round < 600; round += 1) {
    const page = 2 + (round % (pages - 2));
    const at = page * PAGE_BYTES + prng.below(PAGE_BYTES);
    const backend = world.open();
    const mask = 1 << prng.below(8);
    world.disk.flip(DB, at, mask);
    const read = (): string => contentOf(backend);
    if (isTreePage(page)) {
      const damaged = readOrError(read);
      // Branches and buckets that were read at the opening are in memory.
      if (damaged instanceof BoltError) {
        assert.equal(damaged.code, "damaged");
        assert.ok(damaged.page <= page && damaged.page > 1, `round ${round}`);
        assert.ok(readOrError(read) instanceof BoltError, "served the second time");
        refused += 1;
      } else assert.equal(damaged, state, `round ${round}`);
    } else assert.equal(read(), state, `round ${round}`);
    world.crash("kill");
    world.disk.flip(DB, at, mask);
  }
  assert.ok(refused > 100, `${refused} refused`);
});

function readOrError(read: () => string): string | BoltError {
  try {
    return read();
  } catch (error) {
    if (error instanceof BoltError) return error;
    throw error;
  }
}
