import type { Disk, FileId } from "../../../platform/disk.ts";
import { PageFlag, writeU64 } from "./format.ts";
import { writeMeta } from "./meta.ts";

/** Page size of new databases: that of memory on nearly all machines. */
const PAGE_BYTES = 4096;
const FREE_LIST_PAGE = 2;
const ROOT_PAGE = 3;
const PAGES = 4;

/**
 * Makes an empty database as bbolt does (formats-disk.md 2.8): two meta pages, an empty list of
 * free pages, an empty root leaf. Under another name first, so that a crash leaves nothing that
 * looks like a database and is none.
 */
export function newDatabase(disk: Disk, path: string): void {
  const temporary = `${path}.new`;
  if (disk.existsSync(temporary)) disk.unlinkSync(temporary);
  const file = disk.openSync(temporary, { write: true, create: true, exclusive: true });
  fillDatabase(disk, file);
  disk.closeSync(file);
  disk.renameSync(temporary, path);
  disk.syncDirSync(path.slice(0, path.lastIndexOf("/")) || "/");
}

/**
 * Makes one of an empty file that the caller has locked: bbolt locks first and writes then, and was
 * killed in between. Not under another name, or who waits for the lock would get a file of no name.
 */
export function fillDatabase(disk: Disk, file: FileId): void {
  const bytes = new Uint8Array(PAGES * PAGE_BYTES);
  for (const page of [0, 1]) {
    const place = bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
    writeMeta(place, page, {
      pageBytes: PAGE_BYTES,
      rootPage: ROOT_PAGE,
      freeListPage: FREE_LIST_PAGE,
      endPage: PAGES,
      txid: page,
    });
  }
  pageHeader(bytes, FREE_LIST_PAGE, PageFlag.freeList);
  pageHeader(bytes, ROOT_PAGE, PageFlag.leaf);
  disk.writeSync(file, bytes, 0);
  disk.syncSync(file);
}

function pageHeader(bytes: Uint8Array, page: number, flag: number): void {
  writeU64(bytes, page * PAGE_BYTES, page);
  bytes[page * PAGE_BYTES + 8] = flag;
}
