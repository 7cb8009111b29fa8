/** The file grows by so much at a time (bbolt's AllocSize). */
const GROW_BYTES = 16 * 1024 * 1024;
/** Bytes cut off at once: to give back more takes the disk so long that the log would wait. */
export const CUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * How long the file is, and is to be. It is never shorter than what either meta page on the disk
 * says: should the newer one be torn or lost, the older one finds all its pages.
 */
export class FileLength {
  readonly #pageBytes: number;
  #bytes: number;
  /** End pages of the two meta pages on the disk; not known before they were written here. */
  readonly #ends = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  /** With each commit the file comes to end where its pages do, as far as it may. */
  isTight = false;

  constructor(bytes: number, pageBytes: number) {
    this.#bytes = bytes;
    this.#pageBytes = pageBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The length that the file must get before a commit with this end begins; null: it may stay. */
  change(endPage: number): number | null {
    const wanted = endPage * this.#pageBytes;
    if (wanted > this.#bytes) {
      this.#bytes = wanted + GROW_BYTES;
      return this.#bytes;
    }
    const needed = Math.max(endPage, ...this.#ends) * this.#pageBytes;
    if (!this.isTight || needed >= this.#bytes) return null;
    this.#bytes = Math.max(needed, this.#bytes - CUT_BYTES_MAX);
    return this.#bytes;
  }

  /** A meta page that says `endPage` is on the disk. */
  committed(txid: number, endPage: number): void {
    this.#ends[txid % 2] = endPage;
  }
}
