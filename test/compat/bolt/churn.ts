/**
 * A database whose leaves are loose and whose file is mostly free, again and again; and the work
 * that makes it short. `node churn.ts FILE SEED` does both without end and tells of each round: to
 * be killed.
 */
import { Prng } from "../../../src/base/prng.ts";
import { newSpan } from "../../../src/base/span.ts";
import { NodeDisk } from "../../../src/platform/node/disk.ts";
import { type BoltBackend, openBolt } from "../../../src/storage/backend/bolt/bolt-backend.ts";

const APPENDED = 4000;
const BATCH = 500;
/** Values of more than a page. */
const LARGE_ONE_IN = 40;

const next = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Waits for the disk. */
export async function idle(backend: BoltBackend): Promise<void> {
  while (!backend.isIdle) await next();
}

/** Appends changes after `main` and deletes three of four, in no order. Returns the last main. */
export async function churn(backend: BoltBackend, main: number, prng: Prng): Promise<number> {
  const out = newSpan();
  const there: number[] = [];
  let last = main;
  for (let i = 1; i <= APPENDED; i += 1) {
    const bytes = prng.below(LARGE_ONE_IN) === 0 ? prng.below(60_000) : prng.below(600);
    backend.appendChange({ main: (last += 1), sub: 0, isTombstone: false }, bytes, out);
    out.bytes.fill(prng.below(256), out.start, out.end);
    backend.put("lease", Buffer.from(`lease ${prng.below(3000)}`), new Uint8Array(40));
    there.push(last);
    if (i % BATCH === 0) {
      backend.commit();
      await idle(backend);
    }
  }
  for (let i = 0; i < (APPENDED * 3) / 4; i += 1) {
    const place = prng.below(there.length);
    backend.deleteChange(there[place]!, 0);
    there[place] = there.at(-1)!;
    there.pop();
    if (i % BATCH === 0) {
      backend.commit();
      await idle(backend);
    }
  }
  return last;
}

/** Defragments to the end, with `between` after each commit. */
export async function defragment(
  backend: BoltBackend,
  between: () => Promise<void> | void,
): Promise<void> {
  const work = backend.newDefragmentation();
  for (let state = work.step(() => false); state !== "done"; state = work.step(() => false)) {
    if (state !== "commit") continue;
    backend.commit();
    await idle(backend);
    await between();
  }
}

async function withoutEnd(path: string, seed: number): Promise<never> {
  const prng = new Prng(seed);
  const onFailure = (error: Error): never => {
    throw error;
  };
  const backend = openBolt({ disk: new NodeDisk(), path, onFailure });
  const changes = backend.changes();
  let main = 1;
  while (changes.next()) main = changes.main;
  for (;;) {
    main = await churn(backend, main, prng);
    const before = backend.sizeBytes;
    console.log("defragmenting");
    await defragment(backend, () => {});
    console.log(`${before} to ${backend.sizeBytes}`);
  }
}

const [, program, file, seed] = process.argv;
if (program === import.meta.filename) await withoutEnd(file!, Number(seed));
