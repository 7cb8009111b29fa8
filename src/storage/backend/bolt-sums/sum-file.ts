import { crc32cUpdate } from "../../../base/crc32c.ts";
import { type Disk, DiskError, type DiskOp, type FileId } from "../../../platform/disk.ts";
import type { Logger } from "../../../platform/logger.ts";
import { type CommitId, loadSums } from "./load-sums.ts";
import type { PageSums } from "./page-sums.ts";
import {
  crcOf,
  encodeHead,
  encodeRecord,
  HEAD_BYTES,
  RecordKind,
  type RecordHead,
  runOf,
  runsOf,
} from "./sum-records.ts";

/** When a file of sums is written anew, and how. */
export interface SumTuning {
  /** When it is longer than so many bytes per page of the database … */
  readonly outgrownPageBytes: number;
  /** … and than this. */
  readonly outgrownBytes: number;
  /** Pages whose sums each commit adds to the new file. */
  readonly partPages: number;
  /** Commits after a failure until the next try. */
  readonly retryCommits: number;
}

const TUNING: SumTuning = {
  // Four times what is needed: the file stays below half a percent of the database.
  outgrownPageBytes: 16,
  outgrownBytes: 256 * 1024,
  // Half a millisecond.
  partPages: 64 * 1024,
  // A minute under load.
  retryCommits: 600,
};

/** Where a database's sums are kept, and who is told when they cannot be used or kept. */
export interface SumFileOptions {
  readonly disk: Disk;
  /** Nobody else may write it or `<path>.new`. */
  readonly path: string;
  readonly logger?: Logger;
  /** For tests. */
  readonly tuning?: Partial<SumTuning>;
}

/** A commit that is about to be written. */
export interface SummedCommit {
  readonly txid: number;
  readonly endPage: number;
  /** The first pages of all that it writes, ascending. */
  readonly ids: readonly number[];
}

/** A file that records are appended to. */
interface Target {
  readonly file: FileId;
  endBytes: number;
  /** Of the last record. */
  crc: number;
  /** Something may lie behind the end. */
  hasTail: boolean;
}

/**
 * The checksums of a database file's pages, in a file beside it that may be missing: then the pages
 * are taken as they are, and it is written anew. Each commit appends a record and has it synced
 * before its own meta page is written. That page bears the record's mark, which is what tells that
 * the two belong together: whoever else writes the database leaves no mark, or another one. Nothing
 * that fails here harms the commit; what is on the disk then has no record of its mark.
 */
export class SumFile {
  readonly #options: SumFileOptions;
  readonly #tuning: SumTuning;
  readonly #sums: PageSums;
  readonly #pageBytes: number;
  readonly #directory: string;
  /** Ends with the record of the last commit; null when there is no such file. */
  #current: Target | null = null;
  /** Being written to take its place, and the first page whose sum it does not have yet. */
  #next: Target | null = null;
  #nextPage = 0;
  #mark = 0;
  /** Lists on their way to the disk. */
  #pending = 0;
  #restCommits = 0;
  /** Rises with each failure: later news of what it ended are no news. */
  #life = 0;

  /**
   * Reads into `sums` what there is for the commit that the database file holds; blocks. From then
   * on the caller keeps `sums` those of the newest tree.
   */
  constructor(options: SumFileOptions, last: CommitId, sums: PageSums) {
    this.#options = options;
    this.#tuning = { ...TUNING, ...options.tuning };
    this.#sums = sums;
    this.#pageBytes = last.pageBytes;
    const { disk, path, logger } = options;
    this.#directory = path.slice(0, path.lastIndexOf("/")) || "/";
    const loaded = loadSums({ disk, path, sums }, last);
    if (loaded !== null && "reason" in loaded) {
      const { reason, isExpected } = loaded;
      const level = isExpected ? "info" : "warn";
      logger?.log(level, "page checksums are made anew", { path, reason });
    } else if (loaded !== null) {
      this.#current = { ...loaded, hasTail: true };
      this.#mark = last.mark;
    }
  }

