/** New pages are cut from pieces of memory of this size. */
export const ARENA_BYTES = 256 * 1024;
/** What is larger than this part of a piece has memory of its own. */
const CUT_PART = 1 / 4;
/**
 * A piece rests while so many others are used, for who may still look at a page that it held; more
 * than the second number are given back.
 */
const RESTING_MIN = 4;
const RESTING_MAX = 32;

interface Arena {
  readonly bytes: Uint8Array;
  /** Cut from it, and in use. */
  pages: number;
}

/**
 * Memory for pages that are not on the disk yet. Its pieces are used again: a load that writes
 * hundreds of megabytes would leave as much to the garbage collector, which takes its time.
 */
export class PageArenas {
  readonly #arenas = new Map<ArrayBufferLike, Arena>();
  readonly #resting: Arena[] = [];
  readonly #onRest: () => void;
  #current: Arena | null = null;
  #at = 0;

  /** `onRest`: pages of a piece may be others from now on, for who still looks at them. */
  constructor(onRest: () => void) {
    this.#onRest = onRest;
  }

  /** `bytes` zeros, a multiple of eight. */
  take(bytes: number): Uint8Array {
    if (bytes > ARENA_BYTES * CUT_PART) return new Uint8Array(bytes);
    if (this.#current === null || this.#at + bytes > ARENA_BYTES) this.#next();
    const arena = this.#current!;
    const page = arena.bytes.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    arena.pages += 1;
    return page;
  }

  /** `page` is not needed any more: others get its memory once those beside it are not either. */
  give(page: Uint8Array): void {
    const arena = this.#arenas.get(page.buffer);
    if (arena === undefined) return;
    arena.pages -= 1;
    if (arena.pages === 0 && arena !== this.#current) this.#rest(arena);
  }

  #rest(arena: Arena): void {
    this.#onRest();
    if (this.#resting.length < RESTING_MAX) this.#resting.push(arena);
    else this.#arenas.delete(arena.bytes.buffer);
  }

  #next(): void {
    const before = this.#current;
    if (before !== null && before.pages === 0) this.#rest(before);
    let arena = this.#resting.length > RESTING_MIN ? this.#resting.shift() : undefined;
    if (arena === undefined) {
      arena = { bytes: new Uint8Array(ARENA_BYTES), pages: 0 };
      this.#arenas.set(arena.bytes.buffer, arena);
    } else {
      arena.bytes.fill(0);
    }
    this.#current = arena;
    this.#at = 0;
  }
}
