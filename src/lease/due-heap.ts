/** Slots there is room for at first; doubled when full. */
const CAPACITY_INITIAL = 256;
/** Not in the heap. */
const NOWHERE = 0;

/**
 * Slots by the time at which each is due: a binary heap that knows where each slot is, so that one
 * can be moved or taken out. Nothing is scanned.
 */
export class DueHeap {
  /** The heap, from 1. */
  #slots = new Uint32Array(CAPACITY_INITIAL);
  /** By slot: when it is due, and its place in the heap. */
  #dueMs = new Float64Array(CAPACITY_INITIAL);
  #places = new Uint32Array(CAPACITY_INITIAL);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** When the first is due; Infinity when there is none. */
  get firstMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#dueMs[this.#slots[1]!]!;
  }

  /** The slot that is due first; there must be one. */
  get first(): number {
    return this.#slots[1]!;
  }

  /** Enters a slot (from 1), or moves it. */
  set(slot: number, dueMs: number): void {
    this.#reserve(slot);
    this.#dueMs[slot] = dueMs;
    let place = this.#places[slot]!;
    if (place === NOWHERE) {
      this.#size += 1;
      place = this.#size;
    }
    this.#sink(this.#rise(place, slot), slot);
  }

  /** Takes a slot out, if it is there. */
  delete(slot: number): void {
    const place = this.#places[slot] ?? NOWHERE;
    if (place === NOWHERE) return;
    this.#places[slot] = NOWHERE;
    const last = this.#slots[this.#size]!;
    this.#size -= 1;
    if (last !== slot) this.#sink(this.#rise(place, last), last);
  }

  clear(): void {
    this.#size = 0;
    this.#places.fill(NOWHERE);
  }

  /** Finds the place for `slot`, at `from` or above; those it passes go down. */
  #rise(from: number, slot: number): number {
    const dueMs = this.#dueMs[slot]!;
    let place = from;
    while (place > 1) {
      const parent = place >>> 1;
      const above = this.#slots[parent]!;
      if (this.#dueMs[above]! <= dueMs) break;
      this.#put(place, above);
      place = parent;
    }
    return place;
  }

  /** Puts `slot` at `from` or below; those it passes go up. */
  #sink(from: number, slot: number): void {
    const dueMs = this.#dueMs[slot]!;
    let place = from;
    for (;;) {
      let child = 2 * place;
      if (child > this.#size) break;
      if (child < this.#size && this.#dueAt(child + 1) < this.#dueAt(child)) child += 1;
      if (this.#dueAt(child) >= dueMs) break;
      this.#put(place, this.#slots[child]!);
      place = child;
    }
    this.#put(place, slot);
  }

  #dueAt(place: number): number {
    return this.#dueMs[this.#slots[place]!]!;
  }

  #put(place: number, slot: number): void {
    this.#slots[place] = slot;
    this.#places[slot] = place;
  }

  #reserve(slot: number): void {
    let capacity = this.#places.length;
    if (slot < capacity && this.#size + 1 < capacity) return;
    while (capacity <= slot || capacity <= this.#size + 1) capacity *= 2;
    const [slots, places] = [new Uint32Array(capacity), new Uint32Array(capacity)];
    const dueMs = new Float64Array(capacity);
    slots.set(this.#slots);
    places.set(this.#places);
    dueMs.set(this.#dueMs);
    this.#slots = slots;
    this.#places = places;
    this.#dueMs = dueMs;
  }
}
