import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDatabase } from "../bolt-pages/check.ts";
import { type Meta, readMark } from "../bolt-pages/meta.ts";
import { PageFile } from "../bolt-pages/page-file.ts";
import { contentOf, RandomWriter } from "../testing/random-writer.ts";
import { DB, SummedDatabase, SUMS } from "../testing/summed-database.ts";
import { PageSums } from "./page-sums.ts";
import { crcOf, encodeHead, encodeRecord, RecordKind, runOf } from "./sum-records.ts";

const SEED = 20261121;
/** So that every few commits begin a new file, which takes several of them. */
const OFTEN = { outgrownBytes: 1000, outgrownPageBytes: 1, partPages: 40 };

/** So that one new file follows the other, each in two or three commits. */
const CEASELESS = { outgrownBytes: 0, outgrownPageBytes: 0, partPages: 60 };
/** Of a crash test. */
const BATCHES = 20;

/** Some commits, a close; returns what is there then. */
function writeOn(world: SummedDatabase, writer: RandomWriter, batches: number): string {
  const backend = world.open();
  let state = contentOf(backend);
  for (let i = 0; i < batches; i += 1) {
    state = writer.states.get(writer.batch(backend, 60))!;
    world.clock.runFor(i % 5 === 0 ? 3 : 50);
  }
  world.close(backend);
  return state;
}

function contentIn(world: SummedDatabase): string {
  const backend = world.open();
  const content = contentOf(backend);
  world.close(backend);
  return content;
}

function metaOf({ disk }: SummedDatabase): Meta {
  const file = disk.openSync(DB, {});
  const { meta } = new PageFile(disk, file, DB);
  disk.closeSync(file);
  return meta;
}

/** Opens it, finds `state`, and says what was logged. */
function reopen(world: SummedDatabase, state: string, message: string): string[] {
  world.said = [];
  assert.equal(contentIn(world), state, message);
  return world.said;
}

test(`sums are kept over starts, however often the file is written anew (seed ${SEED})`, () => {
  for (const tuning of [{}, OFTEN, { ...OFTEN, partPages: 15 }] as Partial<typeof OFTEN>[]) {
    const world = new SummedDatabase(SEED, tuning);
    const writer = new RandomWriter(SEED);
    for (let round = 0; round < 6; round += 1) {
      const state = writeOn(world, writer, 20);
      assert.deepEqual(reopen(world, state, `round ${round}`), [], `round ${round}`);
    }
    const { endPage } = metaOf(world);
    const bytesMax = (tuning.outgrownBytes ?? 300_000) + endPage * 16 + 20_000;
    const { length } = world.read(SUMS);
    assert.ok(length < bytesMax, `${length} bytes for ${endPage} pages`);
  }
});

test("whoever else writes the database makes the sums stale", () => {
  const world = new SummedDatabase(SEED);
  const writer = new RandomWriter(SEED);
  writeOn(world, writer, 10);
  for (let round = 0; round < 5; round += 1) {
    const other = world.open(false);
    const state = writer.states.get(writer.batch(other, 30 + round))!;
    world.close(other);
    const said = reopen(world, state, `round ${round}`);
    // Each hand-over from etcd does so: no reason for a warning.
    assert.match(said.join(), /^info page checksums are made anew: .* written by somebody/);
    assert.deepEqual(reopen(world, writeOn(world, writer, 2), "again"), []);
  }
});

test("those of a database that was cut since are longer than it, and count", () => {
  const world = new SummedDatabase(SEED);
  const state = writeOn(world, new RandomWriter(SEED), 5);
  const { txid, endPage, pageBytes } = metaOf(world);
  const mark = readMark(world.read(DB), (txid % 2) * pageBytes);
  const sums = new PageSums();
  const parts: Uint8Array[] = [encodeHead(pageBytes)];
  const add = (kind: number, pages: number): void => {
    const head = { kind, txid, mark: kind === RecordKind.commit ? mark : 0 };
    parts.push(encodeRecord(head, runOf(0, pages, sums), crcOf(parts.at(-1)!)));
  };
  // What a database of 8 GiB may have: sixteen bytes for each of two million pages.
  for (let i = 0; i < 128; i += 1) add(RecordKind.part, 64 * 1024);
  add(RecordKind.commit, endPage);
  world.write(SUMS, Buffer.concat(parts));
  assert.deepEqual(reopen(world, state, "cut"), []);
});

test("sums of another database, or of a file that is gone, are not taken", () => {
  const worlds = [1, 2].map((seed) => {
    const world = new SummedDatabase(SEED);
    return { world, state: writeOn(world, new RandomWriter(seed), 1) };
  });
  const [first, second] = worlds;
  const files = worlds.map(({ world }) => world.read(DB));
  assert.equal(metaOf(first!.world).txid, metaOf(second!.world).txid);
  first!.world.write(DB, files[1]!);
  assert.match(reopen(first!.world, second!.state, "swapped").join(), /another database/);
  second!.world.disk.unlinkSync(SUMS);
  assert.match(reopen(second!.world, second!.state, "gone").join(), /there are none/);
});

test("a copy of the database from before is that commit's, and goes on from there", () => {
  const world = new SummedDatabase(SEED);
  const writer = new RandomWriter(SEED);
  const before = writeOn(world, writer, 5);
  const copy = world.read(DB);
  writeOn(world, writer, 5);
  world.write(DB, copy);
  assert.deepEqual(reopen(world, before, "copied back"), []);
  const after = writeOn(world, new RandomWriter(SEED + 1), 0);
  assert.equal(after, before);
  const backend = world.open();
  backend.put("lease", Buffer.from("new"), new Uint8Array(100));
  backend.commit();
  const state = contentOf(backend);
  world.close(backend);
  assert.deepEqual(reopen(world, state, "went on"), []);
});

