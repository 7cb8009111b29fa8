import { assert } from "../../../base/assert.ts";

/** Pages that can be written, as a bitmap: a quarter of a MiB for a file of 8 GiB. */
export class FreePages {
  #words = new Uint32Array(1024);
  /** Where the search goes on: neighbours in time become neighbours in the file. */
  #from = 0;
  #end = 0;
  count = 0;

  /** Pages [first, first + count) become free; none of them may be already. */
  add(first: number, count: number): void {
    const end = first + count;
    this.#reach(end);
    for (let id = first; id < end; id++) {
      assert(!this.has(id), "bolt: a page is freed twice");
      this.#words[id >>> 5]! |= 1 << (id & 31);
    }
    this.count += count;
  }

  has(id: number): boolean {
    return id < this.#end && (this.#words[id >>> 5]! & (1 << (id & 31))) !== 0;
  }

  /** Takes `count` pages that lie side by side; returns the first, or -1 when there are none. */
  take(count: number): number {
    if (this.count < count) return -1;
    let first = this.#search(this.#from, this.#end, count);
    if (first < 0) first = this.#search(0, Math.min(this.#end, this.#from + count), count);
    if (first < 0) return -1;
    for (let id = first; id < first + count; id++) this.#words[id >>> 5]! &= ~(1 << (id & 31));
    this.count -= count;
    this.#from = first + count;
    return first;
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
