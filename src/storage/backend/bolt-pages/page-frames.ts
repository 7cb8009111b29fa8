import { PageCache } from "./page-cache.ts";

/**
 * How many further loads the bytes of a page outlive. A batch of lookups, the largest piece of work
 * between a read and the use of what it named, needs 32.
 */
export const FRAME_LOADS_MIN = 1024;
/** Frames are made in pieces of this many, so that memory follows need. */
const FRAMES_PER_PIECE = 64;

/**
 * Single pages in memory that is used again. Reading into fresh memory costs three times as much as
 * the read itself (page faults, then garbage), which is what a lookup beyond the cache would pay.
 * The price: bytes change under who keeps them, yet not before FRAME_LOADS_MIN further loads.
 */
export class PageFrames {
  /** Pages loaded so far: the clock of FRAME_LOADS_MIN. */
  loads = 0;
  readonly #pageBytes: number;
  readonly #cache: PageCache;
  /** Frames without a page, in the order in which they lost it, from #waitingFrom on. */
  #waiting: Uint8Array[] = [];
  /** `loads` at that moment. */
  #lostAt: number[] = [];
  #waitingFrom = 0;
  /** Frames that never had one. */
  readonly #fresh: Uint8Array[] = [];

  /** Memory is at most `bytesMax`, FRAME_LOADS_MIN pages, and one piece. */
  constructor(pageBytes: number, bytesMax: number) {
    this.#pageBytes = pageBytes;
    this.#cache = new PageCache(bytesMax, (frame) => {
      this.#waiting.push(frame);
      this.#lostAt.push(this.loads);
    });
  }

  get(id: number): Uint8Array | null {
    return this.#cache.get(id);
  }

  /** A frame that `get(id)` finds from now on; the caller fills all of it at once. */
  load(id: number): Uint8Array {
    this.loads += 1;
    const frame = this.#take();
    this.#cache.set(id, frame);
    return frame;
  }

  /** Page `id` is another one from now on. */
  delete(id: number): void {
    this.#cache.delete(id);
  }

  #take(): Uint8Array {
    const from = this.#waitingFrom;
    if (from < this.#waiting.length && this.loads - this.#lostAt[from]! > FRAME_LOADS_MIN) {
      const frame = this.#waiting[from]!;
      this.#waitingFrom = from + 1;
      if (this.#waitingFrom === FRAME_LOADS_MIN) this.#forgetTaken();
      return frame;
    }
    if (this.#fresh.length === 0) {
      const piece = new Uint8Array(this.#pageBytes * FRAMES_PER_PIECE);
      for (let at = 0; at < piece.length; at += this.#pageBytes) {
        this.#fresh.push(piece.subarray(at, at + this.#pageBytes));
      }
    }
    return this.#fresh.pop()!;
  }
  #forgetTaken(): void {
    this.#waiting = this.#waiting.slice(this.#waitingFrom);
    this.#lostAt = this.#lostAt.slice(this.#waitingFrom);
    this.#waitingFrom = 0;
  }
}
