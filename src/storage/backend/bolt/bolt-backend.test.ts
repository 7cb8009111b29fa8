import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { newSpan } from "../../../base/span.ts";
import type { DiskError } from "../../../platform/disk.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { type BackendRoot, PLAIN_BUCKETS } from "../backend.ts";
import { runAll } from "../backend.contract.ts";
import { openBolt } from "./bolt-backend.ts";
import type { BoltBackend } from "./bolt-backend.ts";
import { checkDatabase } from "../bolt-pages/check.ts";
import { readMeta } from "../bolt-pages/meta.ts";
import { PageFile } from "../bolt-pages/page-file.ts";
import { buildDatabase } from "../testing/build-database.ts";
import { contentOf, RandomWriter } from "../testing/random-writer.ts";
import { REVISION_BYTES, writeRevisionKey } from "../bolt-pages/revision-key.ts";

const SEED = 20261121;
const PATH = "/db";

interface World {
  readonly clock: VirtualClock;
  disk: VirtualDisk;
}

function newWorld(seed: number): World {
  const clock = new VirtualClock();
  return { clock, disk: new VirtualDisk({ clock, seed, latencyMs: { min: 0, max: 3 } }) };
}

function openIn({ disk }: World): BoltBackend {
  return openBolt({
    disk,
    path: PATH,
    onFailure: (error: DiskError) => assert.fail(String(error)),
  });
}

runAll("bolt", () => openIn(newWorld(SEED)));

/** The file as it is on the disk is sound, whatever is under way. */
function assertSound(disk: VirtualDisk, message: string): void {
  const file = disk.openSync(PATH, {});
  assert.deepEqual(checkDatabase(new PageFile(disk, file, PATH)).problems, [], message);
  disk.closeSync(file);
}

test(`what was committed is there when it is opened again (seed ${SEED})`, () => {
  const world = newWorld(SEED);
  const writer = new RandomWriter(SEED);
  for (let round = 0; round < 8; round += 1) {
    const backend = openIn(world);
    if (round > 0) assert.equal(contentOf(backend), writer.states.get(-1), `round ${round}`);
    for (let i = 0; i < 10; i += 1) {
      const number = writer.batch(backend);
      writer.states.set(-1, writer.states.get(number)!);
      world.clock.runFor(i % 3);
      assertSound(world.disk, `round ${round}, batch ${i}`);
    }
    world.clock.runFor(1000);
    assert.equal(backend.isIdle, true);
    backend.close();
    assertSound(world.disk, `round ${round}`);
  }
});

for (const mode of ["kill", "power"] as const) {
  test(`after a crash by ${mode} the file holds one commit, at least the durable one`, () => {
    for (let seed = SEED; seed < SEED + 60; seed += 1) {
      const world = newWorld(seed);
      const prng = new Prng(seed);
      const writer = new RandomWriter(seed);
      const backend = openIn(world);
      writer.states.set(0, contentOf(backend));
      for (let i = 10 + prng.below(40); i > 0; i -= 1) {
        writer.batch(backend, 80);
        // Closing a root gives up pages, while one commit runs and another waits.
        if (prng.below(2) === 0) backend.openRoot().close();
        world.clock.runFor(prng.below(6));
      }
      const durable = backend.durableBatch;
      world.disk = world.disk.crash(mode);
      assertSound(world.disk, `seed ${seed}`);
      const found = contentOf(openIn(world));
      const which = [...writer.states].filter(([, state]) => state === found).map(([n]) => n);
      assert.ok(
        which.some((n) => n >= durable),
        `seed ${seed}: batch ${durable}, found ${which}`,
      );
    }
  });
}

test("a new database survives a power loss at once", () => {
  for (let seed = SEED; seed < SEED + 30; seed += 1) {
    const world = newWorld(seed);
    openIn(world);
    world.disk = world.disk.crash("power");
    assert.equal(contentOf(openIn(world)), "", `seed ${seed}`);
  }
});

test("the two meta pages are those of the last two commits, however fast they follow", () => {
  const world = newWorld(SEED);
  const writer = new RandomWriter(SEED);
  const backend = openIn(world);
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i <= round % 7; i += 1) writer.batch(backend);
    world.clock.runFor(200);
    assert.equal(backend.isIdle, true);
    const file = world.disk.openSync(PATH, {});
    const bytes = new Uint8Array(8192);
    world.disk.readSync(file, bytes, 0);
    world.disk.closeSync(file);
    const metas = [readMeta(bytes, 0), readMeta(bytes, 4096)];
    const txids = metas.map((meta) => (typeof meta === "string" ? Number.NaN : meta.txid));
    assert.equal(Math.abs(txids[0]! - txids[1]!), 1, `round ${round}: ${txids}`);
  }
});

test("what is left after deletes all over the place moves together", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const out = newSpan();
  for (let main = 2; main < 5000; main += 1) {
    backend.appendChange({ main, sub: 0, isTombstone: false }, 400, out);
    if (main % 500 === 0) backend.commit();
  }
  for (let part = 1; part < 40; part += 1) {
    for (let main = 2; main < 5000; main += 1) {
      if ((main * 7) % 40 === part) backend.deleteChange(main, 0);
    }
    backend.commit();
    world.clock.runFor(50);
  }
  const liveBytes = (5000 / 40) * 430;
  assert.ok(backend.sizeInUseBytes < 3 * liveBytes, `${backend.sizeInUseBytes} for ${liveBytes}`);
  assertSound(world.disk, "after deletes");
});