  /** Nothing is on its way to the disk. */
  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /**
   * Submits what makes the sums of a commit durable; the caller submits the commit behind it.
   * Returns the mark for its meta page, 0 when there is to be none.
   */
  commit(commit: SummedCommit): number {
    if (this.#restCommits > 0) {
      this.#restCommits -= 1;
      return 0;
    }
    this.#beginIfDue(commit.endPage);
    if (this.#current === null && this.#next === null) return 0;
    const runs = runsOf(commit.ids, this.#sums);
    const ops: DiskOp[] = [];
    this.#addPart(commit, ops);
    const mark = this.#nextMark(commit, runs);
    if (this.#current !== null) {
      const head = { kind: RecordKind.commit, txid: commit.txid, mark };
      ops.push(...append(this.#current, head, runs), { op: "sync", file: this.#current.file });
    }
    if (this.#next !== null) this.#appendToNext(commit, runs, mark, ops);
    this.#submit(ops);
    return mark;
  }

  /** The commit is durable. */
  committed({ endPage }: { readonly endPage: number }): void {
    const next = this.#next;
    if (next === null || this.#nextPage < endPage) return;
    const { file } = this.#current!;
    this.#submit([{ op: "close", file }, ...this.#renameOps()]);
    this.#current = next;
    this.#next = null;
  }

  /** Gives up the files. When idle. */
  close(): void {
    for (const target of [this.#current, this.#next]) {
      if (target !== null) this.#options.disk.closeSync(target.file);
    }
    this.#current = null;
    this.#next = null;
  }

  #beginIfDue(endPage: number): void {
    // Opening does not queue: what the lists before rename or remove must have gone.
    if (this.#next !== null || this.#pending > 0 || !this.#isOutgrown(endPage)) return;
    try {
      this.#begin();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#fail(error);
    }
  }

  #isOutgrown(endPage: number): boolean {
    if (this.#current === null) return true;
    const { outgrownBytes, outgrownPageBytes } = this.#tuning;
    return this.#current.endBytes > Math.max(outgrownBytes, endPage * outgrownPageBytes);
  }

  #begin(): void {
    const file = this.#options.disk.openSync(this.#newPath, { write: true, create: true });
    const head = encodeHead(this.#pageBytes);
    this.#next = { file, endBytes: HEAD_BYTES, crc: crcOf(head), hasTail: false };
    this.#nextPage = 0;
    this.#submit([
      { op: "truncate", file, lengthBytes: 0 },
      { op: "write", file, bytes: head, start: 0, end: head.length, offset: 0 },
    ]);
  }

  /** Some more of the sums of all pages; they count with the commit record behind the last. */
  #addPart({ txid, endPage }: SummedCommit, ops: DiskOp[]): void {
    const next = this.#next;
    if (next === null || this.#nextPage >= endPage) return;
    const end = Math.min(endPage, this.#nextPage + this.#tuning.partPages);
    const runs = runOf(this.#nextPage, end, this.#sums);
    ops.push(...append(next, { kind: RecordKind.part, txid, mark: 0 }, runs));
    this.#nextPage = end;
  }

  /** Continues the last one, so that it depends on everything since the file was first made. */
  #nextMark({ endPage }: SummedCommit, runs: Uint8Array): number {
    if (this.#current === null && this.#nextPage < endPage) return 0;
    const before = this.#current === null ? this.#next!.crc : this.#mark;
    this.#mark = crc32cUpdate(before, runs, 0, runs.length) || 1;
    return this.#mark;
  }

  #appendToNext(commit: SummedCommit, runs: Uint8Array, mark: number, ops: DiskOp[]): void {
    const next = this.#next!;
    const { txid } = commit;
    const isWhole = this.#nextPage >= commit.endPage;
    const head = isWhole
      ? { kind: RecordKind.commit, txid, mark }
      : { kind: RecordKind.part, txid, mark: 0 };
    ops.push(...append(next, head, runs));
    if (!isWhole) return;
    ops.push({ op: "sync", file: next.file });
    // The old file has the last durable commit: its name is taken when the new one is durable.
    if (this.#current !== null) return;
    ops.push(...this.#renameOps());
    this.#current = next;
    this.#next = null;
  }

  #renameOps(): DiskOp[] {
    return [
      { op: "rename", from: this.#newPath, to: this.#options.path },
      { op: "syncDir", path: this.#directory },
    ];
  }

  get #newPath(): string {
    return `${this.#options.path}.new`;
  }

  #submit(ops: readonly DiskOp[]): void {
    const life = this.#life;
    this.#pending += 1;
    this.#options.disk.submit(ops, (error) => {
      this.#pending -= 1;
      if (error !== null && life === this.#life) this.#fail(error);
    });
  }

  /** A step whose failure changes nothing. */
  #attempt(op: DiskOp): void {
    this.#pending += 1;
    this.#options.disk.submit([op], () => {
      this.#pending -= 1;
    });
  }

  /** Goes on without: no commit has a mark until a new file is made. */
  #fail(error: DiskError): void {
    const { path, logger } = this.#options;
    logger?.log("warn", "page checksums cannot be kept", { path, reason: error.message });
    this.#life += 1;
    this.#restCommits = this.#tuning.retryCommits;
    for (const target of [this.#current, this.#next]) {
      if (target !== null) this.#attempt({ op: "close", file: target.file });
    }
    for (const each of [path, this.#newPath]) this.#attempt({ op: "unlink", path: each });
    this.#current = null;
    this.#next = null;
  }
}

/** Writes a record behind the last one. */
function append(target: Target, head: RecordHead, runs: Uint8Array): DiskOp[] {
  const { file } = target;
  const bytes = encodeRecord(head, runs, target.crc);
  const ops: DiskOp[] = [];
  if (target.hasTail) ops.push({ op: "truncate", file, lengthBytes: target.endBytes });
  ops.push({ op: "write", file, bytes, start: 0, end: bytes.length, offset: target.endBytes });
  target.hasTail = false;
  target.endBytes += bytes.length;
  target.crc = crcOf(bytes);
  return ops;
}
