import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { newSpan } from "../../../base/span.ts";
import type { Disk, DiskDone, DiskError, DiskOp } from "../../../platform/disk.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { Trace } from "../../../sim/world/trace.ts";
import { checkDatabase } from "../bolt-pages/check.ts";
import { readMeta } from "../bolt-pages/meta.ts";
import { PageFile } from "../bolt-pages/page-file.ts";
import { buildDatabase } from "../testing/build-database.ts";
import { contentOf } from "../testing/random-writer.ts";
import { REVISION_BYTES, writeRevisionKey } from "../bolt-pages/revision-key.ts";
import { openBolt } from "./bolt-backend.ts";
import type { BoltBackend } from "./bolt-backend.ts";
import type { Defragmentation, DefragmentationState } from "./defragmentation.ts";

const SEED = 20261122;
const PATH = "/db";
const SUMS_PATH = "/db.sums";
const PAGE_BYTES = 4096;
/** More steps than any of these files needs. */
const STEPS_MAX = 50_000;

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
    // Pages that moved, and those behind a cut, must have the right checksums too.
    sums: { path: SUMS_PATH },
    onFailure: (error: DiskError) => assert.fail(String(error)),
  });
}

/** The newest commit is sound, and the file is long enough for both meta pages. */
function assertSound(disk: VirtualDisk, message: string): void {
  const file = disk.openSync(PATH, {});
  assert.deepEqual(checkDatabase(new PageFile(disk, file, PATH)).problems, [], message);
  const page = new Uint8Array(PAGE_BYTES);
  for (const place of [0, 1]) {
    disk.readSync(file, page, place * PAGE_BYTES);
    const meta = readMeta(page, 0);
    if (typeof meta === "string") continue;
    const needed = meta.endPage * PAGE_BYTES;
    assert.ok(disk.sizeSync(file) >= needed, `${message}: meta page ${place} needs ${needed}`);
  }
  disk.closeSync(file);
}

function fileBytes({ disk }: World): number {
  const file = disk.openSync(PATH, {});
  const bytes = disk.sizeSync(file);
  disk.closeSync(file);
  return bytes;
}

