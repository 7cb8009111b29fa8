import { openStore } from "../../../mvcc/store/kv-store.ts";
import type { KvStore } from "../../../mvcc/store/store.ts";
import { crc32c } from "../../../base/crc32c.ts";
import { checkDatabase } from "../../../storage/backend/bolt-pages/check.ts";
import { CountedPages } from "../../../storage/restore/counted-pages.ts";
import { ImageError } from "../../../storage/restore/image.ts";
import { ReadOnlyBackend } from "../../../storage/restore/read-only-backend.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { type Command, type Invocation, textFlag } from "../command-line.ts";
import { openLocked } from "../open-database.ts";
import { formatOf, hashText, type KvHash } from "../print/print.ts";
import { Progress } from "../progress.ts";
import type { World } from "../world.ts";

/** Changes hashed between two looks at the clock. */
const STEP_CHANGES = 100_000;

/** etcd's texts. */
const REFUSED = {
  compacted: "mvcc: required revision has been compacted",
  future: "mvcc: required revision is a future revision",
} as const;

function hashOf(world: World, store: KvStore, wanted: bigint): KvHash {
  const { compactRevision } = store;
  // As in etcd: nothing is as old as a negative revision, and nothing forbids to ask.
  if (wanted < 0n) {
    return { hash: crc32c(Buffer.from("key")), hashRevision: Number(wanted), compactRevision };
  }
  // Revisions end at 2^53; rounding leaves what is above it above it.
  const revision = wanted === 0n ? store.currentRevision : Number(wanted);
  const refused = wanted === 0n ? null : store.checkRevision(revision);
  if (refused !== null) throw new ToolError(Exit.error, REFUSED[refused]);
  const { clock } = world;
  const job = store.newHash(revision, clock.monotonicMs());
  while (!job.step(STEP_CHANGES, clock.monotonicMs()));
  const { hash, hashRevision } = job;
  return { hash, hashRevision, compactRevision: job.compactRevision };
}

async function run({ args, flags, world }: Invocation): Promise<number> {
  const path = args[0]!;
  const format = formatOf(textFlag(flags, "write-out"));
  const file = await openLocked(world, { path, timeoutMs: flags.durationMs("timeout") });
  const progress = new Progress(world);
  try {
    const { disk, hashSeed } = world;
    const onProgress = (done: number, total: number): void =>
      progress.show("checking pages", done, total);
    const { problems } = checkDatabase(new CountedPages(disk, file, path, onProgress));
    if (problems.length > 0) throw new ImageError(`the database is damaged: ${problems[0]}`);
    const backend = new ReadOnlyBackend(new CountedPages(disk, file, path));
    const found = hashOf(world, openStore({ backend, hashSeed }), flags.number("rev"));
    world.out(hashText(found, format));
  } finally {
    progress.end();
    world.disk.closeSync(file);
  }
  return Exit.ok;
}

/** `hashkv FILE`. */
export const HASHKV: Command = {
  name: "hashkv",
  args: "<filename>",
  summary: "Hashes the history of the keys in a snapshot or a database file",
  argCount: 1,
  flags: [
    { name: "rev", type: "int64", fallback: "0", usage: "last revision to hash (0: newest)" },
  ],
  run,
};
