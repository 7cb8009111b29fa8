import { type ByteSpan, newSpan } from "../../../base/span.ts";
import { META_PAGES } from "./format.ts";
import { type Meta, writeMeta } from "./meta.ts";
import type { PageSource } from "./page.ts";

/** What an image is of. */
export interface FileImageOptions {
  readonly source: Pick<PageSource, "pageBytes"> & {
    /**
     * Tree page `id` with its overflow pages, checked. Those of a single page are used at once, of
     * several they stay as they are.
     */
    once(id: number): Uint8Array;
  };
  /** Of the commit whose image it is. */
  readonly meta: Meta;
  /** Whether its trees have the page, as its first one or as one of its overflow pages. */
  readonly isUsed: (id: number) => boolean;
  /** The pages are no longer needed. */
  readonly onClose: () => void;
}

/**
 * The database at one commit as the bytes of a file, from first to last, as etcd makes a snapshot
 * (formats-disk.md 10): two meta pages that are alike but for their transaction numbers, then all
 * pages. Those that no tree has are zeros here, so that nothing of what was deleted gets out.
 */
export class FileImage {
  readonly totalBytes: number;
  readonly #options: FileImageOptions;
  readonly #pageBytes: number;
  /** Page that is read next. */
  #next = 0;
  /** What of the page before it was not taken yet. */
  readonly #rest: ByteSpan = newSpan();
  readonly #zeros: Uint8Array;
  #isClosed = false;

  constructor(options: FileImageOptions) {
    this.#options = options;
    this.#pageBytes = options.source.pageBytes;
    this.totalBytes = options.meta.endPage * this.#pageBytes;
    this.#zeros = new Uint8Array(this.#pageBytes);
  }

  /**
   * Fills `into` with the next bytes; returns how many, less than its length only at the end.
   * @throws BoltError when a page is damaged, DiskError.
   */
  read(into: Uint8Array): number {
    const rest = this.#rest;
    let at = 0;
    while (at < into.length) {
      if (rest.start === rest.end && !this.#nextPage()) break;
      const bytes = Math.min(into.length - at, rest.end - rest.start);
      into.set(rest.bytes.subarray(rest.start, rest.start + bytes), at);
      rest.start += bytes;
      at += bytes;
    }
    // Until the next call others use the memory that a single page lies in.
    const isShared = rest.bytes.length <= this.#pageBytes;
    if (isShared && rest.start < rest.end) this.#show(rest.bytes.slice(rest.start, rest.end));
    return at;
  }

  /** Gives the pages up. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClose();
  }

  #nextPage(): boolean {
    const { meta, source, isUsed } = this.#options;
    const id = this.#next;
    if (id >= meta.endPage) return false;
    if (id < META_PAGES) {
      const page = new Uint8Array(this.#pageBytes);
      writeMeta(page, id, { ...meta, txid: meta.txid - id });
      this.#show(page);
    } else {
      this.#show(isUsed(id) ? source.once(id) : this.#zeros);
    }
    this.#next += (this.#rest.end - this.#rest.start) / this.#pageBytes;
    return true;
  }

  #show(bytes: Uint8Array): void {
    const rest = this.#rest;
    rest.bytes = bytes;
    rest.start = 0;
    rest.end = bytes.length;
  }
}
