/** Entries of one page; 64 KiB. */
export const PAGE_ENTRIES = 4096;
/** An entry: main (8 bytes), sub with the tombstone bit, location. */
const ENTRY_F64 = 2;
const ENTRY_U32 = 4;
/** Bytes of a page. */
export const PAGE_BYTES = PAGE_ENTRIES * ENTRY_U32 * 4;
const TOMBSTONE_BIT = 0x8000_0000;
const SUB_MASK = 0x7fff_ffff;
/** How far from the interpolated place an entry is looked for before a plain binary search. */
const GUESS_RADIUS = 16;

/**
 * A run of changes in (main, sub) order. Deleted ones keep their place with location 0 until the
 * page is squeezed.
 */
export class ChangePage {
  readonly #f64: Float64Array;
  readonly #u32: Uint32Array;
  count = 0;
  /** Entries that are not deleted. */
  live = 0;
  /**
   * For entries deleted while a root was open: the number of roots opened until then, 0 for others.
   * Such entries keep their location for the roots that may see them.
   */
  deadSince: Uint32Array | null = null;

  constructor() {
    const buffer = new ArrayBuffer(PAGE_BYTES);
    this.#f64 = new Float64Array(buffer);
    this.#u32 = new Uint32Array(buffer);
  }

  main(at: number): number {
    return this.#f64[at * ENTRY_F64];
  }

  sub(at: number): number {
    return this.#u32[at * ENTRY_U32 + 2] & SUB_MASK;
  }

  isTombstone(at: number): boolean {
    return this.#u32[at * ENTRY_U32 + 2] >= TOMBSTONE_BIT;
  }

  location(at: number): number {
    return this.#u32[at * ENTRY_U32 + 3];
  }

  setLocation(at: number, location: number): void {
    this.#u32[at * ENTRY_U32 + 3] = location;
  }

  append(main: number, sub: number, isTombstone: boolean, location: number): void {
    const at = this.count;
    this.#f64[at * ENTRY_F64] = main;
    this.#u32[at * ENTRY_U32 + 2] = isTombstone ? (sub | TOMBSTONE_BIT) >>> 0 : sub;
    this.#u32[at * ENTRY_U32 + 3] = location;
    this.count = at + 1;
    this.live += 1;
  }

  /** Appends the live entries of another page; there must be room. */
  appendLive(from: ChangePage): void {
    for (let at = 0; at < from.count; at++) {
      const location = from.location(at);
      if (location !== 0) this.append(from.main(at), from.sub(at), from.isTombstone(at), location);
    }
  }

  /** The place of (main, sub), −1 when it is not here; deleted entries are here. */
  find(main: number, sub: number): number {
    // With one change a revision, and no page joined yet, the place is the distance.
    const near = main - this.#f64[0];
    if (near < this.count && this.#f64[near * ENTRY_F64] === main && this.sub(near) === sub) {
      return near;
    }
    const at = this.lowerBound(main, sub);
    return at < this.count && this.main(at) === main && this.sub(at) === sub ? at : -1;
  }

  /** The place of the first entry ≥ (main, sub). */
  lowerBound(main: number, sub: number): number {
    let low = 0;
    let high = this.count;
    if (high === 0 || this.#isBelow(high - 1, main, sub)) return high;
    // Revisions are nearly dense, so the place is nearly proportional.
    const first = this.main(0);
    const span = this.main(high - 1) - first;
    if (span > 0 && main > first) {
      const guess = Math.floor(((main - first) / span) * (high - 1));
      const from = guess - GUESS_RADIUS;
      const to = guess + GUESS_RADIUS;
      if (from > 0 && this.#isBelow(from, main, sub)) low = from + 1;
      if (to < high && !this.#isBelow(to, main, sub)) high = to;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBelow(middle, main, sub)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBelow(at: number, main: number, sub: number): boolean {
    const other = this.#f64[at * ENTRY_F64];
    return other < main || (other === main && this.sub(at) < sub);
  }
}
