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

/** Pages side by side that the newest tree gave up. */
export interface FreedRun {
  readonly id: number;
  readonly count: number;
  /** First version of the trees without them. */
  readonly version: number;
  /** First commit without them, before which a crash brings them back; 0: none had them. */
  readonly batch: number;
}

/**
 * Pages that were given up and are not free yet: a crash may bring the tree back that has them, or
 * an open root has them. A root keeps what was there when it was opened, and nothing that came and
 * went after that, however long it stays open.
 */
export class FreedPages {
  /** Pages in all runs. */
  count = 0;
  /** Not durable, by ascending batch. */
  #pending: FreedRun[] = [];
  /** No crash needs them; whether a root does is to be looked at. */
  readonly #due: FreedRun[][] = [];
  /** By the version of a root that has them. */
  readonly #held = new Map<number, FreedRun[]>();
  /** Versions of open roots, ascending, and how many of each. */
  readonly #pinned: number[] = [];
  readonly #pinCounts = new Map<number, number>();
  /** First version of the trees that has the page, by its number; 0: as found at the opening. */
  #born = new Uint32Array(1024);

  /** Page `id` is in the trees from `version` on. */
  made(id: number, version: number): void {
    if (id >= this.#born.length) {
      const grown = new Uint32Array(Math.max(id + 1, this.#born.length * 2));
      grown.set(this.#born);
      this.#born = grown;
    }
    this.#born[id] = version;
  }

  add(run: FreedRun): void {
    this.count += run.count;
    if (run.batch === 0) this.#due.push([run]);
    else this.#pending.push(run);
  }

  /** A root of this version, which is the newest, is open. */
  pin(version: number): void {
    const count = this.#pinCounts.get(version) ?? 0;
    if (count === 0) this.#pinned.push(version);
    this.#pinCounts.set(version, count + 1);
  }

  unpin(version: number): void {
    const count = this.#pinCounts.get(version)! - 1;
    this.#pinCounts.set(version, count);
    if (count > 0) return;
    this.#pinCounts.delete(version);
    this.#pinned.splice(this.#pinned.indexOf(version), 1);
    const held = this.#held.get(version);
    if (held !== undefined) this.#due.push(held);
    this.#held.delete(version);
  }

  /**
   * Looks at up to `runsMax` runs that are no longer needed after a crash: gives to `free` those
   * that no root has either, and to `hold` the others. True when there is more to look at.
   */
  release(
    durableBatch: number,
    runsMax: number,
    { free, hold }: Record<"free" | "hold", (run: FreedRun) => void>,
  ): boolean {
    const pending = this.#pending.findIndex(({ batch }) => batch > durableBatch);
    if (this.#pending.length > 0 && pending !== 0) {
      this.#due.push(this.#pending.splice(0, pending < 0 ? Infinity : pending));
    }
    for (let left = runsMax; left > 0 && this.#due.length > 0; left--) {
      const run = this.#due.at(-1)!.pop();
      if (run === undefined) {
        this.#due.pop();
        continue;
      }
      const pin = this.#holderOf(run);
      if (pin < 0) {
        this.count -= run.count;
        free(run);
      } else {
        const held = this.#held.get(pin);
        if (held === undefined) this.#held.set(pin, [run]);
        else held.push(run);
        hold(run);
      }
    }
    return this.#due.length > 0;
  }

  /** Whether a page from `id` on is among them. */
  reaches(id: number): boolean {
    for (const runs of this.#lists()) {
      if (runs.some((run) => run.id + run.count > id)) return true;
    }
    return false;
  }

  forEach(callback: (run: FreedRun) => void): void {
    for (const runs of this.#lists()) runs.forEach(callback);
  }

  *#lists(): Generator<readonly FreedRun[]> {
    yield this.#pending;
    yield* this.#due;
    yield* this.#held.values();
  }

  /** Version of an open root that has the run; -1 when none does. */
  #holderOf({ id, version }: FreedRun): number {
    const pinned = this.#pinned;
    const born = id < this.#born.length ? this.#born[id]! : 0;
    let low = 0;
    let high = pinned.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pinned[middle]! < born) low = middle + 1;
      else high = middle;
    }
    return low < pinned.length && pinned[low]! < version ? pinned[low]! : -1;
  }
}
