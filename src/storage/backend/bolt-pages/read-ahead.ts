import { DiskError } from "../../../platform/disk.ts";

/** Pages of one read: a quarter of a MiB, which takes a fraction of a millisecond. */
const AHEAD_PAGES_MAX = 64;
/** Pages that a walk may pass over, branches or free ones, and still go on ahead. */
const GAP_PAGES_MAX = 16;

/** Fills `target` from page `id` on. Throws DiskError, also when the file is too short. */
type ReadPages = (target: Uint8Array, id: number) => void;

/**
 * Pages for somebody who walks through a file, mostly upwards: reads twice as many ahead each time
 * that goes on, up to AHEAD_PAGES_MAX, and single ones after a jump. The reads are most of what a
 * page costs that is not in memory.
 */
export class ReadAhead {
  readonly #read: ReadPages;
  readonly #pageBytes: number;
  #window: Uint8Array;
  /** Pages [#from, #to) are in the window. */
  #from = 0;
  #to = 0;
  /** The page asked for last, and how many the next read takes. */
  #last = -1;
  #pages = 1;

  constructor(pageBytes: number, read: ReadPages) {
    this.#pageBytes = pageBytes;
    this.#read = read;
    this.#window = new Uint8Array(pageBytes);
  }

  /** The bytes of page `id`, which must be below `endPage`; the next call may change them. */
  view(id: number, endPage: number): Uint8Array {
    if (id < this.#from || id >= this.#to) this.#load(id, endPage);
    this.#last = id;
    const at = (id - this.#from) * this.#pageBytes;
    return this.#window.subarray(at, at + this.#pageBytes);
  }

  /** Page `id` is about to be written: what is here of it is old. */
  forget(id: number): void {
    if (id >= this.#from && id < this.#to) this.#to = this.#from;
  }

  #load(id: number, endPage: number): void {
    const isWalk = id > this.#last && id <= this.#last + GAP_PAGES_MAX;
    this.#pages = isWalk ? Math.min(this.#pages * 2, AHEAD_PAGES_MAX) : 1;
    const count = Math.min(this.#pages, endPage - id);
    this.#from = id;
    this.#to = id;
    try {
      this.#fill(id, count);
    } catch (error) {
      if (count === 1 || !(error instanceof DiskError)) throw error;
      // Another page may be the one that cannot be read.
      this.#fill(id, 1);
    }
  }

  #fill(id: number, count: number): void {
    const bytes = count * this.#pageBytes;
    if (this.#window.length < bytes) this.#window = new Uint8Array(bytes);
    this.#read(this.#window.subarray(0, bytes), id);
    this.#to = id + count;
  }
}
