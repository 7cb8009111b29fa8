import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { newSpan } from "../../../base/span.ts";
import type { Disk, DiskError } from "../../../platform/disk.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { CHANGE_READS_MAX, newChangeBatch } from "../backend.ts";
import { BoltError } from "../bolt-pages/error.ts";
import { openBolt } from "../bolt/bolt-backend.ts";

const SEED = 20261122;
const PAGE_BYTES = 4096;
const PATH = "/db";

interface World {
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
  /** Reads of less than a page, and of pages. */
  readonly reads: { parts: number; pages: number };
  open(): ReturnType<typeof openBolt>;
}

function newWorld(): World {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: SEED, latencyMs: { min: 0, max: 2 } });
  const reads = { parts: 0, pages: 0 };
  const counted = new Proxy<Disk>(disk, {
    get(target, name) {
      if (name === "readSync") {
        return (...args: Parameters<Disk["readSync"]>) => {
          const bytes = target.readSync(...args);
          if (bytes < PAGE_BYTES) reads.parts += 1;
          else reads.pages += 1;
          return bytes;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const onFailure = (error: DiskError): never => assert.fail(String(error));
  // No page of a lookup stays but the last: nearly all reads go to the file.
  const open = (): ReturnType<typeof openBolt> =>
    openBolt({ disk: counted, path: PATH, onFailure, frameBytesMax: PAGE_BYTES });
  return { clock, disk, reads, open };
}

/** What a change's value is. */
function valueOf(main: number, sub: number, bytes: number): Uint8Array {
  const prng = new Prng(main * 8 + sub);
  return Uint8Array.from({ length: bytes }, () => prng.below(256));
}

interface Change {
  readonly main: number;
  readonly sub: number;
  readonly bytes: number;
}

test(`values are right whatever is written and removed meanwhile (seed ${SEED})`, () => {
  const { clock, reads, open } = newWorld();
  const prng = new Prng(SEED);
  let backend = open();
  let live: Change[] = [];
  let main = 2;
  const out = newSpan();
  for (let round = 0; round < 40; round += 1) {
    for (let i = 0; i < 300; i += 1) {
      main += prng.below(20) === 0 ? 70_000 : 1;
      const subs = 1 + (prng.below(4) === 0 ? prng.below(6) : 0);
      for (let sub = 0; sub < subs; sub += 1) {
        const bytes = prng.below(30) === 0 ? prng.below(9000) : 150 + prng.below(500);
        const isTombstone = prng.below(8) === 0;
        backend.appendChange({ main, sub, isTombstone }, bytes, out);
        out.bytes.set(valueOf(main, sub, bytes), out.start);
        live.push({ main, sub, bytes });
      }
    }
    backend.commit();
    clock.runFor(prng.below(30));
    if (round % 5 === 4) {
      // Leaves of what is left have gaps between their revisions.
      live = live.filter((each) => {
        if (prng.below(3) > 0) return true;
        assert.ok(backend.deleteChange(each.main, each.sub));
        return false;
      });
      backend.commit();
    }
    if (round % 7 === 6) {
      clock.runUntil(() => backend.isIdle, 10_000);
      backend.close();
      backend = open();
    }
    for (let i = 0; i < 300; i += 1) {
      const wanted = live[prng.below(live.length)]!;
      assert.ok(backend.getChange(wanted.main, wanted.sub, out));
      const found = Buffer.from(out.bytes.subarray(out.start, out.end));
      const value = Buffer.from(valueOf(wanted.main, wanted.sub, wanted.bytes));
      assert.ok(found.equals(value), `round ${round}, ${wanted.main}.${wanted.sub}`);
      assert.equal(backend.getChange(wanted.main, 17, out), false);
    }
  }
  assert.ok(reads.parts > 2000, `${reads.parts} parts, ${reads.pages} pages`);
});

/** A database of some hundred pages whose values are all over it, as after a start. */
function filled(): World & { readonly backend: ReturnType<typeof openBolt> } {
  const world = newWorld();
  const first = world.open();
  const out = newSpan();
  for (let main = 2; main < 4000; main += 1) {
    first.appendChange({ main, sub: 0, isTombstone: false }, 300, out);
    out.bytes.set(valueOf(main, 0, 300), out.start);
  }
  first.commit();
  world.clock.runUntil(() => first.isIdle, 10_000);
  first.close();
  const backend = world.open();
  // The first lookup below each branch reads a whole leaf, to know that it is one.
  for (let main = 2; main < 4000; main += 400) assert.ok(backend.getChange(main, 0, out));
  Object.assign(world.reads, { parts: 0, pages: 0 });
  return { ...world, backend };
}

test("what a commit wrote is read in parts, too", () => {
  const { backend, clock, reads } = filled();
  const out = newSpan();
  for (let main = 4000; main < 4600; main += 1) {
    backend.appendChange({ main, sub: 0, isTombstone: false }, 300, out);
  }
  backend.commit();
  assert.ok(clock.runUntil(() => backend.isIdle, 10_000));
  assert.ok(backend.getChange(4010, 0, out));
  Object.assign(reads, { parts: 0, pages: 0 });
  for (let i = 0; i < 20; i += 1) assert.ok(backend.getChange(4030 + i * 25, 0, out));
  assert.ok(reads.parts >= 17, JSON.stringify(reads));
});

test("a value outlives the reads that the backend promises", () => {
  const { backend } = filled();
  const kept = newSpan();
  assert.ok(backend.getChange(2100, 0, kept));
  const value = Buffer.from(valueOf(2100, 0, 300));
  const other = newSpan();
  for (let read = 0; read < CHANGE_READS_MAX; read += 1) {
    assert.ok(backend.getChange(20 + read * 29, 0, other));
    assert.ok(Buffer.from(kept.bytes.subarray(kept.start, kept.end)).equals(value), `${read}`);
  }
});

test("pages in demand, and those of values side by side, are read whole", () => {
  const { backend, reads } = filled();
  const out = newSpan();
  for (let i = 0; i < 100; i += 1) assert.ok(backend.getChange(20 + i * 37, 0, out));
  assert.deepEqual([reads.parts >= 95, reads.pages <= 5], [true, true], JSON.stringify(reads));
  Object.assign(reads, { parts: 0, pages: 0 });
  for (let i = 0; i < 100; i += 1) assert.ok(backend.getChange(20 + i * 37, 0, out));
  assert.ok(reads.parts <= 5 && reads.pages >= 95, JSON.stringify(reads));

  const batch = newChangeBatch(32);
  batch.count = 32;
  for (let i = 0; i < batch.count; i += 1) batch.mains[i] = 1500 + i;
  Object.assign(reads, { parts: 0, pages: 0 });
  assert.equal(backend.getChanges(batch), batch.count);
  assert.ok(reads.parts === 0 && reads.pages <= 5, JSON.stringify(reads));
});

test("a part that is not as it was written is refused each time, with its page", () => {
  const { backend, disk } = filled();
  const out = newSpan();
  const file = disk.openSync(PATH, {});
  const all = new Uint8Array(disk.sizeSync(file));
  disk.readSync(file, all, 0);
  const at = Buffer.from(all).indexOf(Buffer.from(valueOf(3000, 0, 300)));
  assert.ok(at > 0);
  const writable = disk.openSync(PATH, { write: true });
  disk.writeSync(writable, Uint8Array.of(all[at + 299]! ^ 4), at + 299);
  const page = Math.floor(at / PAGE_BYTES);
  for (let time = 0; time < 3; time += 1) {
    assert.throws(
      () => backend.getChange(3000, 0, out),
      (error: unknown) => {
        assert.ok(error instanceof BoltError);
        assert.match(error.message, new RegExp(`does not match its checksum.*page ${page} `, "u"));
        return true;
      },
    );
  }
  assert.ok(backend.getChange(3200, 0, out), "others are served");
});
