import { type ByteSpan, copyOf, copyOfSpan, newSpan } from "../../../base/span.ts";
import { DiskError } from "../../../platform/disk.ts";
import type { Disk, FileId } from "../../../platform/disk.ts";
import { LeafPlaces } from "../bolt-cache/leaf-places.ts";
import { PageCache } from "../bolt-cache/page-cache.ts";
import { FRAME_LOADS_MIN, PageFrames } from "../bolt-cache/page-frames.ts";
import { PartReads } from "../bolt-cache/part-reads.ts";
import { pageSum, wordsSum } from "../bolt-sums/page-sum.ts";
import { type PageSums, UNKNOWN_SUM } from "../bolt-sums/page-sums.ts";
import { BoltError } from "./error.ts";
import { META_PAGES, PAGE_HEADER_BYTES, pageOverflow, readU32 } from "./format.ts";
import { META_PAGE_BYTES, readMark, readMeta } from "./meta.ts";
import type { Meta, MetaProblem } from "./meta.ts";
import { pageProblem } from "./page.ts";
import type { PageSource } from "./page.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Where the second meta page may begin when the first is damaged: 1 KiB to 16 MiB. */
const SECOND_META_FIRST = 1024;
const SECOND_META_TRIES = 15;
/** Memory for pages that stay as they are: branches, and leaves that cursors walk over. */
const CACHE_BYTES = 16 * 1024 * 1024;
/**
 * Memory for pages of lookups that are in demand (others are read in parts): with the index of a
 * million keys (84 MiB) and Node itself it stays below the 400 MiB that such a member may take.
 */
const FRAME_BYTES = 64 * 1024 * 1024;

/** What is said of a page whose bytes are others than those that were written. */
const WRONG_SUM = "page does not match its checksum";

/**
 * The pages of a database file, read through Disk, checked when they are read, and kept in memory
 * of bounded size.
 */
export class PageFile implements PageSource {
  readonly pageBytes: number;
  /** The newer of the two meta pages that is valid, as it was at the opening. */
  readonly meta: Meta;
  /** What that page bears behind it, see `readMark`. */
  readonly mark: number;
  /** First page number that was never allocated; a writer raises it. */
  endPage: number;
  readonly path: string;
  readonly #disk: Disk;
  readonly #file: FileId;
  readonly #fileBytes: number;
  readonly #cache: PageCache;
  readonly #frames: PageFrames;
  readonly #places = new LeafPlaces();
  readonly #parts: PartReads;
  readonly #framed = newSpan();
  readonly #ahead: ReadAhead;
  #sums: PageSums | null = null;

  /**
   * Looks for the meta pages of an open file (formats-disk.md 2.2).
   * @throws BoltError when neither is valid, or the file is shorter than they say.
   */
  constructor(disk: Disk, file: FileId, path: string, frameBytesMax = FRAME_BYTES) {
    this.#disk = disk;
    this.#file = file;
    this.path = path;
    this.#cache = new PageCache(Math.min(CACHE_BYTES, frameBytesMax));
    this.#fileBytes = disk.sizeSync(file);
    const { meta, mark } = this.#newestMeta();
    this.meta = meta;
    this.mark = mark;
    this.pageBytes = this.meta.pageBytes;
    this.#frames = new PageFrames(this.pageBytes, frameBytesMax);
    this.#parts = new PartReads(this.#places, (target, at) => this.#readAt(target, at));
    this.#ahead = new ReadAhead(this.pageBytes, (target, id) => this.#read(target, id));
    this.endPage = this.meta.endPage;
    const wanted = this.meta.endPage * this.pageBytes;
    if (this.#fileBytes < wanted) {
      throw new BoltError({
        code: "truncated",
        message: `database has ${this.#fileBytes} bytes of ${wanted}`,
        file: path,
      });
    }
  }

  get loads(): number {
    return this.#frames.loads;
  }

  page(id: number): Uint8Array {
    const cached = this.#cache.get(id);
    if (cached !== null) return cached;
    const bytes = this.#copyOfFrame(id) ?? this.#readSound(id);
    this.#cache.set(id, bytes);
    return bytes;
  }

