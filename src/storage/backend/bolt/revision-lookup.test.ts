import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../../base/prng.ts";
import { newSpan } from "../../../base/span.ts";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import type { BackendReader, BackendRoot } from "../backend.ts";
import { openBolt } from "./bolt-backend.ts";

const SEED = 20261121;
const VALUE_BYTES = 200;
const ROUNDS = 60;
const CHANGES_PER_ROUND = 400;
const LOOKUPS_PER_ROUND = 400;

/** What a change's value begins with. */
function markOf(main: number, sub: number): number {
  return (main * 31 + sub) % 251;
}

/** Every change, as main × 4 + sub. */
function assertFinds(reader: BackendReader, live: ReadonlySet<number>, prng: Prng, end: number) {
  const out = newSpan();
  for (let i = 0; i < LOOKUPS_PER_ROUND; i++) {
    const id = prng.below(end + 8);
    const main = Math.floor(id / 4);
    assert.equal(reader.getChange(main, id % 4, out), live.has(id), `change ${main}.${id % 4}`);
    if (live.has(id)) assert.equal(out.bytes[out.start], markOf(main, id % 4), `value of ${id}`);
  }
}

test(`lookups stay right while pages are given up and written anew (seed ${SEED})`, () => {
  const clock = new VirtualClock();
  const disk = new VirtualDisk({ clock, seed: SEED, latencyMs: { min: 0, max: 3 } });
  const backend = openBolt({ disk, path: "/db", onFailure: (error) => assert.fail(`${error}`) });
  const prng = new Prng(SEED);
  const live = new Set<number>();
  const out = newSpan();
  let root: { readonly reader: BackendRoot; readonly live: ReadonlySet<number> } | null = null;
  let end = 4;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < CHANGES_PER_ROUND; i++) {
      end += 1 + prng.below(5);
      const change = { main: Math.floor(end / 4), sub: end % 4, isTombstone: false };
      backend.appendChange(change, VALUE_BYTES, out);
      out.bytes[out.start] = markOf(change.main, change.sub);
      live.add(end);
    }
    // Half of what is old goes, page by page: branches shrink, join others, and are used again.
    const from = prng.below(end);
    for (const id of [...live].filter((id) => id >= from && id < from + 1500)) {
      if (prng.below(4) === 0) continue;
      assert.equal(backend.deleteChange(Math.floor(id / 4), id % 4), true);
      live.delete(id);
    }
    if (round % 3 !== 0) backend.commit();
    if (round % 7 === 0) {
      root?.reader.close();
      root = { reader: backend.openRoot(), live: new Set(live) };
    }
    clock.runFor(prng.below(20));
    assertFinds(backend, live, prng, end);
    if (root !== null) assertFinds(root.reader, root.live, prng, end);
  }
});
