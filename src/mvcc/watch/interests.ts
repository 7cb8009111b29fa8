import { assert } from "../../base/assert.ts";
import { type ByteSpan, compareSpans, newSpan } from "../../base/span.ts";
import { hashKey } from "../index/key-hash.ts";
import { Intervals } from "./intervals.ts";
import { Interest, type Watcher, type WatchSpec } from "./watcher.ts";

/** Tables of single keys: each grows on its own, so that no growing takes a millisecond. */
const TABLES = 64;

/**
 * The watchers of one pass, found by key: single keys through a hash, ranges through a tree of
 * intervals. Joining and leaving are O(log n).
 */
export class Interests {
  readonly #seed: number;
  /** By hash; the others of a bucket follow by `next`. */
  readonly #singles: Map<number, Interest>[] = [];
  readonly #ranges = new Intervals();
  readonly #key = newSpan();
  #singleCount = 0;
  #first: Interest | null = null;
  #watchers = 0;

  /** `seed`: any number, which clients cannot know. */
  constructor(seed: number) {
    this.#seed = seed;
    for (let i = 0; i < TABLES; i += 1) this.#singles.push(new Map());
  }

  /** Watchers that have joined. */
  get watchers(): number {
    return this.#watchers;
  }

  /** One of the interests; null when there are none. */
  get first(): Interest | null {
    return this.#first;
  }

  /** Takes a watcher in. */
  join(watcher: Watcher): void {
    this.#watchers += 1;
    const interest = this.#find(watcher.spec);
    if (interest === null) {
      watcher.interest = this.#add(watcher);
      watcher.place = 0;
      return;
    }
    // Watchers that want the same share the bytes of their range.
    watcher.spec = interest.spec;
    watcher.interest = interest;
    watcher.place = interest.watchers.push(watcher) - 1;
  }

  /**
   * Takes a watcher out. Where events are under way the others stay where they are, as somebody
   * goes through them; `closeUp` follows.
   */
  leave(watcher: Watcher): void {
    const { interest, place } = watcher;
    assert(interest !== null, "watch: a watcher leaves where it is not");
    const { watchers } = interest;
    watcher.interest = null;
    watcher.place = -1;
    this.#watchers -= 1;
    if (interest.events > 0) {
      watchers[place] = null;
      interest.holes += 1;
      return;
    }
    const last = watchers.pop()!;
    if (last !== watcher) {
      watchers[place] = last;
      last!.place = place;
    }
    if (watchers.length === 0) this.#drop(interest);
  }

  /** Closes the gaps that `leave` left in an interest; one without watchers is dropped. */
  closeUp(interest: Interest): void {
    if (interest.holes === 0) return;
    const { watchers } = interest;
    let to = 0;
    for (const watcher of watchers) {
      if (watcher === null) continue;
      watchers[to] = watcher;
      watcher.place = to;
      to += 1;
    }
    watchers.length = to;
    interest.holes = 0;
    if (to === 0) this.#drop(interest);
  }

  /** Fills `found` with the interests that a change of `key` matters to. */
  match(key: ByteSpan, found: Interest[]): void {
    found.length = 0;
    if (this.#singleCount > 0) {
      const hash = hashKey(key, this.#seed);
      let one = this.#singles[hash % TABLES]!.get(hash) ?? null;
      for (; one !== null; one = one.next) {
        if (this.#isKey(one, key)) found.push(one);
      }
    }
    this.#ranges.stab(key, found);
  }

  #isKey({ spec }: Interest, key: ByteSpan): boolean {
    if (spec.key.length !== key.end - key.start) return false;
    this.#setKey(spec.key);
    return compareSpans(this.#key, key) === 0;
  }

  #setKey(bytes: Uint8Array): void {
    this.#key.bytes = bytes;
    this.#key.start = 0;
    this.#key.end = bytes.length;
  }

  #chain(spec: WatchSpec, hash: number): Interest | null {
    if (spec.end !== null) return this.#ranges.find(spec);
    return this.#singles[hash % TABLES]!.get(hash) ?? null;
  }

  #setChain(spec: WatchSpec, hash: number, first: Interest | null): void {
    if (spec.end !== null) this.#ranges.set(spec, first);
    else if (first === null) this.#singles[hash % TABLES]!.delete(hash);
    else this.#singles[hash % TABLES]!.set(hash, first);
  }

  #hash({ key, end }: WatchSpec): number {
    if (end !== null) return 0;
    this.#setKey(key);
    return hashKey(this.#key, this.#seed);
  }

  #find(spec: WatchSpec): Interest | null {
    let one = this.#chain(spec, this.#hash(spec));
    for (; one !== null; one = one.next) {
      if (one.spec.flags !== spec.flags) continue;
      if (spec.end !== null || this.#isKey(one, newSpan(spec.key))) return one;
    }
    return null;
  }

  #add(first: Watcher): Interest {
    const { spec } = first;
    const hash = this.#hash(spec);
    const interest = new Interest(first, hash);
    interest.next = this.#chain(spec, hash);
    this.#setChain(spec, hash, interest);
    if (spec.end === null) this.#singleCount += 1;
    interest.after = this.#first;
    if (this.#first !== null) this.#first.before = interest;
    this.#first = interest;
    return interest;
  }

  #drop(interest: Interest): void {
    const { spec, hash, before, after } = interest;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after !== null) after.before = before;
    if (spec.end === null) this.#singleCount -= 1;
    const first = this.#chain(spec, hash);
    if (first === interest) {
      this.#setChain(spec, hash, interest.next);
      return;
    }
    let one = first!;
    while (one.next !== interest) one = one.next!;
    one.next = interest.next;
  }
}
