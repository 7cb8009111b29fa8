import type { ByteSpan } from "../../../base/span.ts";

/**
 * How many further loads the bytes of a page outlive. A batch of lookups, the largest piece of work
 * between a read and the use of what it named, needs 32.
 */
export const FRAME_LOADS_MIN = 1024;
/** Frames are made in pieces of this many, so that memory follows need. */
const PIECE_SHIFT = 6;
const FRAMES_PER_PIECE = 1 << PIECE_SHIFT;
const PIECE_MASK = FRAMES_PER_PIECE - 1;
const NO_PAGE = -1;

/**
 * Single pages in memory that is used again. Reading into fresh memory costs three times as much as
 * the read itself (page faults, then garbage), which is what a lookup beyond the cache would pay.
 * The price: bytes change under who keeps them, yet not before FRAME_LOADS_MIN further loads. What
 * was not asked for again goes first (clock). Frames are numbers and places in large arrays: an
 * object for each is a wait for memory more at every lookup.
 */
export class PageFrames {
  /** Pages loaded so far: the clock of FRAME_LOADS_MIN. */
  loads = 0;
  readonly #pageBytes: number;
  readonly #heldMax: number;
  readonly #pieces: Uint8Array[] = [];
  readonly #words: Int32Array[] = [];
  /** By page number: its frame + 1, 0 for none. */
  #frames = new Int32Array(1024);
  /** By frame: its page; NO_PAGE for none. */
  readonly #ids: Int32Array;
  /** By frame: asked for since the hand passed. */
  readonly #isUsed: Uint8Array;
  #made = 0;
  #held = 0;
  #hand = 0;
  /** A ring of frames without a page, in the order in which they lost it … */
  readonly #waiting: Int32Array;
  /** … and `loads` at that moment. */
  readonly #lostAt: Float64Array;
  #waitingFrom = 0;
  #waitingCount = 0;

  /** Memory is at most `bytesMax`, FRAME_LOADS_MIN pages, and one piece. */
  constructor(pageBytes: number, bytesMax: number) {
    this.#pageBytes = pageBytes;
    this.#heldMax = Math.max(1, Math.floor(bytesMax / pageBytes));
    const framesMax = this.#heldMax + FRAME_LOADS_MIN + 1;
    this.#ids = new Int32Array(framesMax).fill(NO_PAGE);
    this.#isUsed = new Uint8Array(framesMax);
    this.#waiting = new Int32Array(framesMax);
    this.#lostAt = new Float64Array(framesMax);
  }

  /** Whether page `id` is here; asking does not count as use. */
  has(id: number): boolean {
    return id < this.#frames.length && this.#frames[id] !== 0;
  }

  /** Makes `out` name page `id`; false when it is not here. */
  find(id: number, out: ByteSpan): boolean {
    const frame = id < this.#frames.length ? this.#frames[id]! - 1 : -1;
    if (frame < 0) return false;
    this.#isUsed[frame] = 1;
    this.#show(frame, out);
    return true;
  }

  /** As `find`, for page `id` from now on: the caller fills all of it at once. */
  load(id: number, out: ByteSpan): void {
    this.delete(id);
    this.loads += 1;
    if (this.#held === this.#heldMax) this.#evict();
    const frame = this.#take();
    if (id >= this.#frames.length) this.#reach(id);
    this.#frames[id] = frame + 1;
    this.#ids[frame] = id;
    this.#isUsed[frame] = 0;
    this.#held += 1;
    this.#show(frame, out);
  }

  /** Page `id`, which is here, as words; `out` is what `find` or `load` gave. */
  wordsOf(id: number): Int32Array {
    return this.#words[(this.#frames[id]! - 1) >> PIECE_SHIFT]!;
  }

  /** Page `id` is another one from now on. */
  delete(id: number): void {
    const frame = id < this.#frames.length ? this.#frames[id]! - 1 : -1;
    if (frame >= 0) this.#drop(frame);
  }

  #show(frame: number, out: ByteSpan): void {
    const start = (frame & PIECE_MASK) * this.#pageBytes;
    out.bytes = this.#pieces[frame >> PIECE_SHIFT]!;
    out.start = start;
    out.end = start + this.#pageBytes;
  }

  #reach(id: number): void {
    const frames = new Int32Array(Math.max(id + 1, this.#frames.length * 2));
    frames.set(this.#frames);
    this.#frames = frames;
  }

  #evict(): void {
    for (;;) {
      const frame = this.#hand;
      this.#hand = frame + 1 < this.#made ? frame + 1 : 0;
      if (this.#ids[frame] === NO_PAGE) continue;
      if (this.#isUsed[frame] === 0) {
        this.#drop(frame);
        return;
      }
      this.#isUsed[frame] = 0;
    }
  }

  #drop(frame: number): void {
    this.#frames[this.#ids[frame]!] = 0;
    this.#ids[frame] = NO_PAGE;
    this.#held -= 1;
    const ring = this.#waiting.length;
    const at = (this.#waitingFrom + this.#waitingCount) % ring;
    this.#waiting[at] = frame;
    this.#lostAt[at] = this.loads;
    this.#waitingCount += 1;
  }

  #take(): number {
    const from = this.#waitingFrom;
    const isFull = this.#made === this.#ids.length;
    if (this.#waitingCount > 0 && (isFull || this.loads - this.#lostAt[from]! > FRAME_LOADS_MIN)) {
      this.#waitingFrom = (from + 1) % this.#waiting.length;
      this.#waitingCount -= 1;
      return this.#waiting[from]!;
    }
    if (this.#made >> PIECE_SHIFT === this.#pieces.length) {
      const piece = new Uint8Array(this.#pageBytes * FRAMES_PER_PIECE);
      this.#pieces.push(piece);
      this.#words.push(new Int32Array(piece.buffer));
    }
    this.#made += 1;
    return this.#made - 1;
  }
}
