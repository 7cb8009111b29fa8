import { assert } from "../../../base/assert.ts";

const ALL_FREE = 0xffff_ffff;

/** Pages that can be written, as a bitmap: a quarter of a MiB for a file of 8 GiB. */
export class FreePages {
  #isFrontFirst = false;
  #words = new Uint32Array(1024);
  /** Where the search goes on: neighbours in time become neighbours in the file. */
  #from = 0;
  /** No page below is free. */
  #lowest = 0;
  #end = 0;
  count = 0;

  /** Single pages are taken as near to the front as there are any, so that the end becomes free. */
  set isFrontFirst(value: boolean) {
    this.#isFrontFirst = value;
    this.#from = 0;
  }

  /** Pages [first, first + count) become free; none of them may be already. */
  add(first: number, count: number): void {
    const end = first + count;
    this.#reach(end);
    for (let id = first; id < end; id++) {
      assert(!this.has(id), "bolt: a page is freed twice");
      this.#words[id >>> 5]! |= 1 << (id & 31);
    }
    this.count += count;
    if (first < this.#lowest) this.#lowest = first;
  }

  /** The same pages again, of which others may be taken. */
  copy(): FreePages {
    const copy = new FreePages();
    copy.#words = this.#words.slice();
    copy.#end = this.#end;
    copy.count = this.count;
    return copy;
  }

  has(id: number): boolean {
    return id < this.#end && (this.#words[id >>> 5]! & (1 << (id & 31))) !== 0;
  }

  /** Takes `count` pages that lie side by side; returns the first, or -1 when there are none. */
  take(count: number): number {
    if (this.count < count) return -1;
    if (this.#isFrontFirst && count === 1) return this.#takeLowest();
    let first = this.#search(this.#from, this.#end, count);
    if (first < 0) first = this.#search(0, Math.min(this.#end, this.#from + count), count);
    if (first < 0) return -1;
    for (let id = first; id < first + count; id++) this.#clear(id);
    this.count -= count;
    this.#from = first + count;
    return first;
  }

  /** Pages below `end` that are free, counted no further than `enough`. */
  countBelow(end: number, enough: number): number {
    let found = 0;
    const stop = Math.min(end, this.#end);
    for (let id = this.#lowest; id < stop && found < enough; id++) {
      if ((id & 31) === 0 && this.#words[id >>> 5] === 0) id += 31;
      else if (this.has(id)) found += 1;
    }
    return found;
  }

  /**
   * Whether `count` pages lie side by side below `end`: the next `take(count)`, for more than one,
   * then takes the first such.
   */
  aimBelow(count: number, end: number): boolean {
    const first = this.#search(this.#lowest, Math.min(end, this.#end), count);
    if (first >= 0) this.#from = first;
    return first >= 0;
  }

  /**
   * The pages right below `end` that are free cease to exist; returns the end that is left.
   */
  trim(end: number): number {
    let left = end;
    while (this.has(left - 1)) {
      const isWord = (left & 31) === 0 && this.#words[(left >>> 5) - 1] === ALL_FREE;
      const pages = isWord ? 32 : 1;
      left -= pages;
      if (isWord) this.#words[left >>> 5] = 0;
      else this.#clear(left);
      this.count -= pages;
    }
    return left;
  }

  #takeLowest(): number {
    const first = this.#search(this.#lowest, this.#end, 1);
    this.#lowest = first + 1;
    this.#clear(first);
    this.count -= 1;
    return first;
  }

  #clear(id: number): void {
    this.#words[id >>> 5]! &= ~(1 << (id & 31));
  }

  #search(from: number, to: number, count: number): number {
    let run = 0;
    for (let id = from; id < to; id++) {
      if ((id & 31) === 0 && this.#words[id >>> 5] === 0) {
        run = 0;
        id += 31;
        continue;
      }
      run = this.has(id) ? run + 1 : 0;
      if (run === count) return id - count + 1;
    }
    return -1;
  }

  #reach(end: number): void {
    if (end > this.#end) this.#end = end;
    const words = (end + 31) >>> 5;
    if (words <= this.#words.length) return;
    const grown = new Uint32Array(Math.max(words, this.#words.length * 2));
    grown.set(this.#words);
    this.#words = grown;
  }
}
