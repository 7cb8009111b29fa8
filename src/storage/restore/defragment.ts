import type { Disk, FileId } from "../../platform/disk.ts";
import { checkDatabase, type CheckReport } from "../backend/bolt-pages/check.ts";
import { NO_PAGE } from "../backend/bolt-pages/format.ts";
import { writeMeta } from "../backend/bolt-pages/meta.ts";
import { DEFRAGMENTATION_PREFIX } from "../snap/names.ts";
import { CountedPages } from "./counted-pages.ts";
import { copyTree, PageOutput } from "./tree-copy.ts";

/** What a defragmentation did. */
export interface Defragmented {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** A database that is not whole: nothing was changed. */
export class DamagedDatabaseError extends Error {
  override readonly name = "DamagedDatabaseError";
}

/** What is to be defragmented. */
export interface Defragmentation {
  readonly disk: Disk;
  /** Open on the database; the caller has its lock and closes it. */
  readonly file: FileId;
  /** `<data>/member/snap/db`. */
  readonly path: string;
  readonly onProgress: (stage: "copy" | "check", done: number, total: number) => void;
}

/**
 * Writes the database anew without free pages, checks the new file, and puts it in place of the old
 * one (storage.md 9). Content, revisions and hashes stay. The new file is durable before the old
 * one goes; a crash leaves one of the two, and perhaps `db.tmp…`, which the next start deletes.
 * @throws DamagedDatabaseError, BoltError, DiskError; the old file is then as it was.
 */
export function defragment(work: Defragmentation): Defragmented {
  const { disk, file, path } = work;
  const slash = path.lastIndexOf("/");
  const dir = slash < 0 ? "." : path.slice(0, slash) || "/";
  const temporary = `${dir}/${DEFRAGMENTATION_PREFIX}.offline`;
  const bytesBefore = disk.sizeSync(file);
  if (disk.existsSync(temporary)) disk.unlinkSync(temporary);
  const target = disk.openSync(temporary, { write: true, create: true, exclusive: true });
  let bytesAfter = 0;
  try {
    bytesAfter = writeCopy(work, target);
    requireSame(work, target, temporary);
  } catch (error) {
    disk.closeSync(target);
    disk.unlinkSync(temporary);
    throw error;
  }
  disk.closeSync(target);
  disk.renameSync(temporary, path);
  disk.syncDirSync(dir);
  return { bytesBefore, bytesAfter };
}

/** Returns the size of the copy, which is durable then. */
function writeCopy({ disk, file, path, onProgress }: Defragmentation, target: FileId): number {
  const source = new CountedPages(disk, file, path, (done, total) => {
    onProgress("copy", done, total);
  });
  const { pageBytes, meta } = source;
  const output = new PageOutput(disk, target, pageBytes);
  const rootPage = copyTree(source, { page: meta.rootPage }, output);
  output.flush();
  const { endPage } = output;
  const page = new Uint8Array(pageBytes);
  // Both valid, as in a new database: the older of the two is what a torn write falls back to.
  for (const txid of [meta.txid, meta.txid + 1]) {
    const content = { pageBytes, rootPage, freeListPage: NO_PAGE, endPage, txid };
    writeMeta(page, txid % 2, content);
    disk.writeSync(target, page, (txid % 2) * pageBytes);
  }
  // Once for all: nobody opens the file before it is renamed.
  disk.syncSync(target);
  return endPage * pageBytes;
}

/** A tree with keys out of order copies into one that has them so too: the check finds it. */
function requireSame(work: Defragmentation, target: FileId, temporary: string): void {
  const { disk, file, path, onProgress } = work;
  const before = checkDatabase(new CountedPages(disk, file, path));
  const copied = new CountedPages(disk, target, temporary, (done, total) => {
    onProgress("check", done, total);
  });
  const after = checkDatabase(copied);
  const problem = problemOf(before) ?? problemOf(after);
  if (problem !== null) throw new DamagedDatabaseError(`the database is damaged: ${problem}`);
  if (before.pairs === after.pairs && after.freePages === 0) return;
  throw new DamagedDatabaseError(
    `the copy has ${after.pairs} pairs and ${after.freePages} free pages, ` +
      `the database ${before.pairs} pairs`,
  );
}

function problemOf({ problems }: CheckReport): string | null {
  return problems[0] ?? null;
}