  brief(id: number, out: ByteSpan): void {
    if (this.#frames.find(id, out)) return;
    const cached = this.#cache.get(id);
    if (cached !== null) {
      nameAll(cached, out);
      return;
    }
    if (id >= this.endPage) throw this.damaged(id, "page is behind the end");
    this.#frames.load(id, out);
    try {
      this.#readAt(out, id * this.pageBytes);
      if (pageOverflow(out.bytes, out.start) === 0) {
        this.#checkFrame(out, id);
        return;
      }
    } catch (error) {
      this.#frames.delete(id);
      throw error;
    }
    // A value larger than a page: frames are for single ones.
    this.#frames.delete(id);
    nameAll(this.page(id), out);
  }

  glimpse(id: number, main: number, sub: number, out: ByteSpan): boolean {
    if (this.#sums === null || this.#frames.has(id) || this.#cache.has(id)) return false;
    const found = this.#parts.read(id, main, sub, out);
    if (found === "damaged") throw this.damaged(id, WRONG_SUM);
    return found === "found";
  }

  /**
   * As `page`, and the page stays where it is: for one that is not asked for again. A single one is
   * of use until the next call.
   */
  once(id: number): Uint8Array {
    const framed = this.#framed;
    if (this.#frames.find(id, framed)) {
      const at = framed.bytes.byteOffset + framed.start;
      return new Uint8Array(framed.bytes.buffer, at, framed.end - framed.start);
    }
    const cached = this.#cache.get(id);
    if (cached !== null) return cached;
    const bytes = this.glance(id);
    this.#check(bytes, id);
    return bytes;
  }

  /**
   * Puts a copy of a page that is on the disk as it is here where `page` and `brief` look. New
   * pages are cut from large pieces of memory, which one page of them would hold.
   */
  keep(id: number, bytes: Uint8Array): void {
    this.forget(id);
    if (bytes.length !== this.pageBytes) {
      this.#cache.set(id, copyOf(bytes));
      return;
    }
    const framed = this.#framed;
    this.#frames.load(id, framed);
    framed.bytes.set(bytes, framed.start);
  }

  /** Bytes that `brief` named before count as changed from now on. */
  outlive(): void {
    this.#frames.loads += FRAME_LOADS_MIN;
  }

  /**
   * Page `id` will be on the disk as it is in `bytes`, whose sum was computed last. To be called
   * for every page that is written, before anybody reads it from there.
   */
  note(id: number, bytes: Uint8Array): void {
    if (bytes.length === this.pageBytes) this.#places.note(id, bytes, 0, this.pageBytes);
    else this.#places.forget(id);
  }

  /** Page `id` is about to be written anew. */
  forget(id: number): void {
    this.#cache.delete(id);
    this.#frames.delete(id);
    this.#ahead.forget(id);
  }

  /**
   * Page `id` with its overflow pages, past the cache, with nothing checked but its length.
   * @throws BoltError when it reaches beyond the last page.
   */
  readRaw(id: number): Uint8Array {
    const bytes = this.glance(id);
    return bytes.length === this.pageBytes ? copyOf(bytes) : bytes;
  }

  /** As `readRaw`, for somebody who walks upwards: the next call may change the bytes. */
  glance(id: number): Uint8Array {
    const { pageBytes } = this;
    if (id >= this.endPage) throw this.damaged(id, "page is behind the end");
    const first = this.#ahead.view(id, this.endPage);
    const pages = 1 + pageOverflow(first, 0);
    if (pages === 1) return first;
    if (id + pages > this.endPage) throw this.damaged(id, `page claims ${pages} pages`);
    const all = new Uint8Array(pages * pageBytes);
    this.#read(all, id);
    return all;
  }

  /**
   * From now on every page that is read must have its sum in `sums`, and what has none there is
   * given the one that it was found with.
   */
  verifyWith(sums: PageSums): void {
    this.#sums = sums;
  }

  /** What is wrong with page `id`, which was read into `bytes`; null when nothing is. */
  problem(id: number, bytes: Uint8Array): string | null {
    const sums = this.#sums;
    const sum = sums === null ? UNKNOWN_SUM : pageSum(bytes);
    const known = sums === null ? UNKNOWN_SUM : sums.get(id);
    if (known !== UNKNOWN_SUM && known !== sum) return WRONG_SUM;
    const problem = pageProblem(bytes, 0, bytes.length, { id, endPage: this.endPage });
    if (problem !== null || sums === null) return problem;
    sums.set(id, sum);
    this.note(id, bytes);
    return null;
  }

  /** An error about page `id`. */
  damaged(id: number, message: string): BoltError {
    return new BoltError({
      code: "damaged",
      message,
      file: this.path,
      page: id,
      pageBytes: this.pageBytes,
    });
  }

  #readSound(id: number): Uint8Array {
    const bytes = this.readRaw(id);
    this.#check(bytes, id);
    return bytes;
  }

  #check(bytes: Uint8Array, id: number): void {
    // Who has a sum was sound when it got it.
    if (this.#sums !== null && this.#sums.get(id) === pageSum(bytes)) return;
    const problem = this.problem(id, bytes);
    if (problem !== null) throw this.damaged(id, problem);
  }

  #checkFrame({ bytes, start, end }: ByteSpan, id: number): void {
    const sums = this.#sums;
    if (sums !== null) {
      const words = this.#frames.wordsOf(id);
      if (sums.get(id) === wordsSum(words, start >> 2, end >> 2)) return;
    }
    const problem = this.problem(id, copyOf(bytes, start, end));
    if (problem !== null) throw this.damaged(id, problem);
  }

