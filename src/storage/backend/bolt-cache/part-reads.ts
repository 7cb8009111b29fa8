import { type ByteSpan, newSpan } from "../../../base/span.ts";
import { SECTOR_BYTES, sectorSum } from "../bolt-sums/page-sum.ts";
import { CHANGE_READS_MAX } from "../backend.ts";
import { mainAt, subAt } from "../bolt-pages/revision-key.ts";
import type { LeafPlace, LeafPlaces } from "./leaf-places.ts";

const PAGE_BYTES = 4096;
/** Half a page: to read more of it takes as long as all of it. */
const PART_BYTES_MAX = 2048;
/** Memory is used again after so many reads, a few times as many as values have to last. */
const SLOTS = 4 * CHANGE_READS_MAX;
/**
 * A page of which a part is read again before so many other parts are is in demand: it is better
 * kept whole. So are the pages of a list, whose values lie side by side.
 */
const DEMAND_READS = 4096;

/** What came of a read. */
export type PartRead = "found" | "unknown" | "damaged";

/**
 * Reads single values of leaves that are not in memory: a sector or two instead of a page, checked
 * by the sums of their sectors. With values all over a file larger than memory that is most reads,
 * and copying a page nobody else asks for is half of what they cost.
 */
export class PartReads {
  readonly #places: LeafPlaces;
  readonly #readAt: (target: ByteSpan, offset: number) => void;
  readonly #bytes = new Uint8Array(SLOTS * PART_BYTES_MAX);
  readonly #words = new Int32Array(this.#bytes.buffer);
  readonly #place: LeafPlace = { start: 0, keyBytes: 0, end: 0 };
  readonly #target = newSpan(this.#bytes);
  #slot = 0;
  #clock = 0;

  /** `readAt` fills a span from a place in the file, or throws. */
  constructor(places: LeafPlaces, readAt: (target: ByteSpan, offset: number) => void) {
    this.#places = places;
    this.#readAt = readAt;
  }

  /**
   * Makes `out` name the value at (main, sub) in page `id`. "unknown": the page has to be read.
   * Throws what `readAt` does.
   */
  read(id: number, main: number, sub: number, out: ByteSpan): PartRead {
    if (!this.#places.find(id, main, sub, this.#place)) return "unknown";
    const before = this.#places.touch(id, this.#nextClock());
    if (before !== 0 && ((this.#clock - before) | 0) < DEMAND_READS) return "unknown";
    return this.#readPlace(id, main, sub, out);
  }

  #readPlace(id: number, main: number, sub: number, out: ByteSpan): PartRead {
    const { start, keyBytes, end } = this.#place;
    const first = Math.floor(start / SECTOR_BYTES);
    const sectors = Math.ceil(end / SECTOR_BYTES) - first;
    if (sectors * SECTOR_BYTES > PART_BYTES_MAX) return "unknown";
    const at = this.#slot * PART_BYTES_MAX;
    this.#slot = (this.#slot + 1) % SLOTS;
    this.#target.start = at;
    this.#target.end = at + sectors * SECTOR_BYTES;
    this.#readAt(this.#target, id * PAGE_BYTES + first * SECTOR_BYTES);
    for (let i = 0; i < sectors; i++) {
      const word = (at + i * SECTOR_BYTES) >> 2;
      const sum = sectorSum(this.#words, word, word + SECTOR_BYTES / 4);
      if (sum !== this.#places.sectorSum(id, first + i)) return "damaged";
    }
    const bytes = this.#bytes;
    const key = at + start - first * SECTOR_BYTES;
    if (mainAt(bytes, key) !== main || subAt(bytes, key) !== sub) return "unknown";
    out.bytes = bytes;
    out.start = key + keyBytes;
    out.end = key + end - start;
    return "found";
  }

  /** Never 0, which is that of a page of which no part was read. */
  #nextClock(): number {
    this.#clock = (this.#clock + 1) | 0;
    if (this.#clock === 0) this.#clock = 1;
    return this.#clock;
  }
}
