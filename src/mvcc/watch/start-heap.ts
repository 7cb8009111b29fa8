import type { Watcher } from "./watcher.ts";

/**
 * Watchers by the first revision they want, the lowest first. Any can be taken out: O(log n).
 *
 * Invariant: `place` of each is its place here.
 */
export class StartHeap {
  readonly #items: Watcher[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The one with the lowest `from`. */
  peek(): Watcher | undefined {
    return this.#items[0];
  }

  push(watcher: Watcher): void {
    this.#items.push(watcher);
    this.#rise(watcher, this.#items.length - 1);
  }

  /** Takes out one that is here. */
  remove(watcher: Watcher): void {
    const { place } = watcher;
    const last = this.#items.pop()!;
    watcher.place = -1;
    if (last === watcher) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #rise(watcher: Watcher, from: number): void {
    const items = this.#items;
    let at = from;
    while (at > 0) {
      const above = items[(at - 1) >> 1]!;
      if (above.from <= watcher.from) break;
      items[at] = above;
      above.place = at;
      at = (at - 1) >> 1;
    }
    items[at] = watcher;
    watcher.place = at;
  }

  #sink(watcher: Watcher, from: number): void {
    const items = this.#items;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.from < items[child]!.from) child += 1;
      if (items[child]!.from >= watcher.from) break;
      items[at] = items[child]!;
      items[at]!.place = at;
      at = child;
    }
    items[at] = watcher;
    watcher.place = at;
  }
}
