import { assert } from "../../../base/assert.ts";
import { copyBytes } from "../../../base/byte-writer.ts";
import { Slab } from "../../../base/slab.ts";
import type { ByteSpan } from "../../../base/span.ts";
import { newSpan } from "../../../base/span.ts";
import type { ChangeBatch, ChangeCursor, ChangeId } from "../backend.ts";
import { ChangePage, PAGE_BYTES, PAGE_ENTRIES } from "./change-pages.ts";

/** Values are aligned to 16 bytes: 64 GiB can be named. */
const VALUE_UNIT_SHIFT = 4;
/** Before each value: its revision, so that a value that moves finds its entry. */
const OWNER_BYTES = 12;
/** Neighbouring pages are joined when their live entries fit in this many. */
const JOINED_ENTRIES_MAX = PAGE_ENTRIES / 2;
const TWO_32 = 4294967296;

/** What a reader may see: the present, or the moment a root was opened. */
export interface Horizon {
  /** 0 for the present, else the root's number, from 1 in order of opening. */
  readonly root: number;
  /** Changes from here on are not seen. */
  readonly endMain: number;
  readonly endSub: number;
}

/** Sees everything that is not deleted. */
export const PRESENT: Horizon = { root: 0, endMain: Infinity, endSub: 0 };

/** The `key` bucket: an ordered, append-only log of changes, values in a slab. */
export class ChangeLog {
  readonly #values = new Slab(VALUE_UNIT_SHIFT);
  /** In order, none without live or pinned entries except the last. */
  readonly #pages: ChangePage[] = [];
  /** The main of the first entry of each page. */
  #firsts = new Float64Array(64);
  #lastMain = -1;
  #lastSub = 0;
  #layout = 0;
  #deadCount = 0;
  #roots: number[] = [];
  #rootsOpened = 0;
  /** Where joining of pages goes on. */
  #joinAt = 0;
  #sparse = 0;

  /** Rises when entries move. */
  get layout(): number {
    return this.#layout;
  }

  get capacityBytes(): number {
    return this.#values.capacityBytes + this.#pages.length * PAGE_BYTES;
  }

  get liveBytes(): number {
    return this.#values.liveBytes;
  }

  get pages(): readonly ChangePage[] {
    return this.#pages;
  }

  append(change: ChangeId, valueBytes: number, out: ByteSpan): void {
    const { main, sub } = change;
    const isAbove = main > this.#lastMain || (main === this.#lastMain && sub > this.#lastSub);
    assert(isAbove, "change log: revisions must rise");
    const location = this.#values.alloc(OWNER_BYTES + valueBytes);
    const bytes = this.#values.bytes(location);
    const start = this.#values.start(location);
    setWord(bytes, start, main % TWO_32);
    setWord(bytes, start + 4, Math.floor(main / TWO_32));
    setWord(bytes, start + 8, sub);
    this.#pageWithRoom(main).append(main, sub, change.isTombstone, location);
    this.#lastMain = main;
    this.#lastSub = sub;
    out.bytes = bytes;
    out.start = start + OWNER_BYTES;
    out.end = start + OWNER_BYTES + valueBytes;
  }

  get(horizon: Horizon, change: { main: number; sub: number }, out: ByteSpan): boolean {
    const index = this.pageFor(change.main, change.sub);
    if (index < 0) return false;
    const page = this.#pages[index];
    const at = page.find(change.main, change.sub);
    if (at < 0 || !isVisible(horizon, page, at)) return false;
    this.fillValue(page, at, out);
    return true;
  }

  /** Fills a batch; returns how many were found before the first that is not there. */
  getMany(horizon: Horizon, batch: ChangeBatch): number {
    const { mains, subs, bytes, starts, ends } = batch;
    const values = this.#values;
    // Three short loops instead of one long: the waits for memory inside each of them overlap.
    let found = 0;
    for (; found < batch.count; found++) {
      const index = this.pageFor(mains[found], subs[found]);
      if (index < 0) break;
      const page = this.#pages[index];
      const at = page.find(mains[found], subs[found]);
      if (at < 0 || !isVisible(horizon, page, at)) break;
      starts[found] = page.location(at);
    }
    for (let i = 0; i < found; i++) ends[i] = values.length(starts[i]);
    for (let i = 0; i < found; i++) {
      const location = starts[i];
      const start = values.start(location);
      bytes[i] = values.bytes(location);
      starts[i] = start + OWNER_BYTES;
      ends[i] += start;
    }
    return found;
  }

