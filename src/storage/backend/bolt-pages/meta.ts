import {
  META_PAGES,
  NO_PAGE,
  PAGE_HEADER_BYTES,
  PageFlag,
  readU32,
  readU64,
  writeU32,
  writeU64,
} from "./format.ts";

const MAGIC = 0xed0c_daed;
const VERSION = 2;
/** magic, version, page size, flags: 4 each; root 8 + 8, free list, pgid, txid, sum: 8 each. */
export const META_BYTES = 64;
const CHECKED_BYTES = META_BYTES - 8;
/**
 * Behind it, where bbolt writes zeros and reads nothing: "skps", mark. Whoever writes the page
 * anew takes it away.
 */
const MARK_AT = PAGE_HEADER_BYTES + META_BYTES;
const MARK_MAGIC = 0x7370_6b73;
/** What there is to read of a meta page, its header included. */
export const META_PAGE_BYTES = MARK_AT + 8;
/** Pages of 512 bytes to 64 KiB exist; more than this is damage. */
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 1024 * 1024;

/** What a meta page says (formats-disk.md 2.2). Page numbers count from 0. */
export interface Meta {
  readonly pageBytes: number;
  /** Root page of the top-level bucket. */
  readonly rootPage: number;
  /** NO_PAGE when the list of free pages is not stored. */
  readonly freeListPage: number;
  /** First page number that was never allocated: the logical size in pages. */
  readonly endPage: number;
  readonly txid: number;
}

/** Why a meta page is not valid; null when it is. */
export type MetaProblem = "invalid database" | "version mismatch" | "checksum error";

/** Reads the meta page at `start`; checks in bbolt's order: magic, version, checksum. */
export function readMeta(bytes: Uint8Array, start: number): Meta | MetaProblem {
  const at = start + PAGE_HEADER_BYTES;
  if (bytes.length < at + META_BYTES) return "invalid database";
  if (readU32(bytes, at) !== MAGIC) return "invalid database";
  if (readU32(bytes, at + 4) !== VERSION) return "version mismatch";
  const sum = fnv1a64(bytes, at, at + CHECKED_BYTES);
  if (readU32(bytes, at + 56) !== sum.low || readU32(bytes, at + 60) !== sum.high) {
    return "checksum error";
  }
  const meta: Meta = {
    pageBytes: readU32(bytes, at + 8),
    rootPage: readU64(bytes, at + 16),
    freeListPage: readU64(bytes, at + 32),
    endPage: readU64(bytes, at + 40),
    txid: readU64(bytes, at + 48),
  };
  return isPlausible(meta) ? meta : "invalid database";
}

/** Writes a whole meta page; the other bytes of `page`, which it fills, become zero. */
export function writeMeta(page: Uint8Array, pageNumber: number, meta: Meta): void {
  page.fill(0);
  writeU64(page, 0, pageNumber);
  page[8] = PageFlag.meta;
  const at = PAGE_HEADER_BYTES;
  writeU32(page, at, MAGIC);
  writeU32(page, at + 4, VERSION);
  writeU32(page, at + 8, meta.pageBytes);
  writeU64(page, at + 16, meta.rootPage);
  writeU64(page, at + 32, meta.freeListPage);
  writeU64(page, at + 40, meta.endPage);
  writeU64(page, at + 48, meta.txid);
  const sum = fnv1a64(page, at, at + CHECKED_BYTES);
  writeU32(page, at + 56, sum.low);
  writeU32(page, at + 60, sum.high);
}

/** The mark that ties a file of page checksums to the commit (bolt-sums); 0 when there is none. */
export function readMark(page: Uint8Array, start: number): number {
  const at = start + MARK_AT;
  return readU32(page, at) === MARK_MAGIC ? readU32(page, at + 4) : 0;
}

/** Adds a mark to a meta page; 0: none. */
export function writeMark(page: Uint8Array, mark: number): void {
  if (mark === 0) return;
  writeU32(page, MARK_AT, MARK_MAGIC);
  writeU32(page, MARK_AT + 4, mark);
}

/** bbolt's writer asserts the same before it writes one. */
function isPlausible(meta: Meta): boolean {
  const { pageBytes, rootPage, freeListPage, endPage, txid } = meta;
  const isPower = pageBytes > 0 && (pageBytes & (pageBytes - 1)) === 0;
  const isPage = (page: number): boolean => page >= META_PAGES && page < endPage;
  return (
    isPower &&
    pageBytes >= PAGE_BYTES_MIN &&
    pageBytes <= PAGE_BYTES_MAX &&
    isPage(rootPage) &&
    (freeListPage === NO_PAGE || isPage(freeListPage)) &&
    txid >= 0
  );
}

/** FNV-1a with 64 bits, in four limbs of 16, over `bytes[start, end)`. */
function fnv1a64(bytes: Uint8Array, start: number, end: number): { low: number; high: number } {
  // The offset basis cbf29ce484222325; the prime is 2^40 + 0x1b3.
  let [a, b, c, d] = [0x2325, 0x8422, 0x9ce4, 0xcbf2];
  for (let i = start; i < end; i++) {
    a ^= bytes[i]!;
    const [a0, b0] = [a, b];
    a = a0 * 0x1b3;
    b = b0 * 0x1b3 + (a >>> 16);
    // 2^40 moves by two limbs and eight bits.
    c = c * 0x1b3 + (a0 << 8) + Math.floor(b / 0x10000);
    d = d * 0x1b3 + (b0 << 8) + Math.floor(c / 0x10000);
    a &= 0xffff;
    b &= 0xffff;
    c &= 0xffff;
    d &= 0xffff;
  }
  return { low: ((b << 16) | a) >>> 0, high: ((d << 16) | c) >>> 0 };
}