/** Changes of various sizes, most of them deleted again, and some leases. */
class Churn {
  readonly #prng: Prng;
  readonly #live: number[] = [];
  #main = 1;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  append(backend: BoltBackend, count: number, largeOneIn = 60): void {
    const prng = this.#prng;
    const out = newSpan();
    for (let i = 0; i < count; i += 1) {
      const bytes = prng.below(largeOneIn) === 0 ? 5000 + prng.below(30_000) : prng.below(500);
      backend.appendChange({ main: (this.#main += 1), sub: 0, isTombstone: false }, bytes, out);
      out.bytes.fill(prng.below(256), out.start, out.end);
      this.#live.push(this.#main);
      const key = Buffer.from(`lease ${prng.below(1000)}`);
      if (prng.below(8) === 0) backend.put("lease", key, new Uint8Array(prng.below(80)));
    }
  }

  /**
   * Deletes all but about `part` of what is there, here and there: in order, as a compaction does,
   * the leaves would close up at once.
   */
  thin(backend: BoltBackend, part: number): void {
    const [kept, dropped]: [number[], number[]] = [[], []];
    for (const main of this.#live) (this.#prng.float() < part ? kept : dropped).push(main);
    while (dropped.length > 0) {
      const place = this.#prng.below(dropped.length);
      backend.deleteChange(dropped[place]!, 0);
      dropped[place] = dropped.at(-1)!;
      dropped.pop();
    }
    this.#live.splice(0, this.#live.length, ...kept);
  }
}

function settle(world: World, backend: BoltBackend): void {
  assert.ok(world.clock.runUntil(() => backend.isIdle, 60_000));
}

/** As the driver does. */
function runToEnd(world: World, backend: BoltBackend, between: () => void = () => {}): void {
  const work = backend.newDefragmentation();
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const state = work.step(() => false);
    if (state === "done") return;
    if (state === "commit") {
      const batch = backend.commit();
      assert.ok(world.clock.runUntil(() => backend.durableBatch >= batch, 60_000));
    }
    if (state === "held") world.clock.runFor(50);
    between();
  }
  assert.fail("it does not end");
}

function commitAll(world: World, backend: BoltBackend): void {
  for (let i = 0; i < 3; i += 1) {
    backend.put("meta", Buffer.from("x"), Buffer.from(String(i)));
    backend.commit();
    settle(world, backend);
  }
}

test("a file that is mostly free shrinks to what is in use, and nothing is lost", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const churn = new Churn(SEED);
  for (let i = 0; i < 40; i += 1) {
    churn.append(backend, 500, 2000);
    backend.commit();
    settle(world, backend);
  }
  churn.thin(backend, 0.45);
  commitAll(world, backend);
  const before = contentOf(backend);
  const [bytesBefore, usedBefore] = [fileBytes(world), backend.sizeInUseBytes];
  runToEnd(world, backend);
  assert.equal(contentOf(backend), before);
  const used = backend.sizeInUseBytes;
  const bytes = fileBytes(world);
  assert.ok(used < 0.85 * usedBefore, `in use: ${usedBefore}, then ${used}`);
  assert.ok(bytes < 1.15 * used + 64 * PAGE_BYTES, `${bytesBefore}, then ${bytes} for ${used}`);
  assert.equal(backend.sizeBytes, bytes);
  assertSound(world.disk, "after");
  settle(world, backend);
  backend.close();
  assert.equal(contentOf(openIn(world)), before);
});

test("values of a megabyte go one by one: neither a slice nor a commit has many", () => {
  const MIB = 1024 * 1024;
  const clock = new VirtualClock();
  const real = new VirtualDisk({ clock, seed: SEED });
  const done = { read: 0, written: 0 };
  const disk: Disk = new Proxy(real, {
    get(target, name) {
      if (name === "readSync") {
        return (...read: Parameters<Disk["readSync"]>) => {
          const bytes = target.readSync(...read);
          done.read += bytes;
          return bytes;
        };
      }
      if (name === "submit") {
        return (ops: readonly DiskOp[], told: DiskDone) => {
          for (const op of ops) if (op.op === "write") done.written += op.end - op.start;
          target.submit(ops, told);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const backend = openBolt({ disk, path: PATH, onFailure: (error) => assert.fail(String(error)) });
  const world: World = { clock, disk: real };
  const out = newSpan();
  for (let main = 2; main < 80; main += 1) {
    backend.appendChange({ main, sub: 0, isTombstone: false }, MIB, out);
    backend.commit();
    settle(world, backend);
  }
  // The first two of three: the others have to move.
  for (let main = 2; main < 52; main += 1) backend.deleteChange(main, 0);
  commitAll(world, backend);
  const work = backend.newDefragmentation();
  const most = { read: 0, written: 0 };
  for (let state: DefragmentationState = "working"; state !== "done";) {
    Object.assign(done, { read: 0, written: 0 });
    state = work.step(() => false);
    most.read = Math.max(most.read, done.read);
    if (state === "commit") backend.commit();
    settle(world, backend);
    most.written = Math.max(most.written, done.written);
  }
  assert.ok(fileBytes(world) < 30 * MIB, `${fileBytes(world)} bytes`);
  assert.ok(most.read < 3 * MIB, `a slice reads ${most.read} bytes`);
  assert.ok(most.written < 3 * MIB, `a commit has ${most.written} bytes`);
});

for (const mode of ["kill", "power"] as const) {
  test(`a crash by ${mode} under other writers leaves a whole commit (seed ${SEED})`, () => {
    for (let seed = SEED; seed < SEED + 12; seed += 1) crashUnderWriters(seed, mode);
  });

  test(`so does a crash by ${mode} before and after each operation of the disk in turn`, () => {
    let crashes = 0;
    while (crashAfter(crashes, mode)) crashes += 1;
    assert.ok(crashes > 25, `${crashes} crashes`);
  });
}

/** Defragments until the disk has done `ops` operations, then crashes; false: it needed no more. */
function crashAfter(ops: number, mode: "kill" | "power"): boolean {
  const seed = SEED + ops;
  const trace = new Trace();
  const clock = new VirtualClock();
  const world: World = { clock, disk: new VirtualDisk({ clock, seed, trace }) };
  const backend = openIn(world);
  const churn = new Churn(SEED);
  churn.append(backend, 1800, 500);
  backend.commit();
  settle(world, backend);
  churn.thin(backend, 0.3);
  commitAll(world, backend);
  const content = contentOf(backend);
  const opsDone = (): number => Number.parseInt(trace.hash(), 10);
  const stop = opsDone() + ops;
  const work = backend.newDefragmentation();
  let state: DefragmentationState = "working";
  while (state !== "done" && opsDone() < stop) {
    state = work.step(() => false);
    if (state === "commit") backend.commit();
    clock.runUntil(() => backend.isIdle || opsDone() >= stop, 60_000);
  }
  world.disk = world.disk.crash(mode);
  assertSound(world.disk, `after ${ops} operations`);
  assert.equal(contentOf(openIn(world)), content, `after ${ops} operations`);
  return state !== "done";
}

/** Defragments under writes until the disk has done some number of operations, then crashes. */
function crashUnderWriters(seed: number, mode: "kill" | "power"): void {
  const world = newWorld(seed);
  const prng = new Prng(seed);
  const churn = new Churn(seed);
  let backend = openIn(world);
  for (let i = 0; i < 6; i += 1) {
    churn.append(backend, 200, 20);
    backend.commit();
    settle(world, backend);
  }
  churn.thin(backend, 0.2 + prng.float() * 0.4);
  commitAll(world, backend);
  const states = new Map([[backend.durableBatch, contentOf(backend)]]);
  const work = backend.newDefragmentation();
  const stopMs = world.clock.monotonicMs() + prng.below(400);
  let root = prng.below(3) === 0 ? backend.openRoot() : null;
  const pinned = root === null ? "" : contentOf(root);
  let awaited = 0;
  for (let isDone = false; !isDone && world.clock.monotonicMs() < stopMs;) {
    const state = backend.durableBatch >= awaited ? work.step(() => prng.below(4) === 0) : "held";
    if (state === "commit") states.set((awaited = backend.commit()), contentOf(backend));
    // Another writer's batch beside it; the state in the file is that of the newest.
    if (prng.below(30) === 0 && backend.durableBatch >= awaited) {
      churn.append(backend, prng.below(20));
      states.set((awaited = backend.commit()), contentOf(backend));
    }
    if (root !== null && prng.below(60) === 0) {
      assert.equal(contentOf(root), pinned, `seed ${seed}: a root`);
      root.close();
      root = null;
    }
    if (state !== "working") world.clock.runFor(prng.float() * 2);
    isDone = state === "done";
  }
  const durable = backend.durableBatch;
  world.disk = world.disk.crash(mode);
  assertSound(world.disk, `seed ${seed}`);
  backend = openIn(world);
  const found = contentOf(backend);
  const which = [...states].filter(([, state]) => state === found).map(([n]) => n);
  assert.ok(
    which.some((n) => n >= durable),
    `seed ${seed}: batch ${durable}, found ${which}`,
  );
  // What the crash left half moved is no obstacle for the next time.
  runToEnd(world, backend);
  assert.equal(contentOf(backend), found, `seed ${seed}`);
  assertSound(world.disk, `seed ${seed}: after it`);
}

test("an open root keeps its pages, and the end of the file, until it is closed", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const churn = new Churn(SEED);
  for (let i = 0; i < 10; i += 1) {
    churn.append(backend, 300);
    backend.commit();
    settle(world, backend);
  }
  churn.thin(backend, 0.3);
  const root = backend.openRoot();
  const pinned = contentOf(root);
  commitAll(world, backend);
  const work: Defragmentation = backend.newDefragmentation();
  let held = 0;
  for (let step = 0; step < STEPS_MAX && held < 20; step += 1) {
    const state = work.step(() => false);
    assert.notEqual(state, "done");
    if (state === "held") held += 1;
    if (state !== "commit") continue;
    backend.commit();
    settle(world, backend);
  }
  assert.equal(held, 20);
  assert.equal(contentOf(root), pinned);
  root.close();
  const before = contentOf(backend);
  work.end();
  runToEnd(world, backend);
  assert.equal(contentOf(backend), before);
  const used = backend.sizeInUseBytes;
  assert.ok(fileBytes(world) < 1.15 * used + 64 * PAGE_BYTES);
});

test("writers go on beside it, and what they write is kept", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const churn = new Churn(SEED);
  for (let i = 0; i < 20; i += 1) {
    churn.append(backend, 400);
    backend.commit();
    settle(world, backend);
  }
  churn.thin(backend, 0.3);
  commitAll(world, backend);
  let expected = "";
  runToEnd(world, backend, () => {
    churn.append(backend, 3);
    expected = contentOf(backend);
  });
  assert.equal(contentOf(backend), expected);
  const used = backend.sizeInUseBytes;
  // The writers' last commits may have made it grow again, by one step.
  assert.ok(fileBytes(world) < 1.3 * used + 17 * 1024 * 1024);
  assertSound(world.disk, "after");
});

function revisionKey(main: number): Uint8Array {
  const key = new Uint8Array(REVISION_BYTES);
  writeRevisionKey(key, main, 0);
  return key;
}

test("a high tree of small pages, as another system may have made it", () => {
  const world = newWorld(SEED);
  const pageBytes = 512;
  const key = Array.from({ length: 4000 }, (_, at) => ({
    key: revisionKey(at + 2),
    value: new Uint8Array(60).fill(at),
  }));
  const bytes = buildDatabase({ pageBytes, buckets: new Map([["key", key]]), freePages: 7 });
  const file = world.disk.openSync(PATH, { write: true, create: true });
  world.disk.writeSync(file, bytes, 0);
  world.disk.syncSync(file);
  world.disk.closeSync(file);
  const backend = openIn(world);
  const prng = new Prng(SEED);
  for (let i = 0; i < 3000; i += 1) backend.deleteChange(2 + prng.below(4000), 0);
  commitAll(world, backend);
  const before = contentOf(backend);
  runToEnd(world, backend);
  assert.equal(contentOf(backend), before);
  const used = backend.sizeInUseBytes;
  assert.ok(fileBytes(world) < 1.1 * used + 64 * pageBytes, `${fileBytes(world)} for ${used}`);
  assert.ok(fileBytes(world) < 0.75 * bytes.length);
  const copy = world.disk.openSync(PATH, {});
  assert.deepEqual(checkDatabase(new PageFile(world.disk, copy, PATH)).problems, []);
});

test("a file that has nothing free stays as it is", () => {
  const world = newWorld(SEED);
  const backend = openIn(world);
  const churn = new Churn(SEED);
  churn.append(backend, 3000);
  backend.commit();
  settle(world, backend);
  runToEnd(world, backend);
  const bytes = fileBytes(world);
  runToEnd(world, backend);
  assert.ok(Math.abs(fileBytes(world) - bytes) < 32 * PAGE_BYTES, `${bytes}`);
});