test("freed pages are used again: the file does not grow with every commit", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const sizes: number[] = [];
  for (let i = 0; i < 400; i += 1) {
    for (let k = 0; k < 20; k += 1) {
      backend.put("lease", Buffer.from(`key ${(i * 20 + k) % 300}`), new Uint8Array(200).fill(i));
    }
    backend.commit();
    world.clock.runFor(20);
    sizes.push(backend.sizeBytes);
  }
  assert.equal(sizes.at(-1), sizes[100]);
  assert.ok(backend.sizeInUseBytes < 300_000, `${backend.sizeInUseBytes} in use`);
});

test("an open root keeps its pages while commits go on", () => {
  const world = newWorld(SEED);
  const writer = new RandomWriter(SEED);
  const backend = openIn(world);
  writer.batch(backend);
  const before = contentOf(backend);
  const root = backend.openRoot();
  for (let i = 0; i < 60; i += 1) {
    writer.batch(backend);
    world.clock.runFor(20);
  }
  assert.equal(contentOf(root), before);
  root.close();
});

test(`roots opened and closed at any time each keep what they saw (seed ${SEED})`, () => {
  for (let seed = SEED; seed < SEED + 10; seed += 1) {
    const world = newWorld(seed);
    const prng = new Prng(seed);
    const writer = new RandomWriter(seed);
    const backend = openIn(world);
    const open: { readonly root: BackendRoot; readonly content: string }[] = [];
    for (let i = 0; i < 150; i += 1) {
      writer.batch(backend, 60);
      // In the midst of a batch as well: what it has so far is in no commit.
      if (prng.chance(0.5)) backend.put("meta", Buffer.from("x"), new Uint8Array(prng.below(3000)));
      if (prng.chance(0.3)) open.push({ root: backend.openRoot(), content: contentOf(backend) });
      world.clock.runFor(prng.below(8));
      if (prng.chance(0.25) && open.length > 0) {
        const [{ root, content }] = open.splice(prng.below(open.length), 1) as [(typeof open)[0]];
        assert.equal(contentOf(root), content, `seed ${seed}, batch ${i}`);
        root.close();
      }
    }
    for (const { root, content } of open) assert.equal(contentOf(root), content, `seed ${seed}`);
  }
});

test("an open root holds what it has, and nothing that came and went since", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const write = (rounds: number): void => {
    for (let i = 0; i < rounds; i += 1) {
      for (let key = 0; key < 100; key += 1) {
        backend.put("lease", Buffer.from(`key ${key}`), new Uint8Array(300).fill(i));
        // Roots of others come and go in between, and see batches that are half done.
        if (key % 40 === 0) backend.openRoot().close();
      }
      backend.commit();
      world.clock.runFor(20);
    }
  };
  write(20);
  // In the midst of a batch: what it has of that is in no commit, only in memory.
  backend.put("lease", Buffer.from("key 7"), new Uint8Array(300));
  const root = backend.openRoot();
  const before = contentOf(root);
  write(20);
  const { sizeBytes } = backend;
  write(300);
  assert.ok(backend.sizeBytes < 2 * sizeBytes, `${sizeBytes}, then ${backend.sizeBytes}`);
  const { unwrittenBytes } = backend;
  assert.ok(unwrittenBytes > 0 && unwrittenBytes < 100_000, `${unwrittenBytes} bytes in memory`);
  assert.equal(contentOf(root), before);
  root.close();
});

test("the stored list of free pages is given up by the first commit, before its page is", () => {
  const key = (main: number): Uint8Array => {
    const bytes = new Uint8Array(REVISION_BYTES);
    writeRevisionKey(bytes, main, 0);
    return bytes;
  };
  const items = Array.from({ length: 200 }, (_, i) => ({
    key: key(i + 2),
    value: new Uint8Array(90),
  }));
  const names = [...PLAIN_BUCKETS, "key"].toSorted();
  const buckets = new Map(names.map((name) => [name, name === "key" ? items : []]));
  const image = buildDatabase({ pageBytes: 4096, buckets, freePages: 3, withFreeList: true });
  const clock = new VirtualClock();
  const crashed: VirtualDisk[] = [];
  const disk = new VirtualDisk({
    clock,
    seed: SEED,
    beforeChange: () => {
      if (isWatched) crashed.push(disk.fork("power", { clock: new VirtualClock(), seed: SEED }));
    },
  });
  let isWatched = false;
  const file = disk.openSync(PATH, { write: true, create: true });
  disk.writeSync(file, image, 0);
  disk.syncSync(file);
  disk.closeSync(file);
  disk.syncDirSync("/");
  const backend = openIn({ clock, disk });
  isWatched = true;
  // Nothing has changed, and somebody looks for what can be used again.
  backend.commit();
  clock.runFor(20);
  backend.openRoot().close();
  for (let i = 0; i < 4; i += 1) {
    for (let k = 0; k < 60; k += 1)
      backend.put("lease", Buffer.from(`key ${k}`), new Uint8Array(300));
    backend.commit();
    clock.runFor(20);
  }
  isWatched = false;
  assert.ok(crashed.length > 10, `${crashed.length} crashes`);
  for (const [step, left] of crashed.entries()) assertSound(left, `step ${step}`);
});
