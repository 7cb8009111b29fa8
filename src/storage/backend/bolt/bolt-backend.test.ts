import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { newSpan } from "../../../base/span.ts";
import type { DiskError } from "../../../platform/disk.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { runAll } from "../backend.contract.ts";
import { openBolt } from "./bolt-backend.ts";
import type { BoltBackend } from "./bolt-backend.ts";
import { checkDatabase } from "../bolt-pages/check.ts";
import { readMeta } from "../bolt-pages/meta.ts";
import { PageFile } from "../bolt-pages/page-file.ts";
import { contentOf, RandomWriter } from "../testing/random-writer.ts";

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
