/**
 * Pages in memory by number, bounded in bytes: what was not asked for again goes first (clock).
 * Beside them it takes 4 bytes for every page number up to the highest.
 */
export class PageCache {
  readonly #bytesMax: number;
  /** By page number: its slot + 1, 0 for none. A Map would cost as much as all else of a lookup. */
  #slots = new Int32Array(1024);
  readonly #ids: number[] = [];
  readonly #pages: (Uint8Array | null)[] = [];
  /** Asked for since the hand passed. */
  readonly #isUsed: boolean[] = [];
  readonly #freeSlots: number[] = [];
  #hand = 0;
  #bytes = 0;
  readonly #onDrop: ((page: Uint8Array) => void) | null;

  /**
   * `bytesMax`: pages beyond it are dropped; the newest one always stays. `onDrop` gets every page
   * that is no longer held.
   */
  constructor(bytesMax: number, onDrop: ((page: Uint8Array) => void) | null = null) {
    this.#bytesMax = bytesMax;
    this.#onDrop = onDrop;
  }

  /** Bytes of all pages that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  get(id: number): Uint8Array | null {
    const slot = this.#slotOf(id);
    if (slot < 0) return null;
    this.#isUsed[slot] = true;
    return this.#pages[slot]!;
  }

  /** Whether page `id` is here; asking does not count as use. */
  has(id: number): boolean {
    return this.#slotOf(id) >= 0;
  }

  /** Holds `page` as page `id`, instead of what it held for it. */
  set(id: number, page: Uint8Array): void {
    this.delete(id);
    while (this.#bytes > 0 && this.#bytes + page.length > this.#bytesMax) this.#evict();
    const slot = this.#freeSlots.pop() ?? this.#ids.length;
    if (id >= this.#slots.length) this.#reach(id);
    this.#slots[id] = slot + 1;
    this.#ids[slot] = id;
    this.#pages[slot] = page;
    this.#isUsed[slot] = false;
    this.#bytes += page.length;
  }

  delete(id: number): void {
    const slot = this.#slotOf(id);
    if (slot >= 0) this.#drop(slot);
  }

  #slotOf(id: number): number {
    return id < this.#slots.length ? this.#slots[id]! - 1 : -1;
  }

  #reach(id: number): void {
    const slots = new Int32Array(Math.max(id + 1, this.#slots.length * 2));
    slots.set(this.#slots);
    this.#slots = slots;
  }

  #evict(): void {
    for (;;) {
      const slot = this.#hand;
      this.#hand = slot + 1 < this.#ids.length ? slot + 1 : 0;
      if (this.#pages[slot] === null) continue;
      if (!this.#isUsed[slot]) {
        this.#drop(slot);
        return;
      }
      this.#isUsed[slot] = false;
    }
  }

  #drop(slot: number): void {
    const page = this.#pages[slot]!;
    this.#bytes -= page.length;
    this.#slots[this.#ids[slot]!] = 0;
    this.#pages[slot] = null;
    this.#freeSlots.push(slot);
    if (this.#onDrop !== null) this.#onDrop(page);
  }
}