test("every flip and every truncation of the sums: no start is refused, no page called bad", () => {
  const world = new SummedDatabase(SEED, { outgrownBytes: 600, outgrownPageBytes: 1 });
  const state = writeOn(world, new RandomWriter(SEED), 5);
  const sound = world.read(SUMS);
  assert.deepEqual(reopen(world, state, "sound"), []);
  let dropped = 0;
  for (let at = 0; at < sound.length; at += 1) {
    world.disk.flip(SUMS, at, 1 << (at % 8));
    dropped += reopen(world, state, `flip at ${at} of ${sound.length}`).length;
    world.disk.flip(SUMS, at, 1 << (at % 8));
  }
  assert.equal(dropped, sound.length);
  for (let length = 0; length < sound.length; length += 1) {
    world.write(SUMS, sound.subarray(0, length));
    assert.equal(reopen(world, state, `cut at ${length}`).length, 1, `cut at ${length}`);
  }
  for (const tail of [1, 20, 600]) {
    const longer = new Uint8Array(sound.length + tail).fill(tail);
    longer.set(sound);
    world.write(SUMS, longer);
    assert.deepEqual(reopen(world, state, `${tail} bytes behind`), []);
  }
});

for (const mode of ["kill", "power"] as const) {
  test(`a crash by ${mode} after any step: the sums are those of the commit found`, () => {
    let steps = 0;
    for (let isOver = false; !isOver; steps += 1) {
      const world = new SummedDatabase(SEED + steps, CEASELESS);
      const writer = new RandomWriter(SEED);
      const backend = world.open();
      writer.states.set(0, contentOf(backend));
      for (let i = 0; i < 3; i += 1) writer.batch(backend, 60);
      for (let i = 0; i < steps; i += 1) {
        if (i % 3 === 0 && writer.states.size < BATCHES) writer.batch(backend, 30);
        world.clock.step();
      }
      isOver = writer.states.size === BATCHES && backend.isIdle;
      const durable = backend.durableBatch;
      world.crash(mode);
      world.said = [];
      const found = contentIn(world);
      const which = [...writer.states].filter(([, state]) => state === found).map(([n]) => n);
      assert.ok(
        which.some((n) => n >= durable),
        `step ${steps}: batch ${durable}, found ${which}`,
      );
      // Before the first commit of ours there is none that could have any.
      if (durable > 0) assert.deepEqual(world.said, [], `step ${steps}`);
      assertCovered(world, steps);
    }
    assert.ok(steps > 50, `${steps} steps`);
  });
}

/** A flip in any page of the trees is noticed by the next start. */
function assertCovered(world: SummedDatabase, steps: number): void {
  const file = world.disk.openSync(DB, {});
  const pages = new PageFile(world.disk, file, DB);
  const { isTreePage, pages: count } = checkDatabase(pages);
  world.disk.closeSync(file);
  if (pages.mark === 0) return;
  const start = (steps * 7) % count;
  for (let i = 0; i < count; i += 1) {
    const id = (start + i) % count;
    if (!isTreePage(id)) continue;
    world.disk.flip(DB, id * 1024 + 1023 - (steps % 1000), 0x10);
    assert.throws(() => world.open(), { code: "damaged" }, `step ${steps}, page ${id}`);
    return;
  }
}

test("where sums cannot be written, commits are durable, and sums come back", () => {
  for (const [op, code] of [
    ["write", "ENOSPC"],
    ["sync", "EIO"],
    ["open", "EROFS"],
    ["rename", "EIO"],
    ["truncate", "EIO"],
    ["syncDir", "EIO"],
  ] as const) {
    // Few steps are of the other kinds; the first syncDir is the opening's own.
    const places = { write: [0, 1, 2, 5], sync: [0, 1, 2, 5], syncDir: [1] };
    for (const after of op in places ? places[op as keyof typeof places] : [0]) {
      const world = new SummedDatabase(SEED, { ...OFTEN, retryCommits: 10 });
      const writer = new RandomWriter(SEED);
      writeOn(world, writer, 3);
      const path = op === "syncDir" ? "/" : "db.sums";
      // The opening syncs the directory once, for the database.
      const skipped = op === "syncDir" ? 1 : 0;
      world.disk.faults.add({ op, path, code, after: after + skipped });
      world.said = [];
      const name = `${op} ${after}`;
      const backend = world.open();
      let state = "";
      for (let i = 0; i < 40; i += 1) {
        state = writer.states.get(writer.batch(backend, 40))!;
        world.clock.runFor(100);
        if (world.said.length > 0) break;
      }
      assert.equal(world.said.length, 1, name);
      world.crash("power");
      // The record may have arrived in spite of the error, and the removal not.
      assert.ok(reopen(world, state, name).length <= 1, name);
      assert.deepEqual(reopen(world, writeOn(world, writer, 15), name), [], name);
    }
  }
});

test("after a failure sums are kept again by the same process", () => {
  const world = new SummedDatabase(SEED, { retryCommits: 10 });
  const writer = new RandomWriter(SEED);
  world.disk.faults.add({ op: "write", path: "db.sums", code: "ENOSPC", after: 4 });
  const state = writeOn(world, writer, 40);
  assert.equal(world.said.length, 1);
  assert.deepEqual(reopen(world, state, "again"), []);
});