  #copyOfFrame(id: number): Uint8Array | null {
    const framed = this.#framed;
    return this.#frames.find(id, framed) ? copyOfSpan(framed) : null;
  }

  #read(target: Uint8Array, id: number): void {
    this.#readAt(newSpan(target), id * this.pageBytes);
  }

  #readAt(target: ByteSpan, offset: number): void {
    const read = this.#disk.readSync(this.#file, target.bytes, offset, target.start, target.end);
    if (read < target.end - target.start) throw new DiskError("EIO", this.path, "read");
  }

  #newestMeta(): MarkedMeta {
    const first = this.#metaAt(0);
    const found: MarkedMeta[] = [];
    let problem: MetaProblem = "invalid database";
    if (typeof first === "string") problem = first;
    else found.push(first);
    const second =
      typeof first === "string" ? this.#searchSecond() : this.#metaAt(first.meta.pageBytes);
    if (typeof second !== "string") found.push(second);
    found.sort((a, b) => b.meta.txid - a.meta.txid);
    const newest = found[0];
    if (newest !== undefined) return newest;
    throw new BoltError({
      code: problem === "version mismatch" ? "version" : "invalid",
      message: problem,
      file: this.path,
    });
  }

  #searchSecond(): MarkedMeta | MetaProblem {
    for (let i = 0; i < SECOND_META_TRIES; i++) {
      const at = SECOND_META_FIRST * 2 ** i;
      const found = this.#metaAt(at);
      if (typeof found !== "string" && found.meta.pageBytes === at) return found;
    }
    return "invalid database";
  }

  #metaAt(offset: number): MarkedMeta | MetaProblem {
    const bytes = new Uint8Array(META_PAGE_BYTES);
    if (offset + META_PAGE_BYTES > this.#fileBytes) return "invalid database";
    this.#disk.readSync(this.#file, bytes, offset);
    const meta = readMeta(bytes, 0);
    return typeof meta === "string" ? meta : { meta, mark: readMark(bytes, 0) };
  }
}

function nameAll(bytes: Uint8Array, out: ByteSpan): void {
  out.bytes = bytes;
  out.start = 0;
  out.end = bytes.length;
}

interface MarkedMeta {
  readonly meta: Meta;
  readonly mark: number;
}

/**
 * Numbers on the pages of a stored list of free pages (formats-disk.md 2.3), ascending; null when
 * the page is not such a list.
 */
export function readFreeList(page: Uint8Array): Float64Array | null {
  let count = page[10]! | (page[11]! << 8);
  let at = PAGE_HEADER_BYTES;
  if (count === 0xffff) {
    count = readU32(page, at);
    at += 8;
  }
  if (at + count * 8 > page.length) return null;
  const free = new Float64Array(count);
  for (let i = 0; i < count; i++, at += 8) {
    free[i] = readU32(page, at + 4) * 2 ** 32 + readU32(page, at);
    if (free[i]! < META_PAGES || (i > 0 && free[i]! <= free[i - 1]!)) return null;
  }
  return free;
}
