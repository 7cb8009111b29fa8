import { assert } from "../../../base/assert.ts";
import { type ByteSpan, copyOf } from "../../../base/span.ts";
import type { Sliced } from "../../../base/sliced.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { Disk, DiskError, DiskOp, FileId } from "../../../platform/disk.ts";
import { ARENA_BYTES, PageArenas } from "../bolt-cache/page-arenas.ts";
import { pageSum } from "../bolt-sums/page-sum.ts";
import type { PageSums } from "../bolt-sums/page-sums.ts";
import type { SumFile } from "../bolt-sums/sum-file.ts";
import { NO_PAGE, PAGE_HEADER_BYTES, writeU32, writeU64 } from "./format.ts";
import { FileLength } from "./file-length.ts";
import { FileImage } from "./file-image.ts";
import { FreedPages, type FreedRun, FreePages } from "./free-pages.ts";
import { writeMark, writeMeta } from "./meta.ts";
import type { PageFile } from "./page-file.ts";
import type { TreePages } from "./page-builder.ts";
import type { PageSource } from "./page.ts";

/** What a commit was larger than, for once the disk was behind, is given back. */
const STAGING_KEPT_BYTES = 16 * 1024 * 1024;

/** Freed runs looked at with a commit: more than all but the largest free; 2 ms. */
const RELEASE_RUNS_MAX = 16 * 1024;
/** And in one step of what is left over, as when a root of a whole old tree is closed. */
const RELEASE_STEP_RUNS = 2048;

/** Bytes of pages that are summed and copied in one turn of the event loop: half a millisecond. */
const TURN_BYTES = 512 * 1024;

/** A commit is durable: merging the batch into the trees took `spillMs`, the disk `writeMs`. */
export type CommitObserver = (spillMs: number, writeMs: number) => void;

/** A commit on its way to the disk. */
interface Commit {
  batch: number;
  readonly txid: number;
  readonly pages: Map<number, Uint8Array>;
  rootPage: number;
  endPage: number;
  spillMs: number;
  beganMs: number;
}

/** What a PageStore works with. */
export interface PageStoreOptions {
  readonly disk: Disk;
  readonly file: FileId;
  readonly pages: PageFile;
  /** Pages below the end that belong to no tree. */
  readonly isFree: (id: number) => boolean;
  /** Page `id` is another one from now on. */
  readonly onNewPage: (id: number) => void;
  /** Gets the sums of all pages that are written. */
  readonly sums: PageSums;
  /** Makes them durable with each commit; null: nobody does. */
  readonly sumFile: SumFile | null;
  /** Commits are prepared and finished in turns by it; absent: in one go. */
  readonly clock?: Clock | undefined;
  readonly onCommit?: CommitObserver | undefined;
  /** Called once; nothing becomes durable any more. */
  readonly onFailure: (error: DiskError) => void;
}

/**
 * Pages of one file for one writer: new ones in memory until they are written, old ones from the
 * file. A commit writes its new pages, syncs, writes the meta page, syncs; the next one waits for
 * that, and those that come meanwhile share one. No page is written over that the last durable
 * tree or an open root has (formats-disk.md 2.8).
 */
export class PageStore implements TreePages, PageSource {
  readonly pageBytes: number;
  /** Batch number of the last commit that is on the disk. */
  durableBatch = 0;
  readonly #options: PageStoreOptions;
  readonly #file: PageFile;
  readonly #free = new FreePages();
  /** Every new page that is not yet on the disk, and what became free before it was. */
  readonly #unwritten = new Map<number, Uint8Array>();
  /** Those of them that the next commit has to write. */
  #dirty = new Map<number, Uint8Array>();
  readonly #freed = new FreedPages();
  #version = 0;
  #batch = 0;
  #txid: number;
  readonly #length: FileLength;
  #inFlight: Commit | null = null;
  #waiting: Commit | null = null;
  #failed = false;
  readonly #arenas = new PageArenas(() => this.#file.outlive());
  /** What is handed to the disk thread; one list at a time uses it. */
  #staging: Uint8Array;

