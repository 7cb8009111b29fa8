import {
  ELEMENT_BYTES,
  elementAt,
  PAGE_HEADER_BYTES,
  PageFlag,
  writeU32,
  writeU64,
} from "./format.ts";

/** Gives out page numbers for new pages, and takes those that the tree has no use for. */
export interface PageAllocator {
  readonly pageBytes: number;
  /**
   * Room for a new page of `bytes`, zeroed, with its overflow pages; its number and overflow are
   * already in its header. It belongs to the tree from now on.
   */
  newPage(bytes: number): { readonly id: number; readonly page: Uint8Array };
}

/** Reads, makes and gives up the pages of a tree under construction. */
export interface TreePages extends PageAllocator {
  page(id: number): Uint8Array;
  /** `count` pages from `id` on are no longer part of the newest tree. */
  free(id: number, count: number): void;
}

/** The largest number of elements a page may have (formats-disk.md 2.1). */
const ELEMENTS_MAX = 65_534;

/**
 * Collects the elements of one page. Their bytes are copied when the page is made, so they must
 * stay as they are until then. Growing arrays, not objects: a commit has ten thousand of them.
 */
abstract class PageBuilder {
  count = 0;
  /** Bytes of the page so far. */
  sizeBytes = PAGE_HEADER_BYTES;
  protected readonly sources: Uint8Array[] = [];
  protected readonly keyStarts: number[] = [];
  protected readonly keyEnds: number[] = [];

  /** True when one more element of so many bytes would make it longer than `limitBytes`. */
  isFull(elementBytes: number, limitBytes: number): boolean {
    return this.count >= ELEMENTS_MAX || this.sizeBytes + elementBytes > limitBytes;
  }

  /** The first key: what the parent calls the page. */
  firstKey(): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
    return { bytes: this.sources[0]!, start: this.keyStarts[0]!, end: this.keyEnds[0]! };
  }

  protected reset(): void {
    this.count = 0;
    this.sizeBytes = PAGE_HEADER_BYTES;
  }

  protected header(page: Uint8Array, flag: number): void {
    page[8] = flag;
    page[10] = this.count;
    page[11] = this.count >> 8;
  }
}

/** Collects pairs; a value follows its key in memory, as it does in the page. */
export class LeafBuilder extends PageBuilder {
  readonly #ends: number[] = [];
  readonly #flags: number[] = [];

  static elementBytes(pairBytes: number): number {
    return ELEMENT_BYTES + pairBytes;
  }

  /** Adds the pair in `bytes[keyStart, end)`, whose value begins at `keyEnd`. */
  add(bytes: Uint8Array, pair: LeafPair): void {
    const { count } = this;
    this.sources[count] = bytes;
    this.keyStarts[count] = pair.keyStart;
    this.keyEnds[count] = pair.keyEnd;
    this.#ends[count] = pair.end;
    this.#flags[count] = pair.flags;
    this.count = count + 1;
    this.sizeBytes += ELEMENT_BYTES + pair.end - pair.keyStart;
  }

  /** Makes the page and starts the next one. */
  finish(pages: PageAllocator): number {
    const { id, page } = pages.newPage(this.sizeBytes);
    this.header(page, PageFlag.leaf);
    const { count, sources, keyStarts, keyEnds } = this;
    let at = elementAt(0, count);
    // Pairs that were appended together lie together: then the whole page is one copy.
    let runStart = 0;
    let runBytes = 0;
    for (let i = 0; i < count; i++) {
      const element = elementAt(0, i);
      const start = keyStarts[i]!;
      const keyEnd = keyEnds[i]!;
      const end = this.#ends[i]!;
      writeU32(page, element, this.#flags[i]!);
      writeU32(page, element + 4, at + runBytes - element);
      writeU32(page, element + 8, keyEnd - start);
      writeU32(page, element + 12, end - keyEnd);
      if (runBytes === 0) runStart = start;
      runBytes += end - start;
      const source = sources[i]!;
      if (i + 1 < count && sources[i + 1] === source && keyStarts[i + 1] === end) continue;
      page.set(source.subarray(runStart, end), at);
      at += runBytes;
      runBytes = 0;
    }
    this.reset();
    return id;
  }
}

/** Where a pair is within its bytes; `flags`: one of ElementFlag. */
export interface LeafPair {
  keyStart: number;
  keyEnd: number;
  end: number;
  flags: number;
}

/** Collects children with their first keys. */
export class BranchBuilder extends PageBuilder {
  readonly #children: number[] = [];

  /** Adds page `child`, whose keys are all ≥ `bytes[start, end)`. */
  add(bytes: Uint8Array, start: number, end: number, child: number): void {
    const { count } = this;
    this.sources[count] = bytes;
    this.keyStarts[count] = start;
    this.keyEnds[count] = end;
    this.#children[count] = child;
    this.count = count + 1;
    this.sizeBytes += ELEMENT_BYTES + end - start;
  }

  /** The only child, when there is one only. */
  get firstChild(): number {
    return this.#children[0]!;
  }

  /** Makes the page and starts the next one. */
  finish(pages: PageAllocator): number {
    const { id, page } = pages.newPage(this.sizeBytes);
    this.header(page, PageFlag.branch);
    let at = elementAt(0, this.count);
    for (let i = 0; i < this.count; i++) {
      const element = elementAt(0, i);
      const start = this.keyStarts[i]!;
      const end = this.keyEnds[i]!;
      writeU32(page, element, at - element);
      writeU32(page, element + 4, end - start);
      writeU64(page, element + 8, this.#children[i]!);
      page.set(this.sources[i]!.subarray(start, end), at);
      at += end - start;
    }
    this.reset();
    return id;
  }

  /** Forgets what was collected. */
  clear(): void {
    this.reset();
  }
}