  fillValue(page: ChangePage, at: number, out: ByteSpan): void {
    const location = page.location(at);
    const start = this.#values.start(location) + OWNER_BYTES;
    out.bytes = this.#values.bytes(location);
    out.start = start;
    out.end = start - OWNER_BYTES + this.#values.length(location);
  }

  /**
   * Deletes for the present; roots that are open go on seeing it. Returns the value's bytes, or −1.
   */
  delete(main: number, sub: number): number {
    const index = this.pageFor(main, sub);
    if (index < 0) return -1;
    const page = this.#pages[index];
    const at = page.find(main, sub);
    if (at < 0 || !isVisible(PRESENT, page, at)) return -1;
    const valueBytes = this.#values.length(page.location(at)) - OWNER_BYTES;
    if (this.#roots.length > 0) {
      page.deadSince ??= new Uint32Array(PAGE_ENTRIES);
      page.deadSince[at] = this.#rootsOpened;
      this.#deadCount += 1;
    } else {
      this.#drop(index, page, at);
    }
    return valueBytes;
  }

  openRoot(): Horizon {
    this.#rootsOpened += 1;
    this.#roots.push(this.#rootsOpened);
    return { root: this.#rootsOpened, endMain: this.#lastMain, endSub: this.#lastSub + 1 };
  }

  closeRoot(horizon: Horizon): void {
    this.#roots = this.#roots.filter((root) => root !== horizon.root);
  }

  /** Gives back what no root sees any more, joins pages, moves values; true while there is more. */
  maintain(maxBytes: number): boolean {
    const isReaped = this.#reap(maxBytes);
    const isJoined = this.#roots.length > 0 || this.#joinPages(maxBytes);
    const isReclaimed = !this.#values.reclaim(maxBytes, this.#moveValue);
    return !(isReaped && isJoined && isReclaimed);
  }

  /** The page that holds (main, sub) if any does; −1 before the first. */
  pageFor(main: number, sub: number): number {
    const firsts = this.#firsts;
    let low = 0;
    let high = this.#pages.length - 1;
    if (high < 0 || main < firsts[0]) return -1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (firsts[middle] <= main) low = middle;
      else high = middle - 1;
    }
    // The changes of one revision may fill several pages.
    while (low > 0 && firsts[low] === main && this.#pages[low].sub(0) > sub) low -= 1;
    return low;
  }

  #pageWithRoom(main: number): ChangePage {
    const last = this.#pages.length - 1;
    if (last >= 0 && this.#pages[last].count < PAGE_ENTRIES) return this.#pages[last];
    const page = new ChangePage();
    if (last + 1 === this.#firsts.length) {
      const grown = new Float64Array(this.#firsts.length * 2);
      grown.set(this.#firsts);
      this.#firsts = grown;
    }
    this.#firsts[last + 1] = main;
    this.#pages.push(page);
    return page;
  }

  #drop(index: number, page: ChangePage, at: number): void {
    this.#values.free(page.location(at));
    page.setLocation(at, 0);
    page.live -= 1;
    const isClosed = page.count === PAGE_ENTRIES || index < this.#pages.length - 1;
    if (page.live === 0 && isClosed) this.#removePage(index);
    else if (page.live === JOINED_ENTRIES_MAX) this.#sparse += 1;
  }

  #removePage(index: number): void {
    this.#pages.splice(index, 1);
    this.#firsts.copyWithin(index, index + 1, this.#pages.length + 1);
    this.#layout += 1;
  }

  /** Frees entries that died before the oldest root; true when done. */
  #reap(maxBytes: number): boolean {
    if (this.#deadCount === 0) return true;
    const oldest = this.#roots.length === 0 ? Infinity : this.#roots[0];
    let budget = maxBytes;
    let isStuck = true;
    for (let index = this.#pages.length - 1; index >= 0 && budget > 0; index--) {
      const page = this.#pages[index];
      if (page.deadSince === null) continue;
      budget -= PAGE_BYTES;
      let kept = 0;
      for (let at = 0; at < page.count; at++) {
        const since = page.deadSince[at];
        if (since === 0) continue;
        if (since >= oldest) {
          kept += 1;
          continue;
        }
        page.deadSince[at] = 0;
        this.#deadCount -= 1;
        isStuck = false;
        this.#drop(index, page, at);
        if (this.#pages[index] !== page) break;
      }
      if (kept === 0) page.deadSince = null;
    }
    return isStuck || this.#deadCount === 0;
  }

  /** Joins neighbours with few live entries; true when there are no more. */
  #joinPages(maxBytes: number): boolean {
    if (this.#sparse === 0) return true;
    let budget = maxBytes;
    while (budget > 0) {
      if (this.#joinAt + 2 >= this.#pages.length) {
        // A pass is over; entries that died during it are found by the next one.
        this.#joinAt = 0;
        this.#sparse = 0;
        return true;
      }
      budget -= 256;
      const left = this.#pages[this.#joinAt];
      const right = this.#pages[this.#joinAt + 1];
      const isDead = left.deadSince !== null || right.deadSince !== null;
      if (isDead || left.live + right.live > JOINED_ENTRIES_MAX) {
        this.#joinAt += 1;
        continue;
      }
      budget -= PAGE_BYTES;
      const joined = new ChangePage();
      joined.appendLive(left);
      joined.appendLive(right);
      this.#pages[this.#joinAt] = joined;
      this.#firsts[this.#joinAt] = joined.main(0);
      this.#removePage(this.#joinAt + 1);
    }
    return false;
  }

  readonly #moveValue = (location: number): void => {
    const values = this.#values;
    const bytes = values.bytes(location);
    const start = values.start(location);
    const main = word(bytes, start) + word(bytes, start + 4) * TWO_32;
    const sub = word(bytes, start + 8);
    const page = this.#pages[this.pageFor(main, sub)];
    const at = page.find(main, sub);
    assert(page.location(at) === location, "change log: a value lost its entry");
    const length = values.length(location);
    const moved = values.alloc(length);
    copyBytes(bytes, start, start + length, values.bytes(moved), values.start(moved));
    page.setLocation(at, moved);
    values.free(location);
  };
}

/** Whether a reader of `horizon` sees the entry. */
export function isVisible(horizon: Horizon, page: ChangePage, at: number): boolean {
  if (page.location(at) === 0) return false;
  if (horizon.root === 0) return page.deadSince === null || page.deadSince[at] === 0;
  const main = page.main(at);
  if (main > horizon.endMain) return false;
  if (main === horizon.endMain && page.sub(at) >= horizon.endSub) return false;
  const since = page.deadSince === null ? 0 : page.deadSince[at];
  return since === 0 || since >= horizon.root;
}

/** A ChangeCursor over the log. */
export class LogCursor implements ChangeCursor {
  readonly value = newSpan();
  readonly #log: ChangeLog;
  readonly #horizon: Horizon;
  main = 0;
  sub = 0;
  isTombstone = false;
  #isAfter = false;
  #layout = -1;
  #page = 0;
  #at = 0;