  constructor(options: PageStoreOptions) {
    const { disk, file, pages, isFree } = options;
    this.#options = options;
    this.#file = pages;
    this.pageBytes = pages.pageBytes;
    this.#txid = pages.meta.txid;
    this.#length = new FileLength(disk.sizeSync(file), pages.pageBytes);
    this.#staging = disk.sharedBuffer(ARENA_BYTES);
    for (let id = 0; id < pages.endPage; id++) if (isFree(id)) this.#free.add(id, 1);
  }

  /** Bytes of the file. */
  get fileBytes(): number {
    return Math.max(this.#length.bytes, this.#file.endPage * this.pageBytes);
  }

  /** First page that does not exist. */
  get endPage(): number {
    return this.#file.endPage;
  }

  /** Pages that the newest tree has, and the two meta pages. */
  get usedPages(): number {
    return this.#file.endPage - this.#free.count - this.#freed.count;
  }

  /** Bytes of the pages that the newest tree has. */
  get usedBytes(): number {
    return this.usedPages * this.pageBytes;
  }

  /** Memory that stays because of pages that are not on the disk. */
  get unwrittenBytes(): number {
    const buffers = new Set([...this.#unwritten.values()].map(({ buffer }) => buffer));
    return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Nothing is on its way to the disk, or ever will be again. */
  get isIdle(): boolean {
    return this.#failed || (this.#inFlight === null && this.#waiting === null);
  }

  get loads(): number {
    return this.#file.loads;
  }

  page(id: number): Uint8Array {
    const page = this.#unwritten.get(id);
    if (page === undefined) return this.#file.page(id);
    // What is cut from a piece is other bytes some time after it was written.
    return page.length < page.buffer.byteLength ? copyOf(page) : page;
  }

  brief(id: number, out: ByteSpan): void {
    const page = this.#unwritten.size === 0 ? undefined : this.#unwritten.get(id);
    if (page === undefined) {
      this.#file.brief(id, out);
      return;
    }
    out.bytes = page;
    out.start = 0;
    out.end = page.length;
  }

  glimpse(id: number, main: number, sub: number, out: ByteSpan): boolean {
    if (this.#unwritten.size > 0 && this.#unwritten.has(id)) return false;
    return this.#file.glimpse(id, main, sub, out);
  }

  /**
   * As `page`, for a page that is not asked for again: it stays where it is. A single one is of use
   * at once only; what has several is read piece by piece, and stays as it is.
   */
  once(id: number): Uint8Array {
    const page = this.#unwritten.get(id);
    if (page === undefined) return this.#file.once(id);
    return page.length > this.pageBytes ? this.page(id) : page;
  }

  damaged(id: number, message: string): Error {
    return this.#file.damaged(id, message);
  }

  newPage(bytes: number): { readonly id: number; readonly page: Uint8Array } {
    assert(bytes >= PAGE_HEADER_BYTES, "bolt: a page without a header");
    const count = Math.ceil(bytes / this.pageBytes);
    let id = this.#free.take(count);
    if (id < 0) {
      id = this.#file.endPage;
      this.#file.endPage = id + count;
    }
    const page = this.#arenas.take(count * this.pageBytes);
    writeU64(page, 0, id);
    writeU32(page, 12, count - 1);
    this.#unwritten.set(id, page);
    this.#dirty.set(id, page);
    this.#freed.made(id, this.#version + 1);
    this.#options.onNewPage(id);
    return { id, page };
  }

  free(id: number, count: number): void {
    // What no commit has, no crash brings back.
    const batch = this.#dirty.delete(id) ? 0 : this.#batch + 1;
    this.#freed.add({ id, count, version: this.#version + 1, batch });
  }

  /** The trees were written anew: roots opened from now on no longer have what was freed. */
  nextVersion(): void {
    this.#version += 1;
  }

  /** What the trees are now stays readable until `unpin` is called with the number returned. */
  pin(): number {
    this.#freed.pin(this.#version);
    return this.#version;
  }

  unpin(version: number): void {
    this.#freed.unpin(version);
    this.release();
  }

  /**
   * Gives freed pages to the writer once neither a crash nor a root can need them. True when there
   * is more to look at.
   */
  release(runsMax = RELEASE_STEP_RUNS): boolean {
    return this.#freed.release(this.durableBatch, runsMax, this.#onRelease);
  }

  readonly #onRelease = {
    free: ({ id, count }: FreedRun): void => {
      this.#free.add(id, count);
      this.#written(id);
      this.#file.forget(id);
    },
    // A page that no commit has is nowhere else. The piece of memory that it is cut from goes.
    hold: ({ id }: FreedRun): void => {
      const page = this.#unwritten.get(id);
      const isCut = page !== undefined && page.length < page.buffer.byteLength;
      if (!isCut) return;
      this.#unwritten.set(id, copyOf(page));
      this.#arenas.give(page);
    },
  };

  /** Page `id` is read from the disk from now on, or not at all. */
  #written(id: number): void {
    const page = this.#unwritten.get(id);
    if (page === undefined) return;
    this.#unwritten.delete(id);
    this.#arenas.give(page);
  }

  /** New single pages come from the front of the file, to let its end become free. */
  set isFrontFirst(value: boolean) {
    this.#free.isFrontFirst = value;
  }

  /** Free pages below `end`, counted no further than `enough`. */
  freeBelow(end: number, enough: number): number {
    return this.#free.countBelow(end, enough);
  }

  /** Whether the next page of `count` pages, which are several, will be below `end`. */
  aimBelow(count: number, end: number): boolean {
    return this.#free.aimBelow(count, end);
  }

  /** A page from `id` on was given up, and is still needed. */
  isHeldFrom(id: number): boolean {
    return this.#freed.reaches(id);
  }

  /** The file shrinks to its last page with each commit, a piece at a time. */
  set isTight(value: boolean) {
    this.#length.isTight = value;
  }

  /** The file as the last commit makes it, whose tree at `rootPage` is the newest. */
  image(rootPage: number): FileImage {
    const unused = this.#free.copy();
    this.#freed.forEach(({ id, count }) => unused.add(id, count));
    const { endPage } = this.#file;
    const { pageBytes } = this;
    const pin = this.pin();
    return new FileImage({
      source: this,
      meta: { pageBytes, rootPage, freeListPage: NO_PAGE, endPage, txid: this.#txid },
      isUsed: (id) => !unused.has(id),
      onClose: () => this.unpin(pin),
    });
  }

  /** Commits the tree at `rootPage`, which took `spillMs` to make; returns the batch's number. */
  commit(rootPage: number, spillMs = 0): number {
    const batch = (this.#batch += 1);
    const endPage = this.#free.trim(this.#file.endPage);
    this.#file.endPage = endPage;
    const pages = this.#dirty;
    this.#dirty = new Map();
    if (this.#waiting === null) {
      this.#txid += 1;
      const txid = this.#txid;
      this.#waiting = { batch, txid, pages, rootPage, endPage, spillMs, beganMs: 0 };
    } else {
      // It has not begun: it takes this one in, and becomes durable with it. Its transaction number
      // stays, for the next one would write over the meta page that is the last durable one.
      for (const [id, page] of pages) this.#waiting.pages.set(id, page);
      Object.assign(this.#waiting, { batch, rootPage, endPage });
      this.#waiting.spillMs += spillMs;
    }
    this.#start();
    return batch;
  }

  /** A batch without changes: durable as soon as those before it are. */
  commitNothing(): number {
    const batch = (this.#batch += 1);
    const last = this.#waiting ?? this.#inFlight;
    if (last === null) this.durableBatch = batch;
    else last.batch = batch;
    return batch;
  }

  #start(): void {
    const commit = this.#waiting;
    if (commit === null || this.#inFlight !== null || this.#failed) return;
    this.#waiting = null;
    this.#inFlight = commit;
    commit.beganMs = this.#nowMs();
    this.#inTurns(this.#submitting(commit));
  }

  /** Goes on at once as far as a turn allows. */
  #inTurns(work: Sliced<void>): void {
    const { clock } = this.#options;
    while (work.next().done !== true) {
      if (clock === undefined) continue;
      clock.defer(() => this.#inTurns(work));
      return;
    }
  }

  #nowMs(): number {
    return this.#options.clock?.monotonicMs() ?? 0;
  }

  *#submitting(commit: Commit): Sliced<void> {
    const ops = yield* this.#opsOf(commit);
    this.#options.disk.submit(ops, (error) => this.#done(commit, error));
  }

  #done(commit: Commit, error: DiskError | null): void {
    if (error !== null) {
      this.#failed = true;
      this.#options.onFailure(error);
      return;
    }
    if (this.#staging.length > STAGING_KEPT_BYTES) {
      this.#staging = this.#options.disk.sharedBuffer(ARENA_BYTES);
    }
    this.#options.onCommit?.(commit.spillMs, this.#nowMs() - commit.beganMs);
    this.durableBatch = commit.batch;
    this.#length.committed(commit.txid, commit.endPage);
    this.#options.sumFile?.committed(commit);
    this.#inTurns(this.#finishing(commit));
  }

  /** What is on the disk is read from there from now on; then the next one has its turn. */
  *#finishing(commit: Commit): Sliced<void> {
    let bytes = 0;
    for (const [id, page] of commit.pages) {
      if (this.#unwritten.get(id) !== page) continue;
      this.#file.keep(id, page);
      this.#written(id);
      bytes += page.length;
      if (bytes < TURN_BYTES) continue;
      bytes = 0;
      yield;
    }
    this.release(RELEASE_RUNS_MAX);
    // Batches without changes that came meanwhile count as its own.
    this.durableBatch = commit.batch;
    this.#inFlight = null;
    this.#start();
  }

  /** Submits what has to be durable before the commit, and returns the steps of the commit. */
  *#opsOf(commit: Commit): Sliced<DiskOp[]> {
    const { file, sums, sumFile } = this.#options;
    const { pageBytes } = this;
    const ops: DiskOp[] = [];
    const before = this.#length.bytes;
    const lengthBytes = this.#length.change(commit.endPage);
    if (lengthBytes !== null) ops.push({ op: "truncate", file, lengthBytes });
    // Cut off is what nothing needs: that may become durable whenever it does.
    if (lengthBytes !== null && lengthBytes > before) ops.push({ op: "sync", file });
    const ids = [...commit.pages.keys()].sort((a, b) => a - b);
    let bytes = pageBytes;
    for (const page of commit.pages.values()) bytes += page.length;
    const staging = this.#stage(bytes);
    let at = 0;
    let turnEnd = TURN_BYTES;
    for (let i = 0; i < ids.length;) {
      const start = at;
      const first = ids[i]!;
      // Neighbours go in one write.
      do {
        const page = commit.pages.get(ids[i]!)!;
        staging.set(page, at);
        sums.set(ids[i]!, pageSum(page));
        this.#file.note(ids[i]!, page);
        at += page.length;
        i += 1;
        if (at >= turnEnd) {
          turnEnd = at + TURN_BYTES;
          yield;
        }
      } while (i < ids.length && ids[i] === first + (at - start) / pageBytes);
      const offset = first * pageBytes;
      ops.push({ op: "write", file, bytes: staging, start, end: at, offset });
    }
    ops.push({ op: "sync", file });
    const { txid, rootPage, endPage } = commit;
    const end = at + pageBytes;
    const meta = { pageBytes, rootPage, freeListPage: NO_PAGE, endPage, txid };
    writeMeta(staging.subarray(at, end), txid % 2, meta);
    writeMark(staging.subarray(at, end), sumFile?.commit({ txid, endPage, ids }) ?? 0);
    const offset = (txid % 2) * pageBytes;
    ops.push({ op: "write", file, bytes: staging, start: at, end, offset }, { op: "sync", file });
    return ops;
  }

  #stage(bytes: number): Uint8Array {
    if (this.#staging.length < bytes) {
      this.#staging = this.#options.disk.sharedBuffer(Math.max(bytes, this.#staging.length * 2));
    }
    return this.#staging;
  }
}
