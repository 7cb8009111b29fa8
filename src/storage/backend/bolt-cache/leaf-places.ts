import {
  elementAt,
  leafKeyBytes,
  leafKeyStart,
  leafValueBytes,
  pageCount,
  PageFlag,
  pageFlags,
} from "../bolt-pages/format.ts";
import { isRevisionKey, mainAt, REVISION_BYTES, subAt } from "../bolt-pages/revision-key.ts";
import { copySectorSums, SECTOR_BYTES } from "../bolt-sums/page-sum.ts";

/** Pages of this size are noted: that of memory on nearly all machines, and so of files. */
const PAGE_BYTES = 4096;
const SECTORS = PAGE_BYTES / SECTOR_BYTES;
/** Elements of a page that is noted: more are small, and many of their pages fit into memory. */
const ELEMENTS_MAX = 14;
/** In a bound: the element's key is that of a tombstone, and so a byte longer. */
const TOMBSTONE_BIT = 0x8000;

/** A page's note in words: sums of sectors; bounds as half words; fingerprints as bytes; clock. */
const BOUNDS_WORD = SECTORS;
const PRINTS_WORD = BOUNDS_WORD + 8;
const CLOCK_WORD = PRINTS_WORD + 4;
const NOTE_WORDS = CLOCK_WORD + 1;
const NOTES_PER_CHUNK = 1024;
/** Pages beyond 2 GiB of file are not noted, but read whole: notes take 42 MiB at most. */
const CHUNKS_MAX = 512;

interface Chunk {
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  readonly bytes: Uint8Array;
}

/** Where an element of a leaf is. */
export interface LeafPlace {
  /** Byte of the page at which its key begins. */
  start: number;
  /** The value begins behind so many bytes of key. */
  keyBytes: number;
  /** Where the value ends, exclusive. */
  end: number;
}

/**
 * Where in their pages the elements of leaves of the `key` bucket are, and the sums of the sectors
 * that they are in: 84 bytes for a page, for which one value can be read, and checked, without the
 * other ten of its page. A note is of the page as it is on the disk. It says nothing of pages with
 * many elements, with other keys, or with gaps.
 */
export class LeafPlaces {
  readonly #chunks: (Chunk | undefined)[] = [];

  /** Notes page `id`, whose sum was computed last (`pageSum`); forgets it when it is not fit. */
  note(id: number, bytes: Uint8Array, start: number, pageBytes: number): void {
    if (pageBytes !== PAGE_BYTES) return;
    const count = pageCount(bytes, start);
    const isFit = pageFlags(bytes, start) === PageFlag.leaf && count > 0 && count <= ELEMENTS_MAX;
    if (!isFit || id >= CHUNKS_MAX * NOTES_PER_CHUNK) {
      this.forget(id);
      return;
    }
    const chunk = this.#chunkOf(id);
    const at = (id % NOTES_PER_CHUNK) * NOTE_WORDS;
    const bounds = (at + BOUNDS_WORD) * 2;
    const prints = (at + PRINTS_WORD) * 4;
    let end = 0;
    for (let i = 0; i < count; i++) {
      const element = elementAt(start, i);
      const key = leafKeyStart(bytes, element);
      const keyBytes = leafKeyBytes(bytes, element);
      const isNext = end === 0 || end === key - start;
      if (!isNext || !isRevisionKey(bytes, key, key + keyBytes)) {
        chunk.halves[bounds] = 0;
        return;
      }
      const mark = keyBytes > REVISION_BYTES ? TOMBSTONE_BIT : 0;
      chunk.halves[bounds + 1 + i] = (key - start) | mark;
      chunk.bytes[prints + i] = printOf(mainAt(bytes, key), subAt(bytes, key));
      end = key - start + keyBytes + leafValueBytes(bytes, element);
    }
    chunk.halves[bounds + 1 + count] = end;
    chunk.halves[bounds] = count;
    chunk.words[at + CLOCK_WORD] = 0;
    copySectorSums(chunk.words, at, SECTORS);
  }

  /** Page `id` is another one from now on. */
  forget(id: number): void {
    const chunk = this.#chunks[Math.floor(id / NOTES_PER_CHUNK)];
    if (chunk === undefined) return;
    chunk.halves[((id % NOTES_PER_CHUNK) * NOTE_WORDS + BOUNDS_WORD) * 2] = 0;
  }

  /**
   * Fills `place` with that of the first element in page `id` that may have revision (main, sub);
   * false when there is none, or nothing is known of the page.
   */
  find(id: number, main: number, sub: number, place: LeafPlace): boolean {
    const chunk = this.#chunks[Math.floor(id / NOTES_PER_CHUNK)];
    if (chunk === undefined) return false;
    const at = (id % NOTES_PER_CHUNK) * NOTE_WORDS;
    const bounds = (at + BOUNDS_WORD) * 2;
    const prints = (at + PRINTS_WORD) * 4;
    const count = chunk.halves[bounds]!;
    const print = printOf(main, sub);
    for (let i = 0; i < count; i++) {
      if (chunk.bytes[prints + i] !== print) continue;
      const bound = chunk.halves[bounds + 1 + i]!;
      place.start = bound & ~TOMBSTONE_BIT;
      place.keyBytes = bound < TOMBSTONE_BIT ? REVISION_BYTES : REVISION_BYTES + 1;
      place.end = chunk.halves[bounds + 2 + i]! & ~TOMBSTONE_BIT;
      return true;
    }
    return false;
  }

  /** Sum of a sector of page `id`, of which `find` knew something. */
  sectorSum(id: number, sector: number): number {
    const chunk = this.#chunks[Math.floor(id / NOTES_PER_CHUNK)]!;
    return chunk.words[(id % NOTES_PER_CHUNK) * NOTE_WORDS + sector]!;
  }

  /** Reads of parts of page `id` are counted by who reads: the count at the last, which is now. */
  touch(id: number, clock: number): number {
    const { words } = this.#chunks[Math.floor(id / NOTES_PER_CHUNK)]!;
    const at = (id % NOTES_PER_CHUNK) * NOTE_WORDS + CLOCK_WORD;
    const before = words[at]!;
    words[at] = clock;
    return before;
  }

  #chunkOf(id: number): Chunk {
    const place = Math.floor(id / NOTES_PER_CHUNK);
    let chunk = this.#chunks[place];
    if (chunk === undefined) {
      const words = new Int32Array(NOTES_PER_CHUNK * NOTE_WORDS);
      const { buffer } = words;
      chunk = { words, halves: new Uint16Array(buffer), bytes: new Uint8Array(buffer) };
      while (this.#chunks.length < place) this.#chunks.push(undefined);
      this.#chunks[place] = chunk;
    }
    return chunk;
  }
}

/**
 * Eight bits of a revision: neighbours in a leaf differ in them mostly, however far apart what a
 * compaction left of them is.
 */
function printOf(main: number, sub: number): number {
  return (main ^ (main >>> 8) ^ (main >>> 16) ^ (sub * 37)) & 0xff;
}