  constructor(log: ChangeLog, horizon: Horizon) {
    this.#log = log;
    this.#horizon = horizon;
  }

  seek(main: number, sub: number): void {
    this.main = main;
    this.sub = sub;
    this.#isAfter = false;
    this.#layout = -1;
  }

  next(): boolean {
    const log = this.#log;
    if (this.#layout !== log.layout) this.#find();
    const { pages } = log;
    for (;;) {
      if (this.#page >= pages.length) return false;
      const page = pages[this.#page];
      if (this.#at >= page.count) {
        // The last page may still grow: stay on it.
        if (this.#page === pages.length - 1) return false;
        this.#page += 1;
        this.#at = 0;
        continue;
      }
      const at = this.#at++;
      if (!isVisible(this.#horizon, page, at)) continue;
      this.main = page.main(at);
      this.sub = page.sub(at);
      this.isTombstone = page.isTombstone(at);
      this.#isAfter = true;
      log.fillValue(page, at, this.value);
      return true;
    }
  }

  #find(): void {
    const log = this.#log;
    this.#layout = log.layout;
    this.#page = Math.max(0, log.pageFor(this.main, this.sub));
    this.#at = 0;
    if (log.pages.length === 0) return;
    const page = log.pages[this.#page];
    this.#at = page.lowerBound(this.main, this.#isAfter ? this.sub + 1 : this.sub);
  }
}

function word(bytes: Uint8Array, at: number): number {
  const low = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
  return (low | (bytes[at + 3] << 24)) >>> 0;
}

function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
