/** No page has this sum: it is not known yet. */
export const UNKNOWN_SUM = 0;

/** The checksums of a file's pages by page number, in memory: 4 bytes per page. */
export class PageSums {
  #sums = new Uint32Array(1024);

  /** UNKNOWN_SUM when it is not known. */
  get(id: number): number {
    return id < this.#sums.length ? this.#sums[id]! : UNKNOWN_SUM;
  }

  set(id: number, sum: number): void {
    if (id >= this.#sums.length) this.#grow(id + 1);
    this.#sums[id] = sum;
  }

  #grow(count: number): void {
    const grown = new Uint32Array(Math.max(count, this.#sums.length * 2));
    grown.set(this.#sums);
    this.#sums = grown;
  }
}
