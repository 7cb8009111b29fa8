import { copyOf, copyOfSpan, newSpan } from "../../../base/span.ts";
import type { ByteSpan } from "../../../base/span.ts";
import type { BucketCursor, ChangeCursor, PlainBucket } from "../backend.ts";
import { copySpan } from "./bucket-trees.ts";
import type { BucketTrees } from "./bucket-trees.ts";
import type { ChangeOverlay } from "./change-overlay.ts";
import { compareAt } from "../bolt-pages/format.ts";
import type { PlainOverlay } from "./plain-overlay.ts";
import type { RevisionCursor } from "./revision-cursor.ts";
import type { TreeChange } from "./tree-writer.ts";

/** A backend as its cursors see it: the trees, and over them the open batch. */
export interface BatchView {
  /** Replaced, with `generation` raised, when the batch was written into the trees. */
  readonly stored: BucketTrees;
  readonly generation: number;
  readonly appended: ChangeOverlay;
  overlay(bucket: PlainBucket): PlainOverlay;
}

const NO_BYTES = new Uint8Array(0);

/** One plain bucket with the open batch over it. Finds its way anew with every step, by key. */
export class MergedBucketCursor implements BucketCursor {
  readonly key: ByteSpan = newSpan();
  readonly value: ByteSpan = newSpan();
  readonly #view: BatchView;
  readonly #bucket: PlainBucket;
  /** The next key is ≥ this, or above it. */
  #from: Uint8Array = NO_BYTES;
  #isAbove = false;

  constructor(view: BatchView, bucket: PlainBucket) {
    this.#view = view;
    this.#bucket = bucket;
  }

  seek(key: Uint8Array): void {
    this.#from = copyOf(key);
    this.#isAbove = false;
  }

  next(): boolean {
    const overlay = this.#view.overlay(this.#bucket);
    const change = newChange();
    for (;;) {
      const stored = this.#nextStored();
      const place = overlay.seek(this.#from, this.#isAbove);
      if (place >= 0) overlay.read(place, change);
      else if (stored === null) return false;
      const order = place < 0 ? -1 : stored === null ? 1 : compareKeys(stored, change);
      if (order < 0) {
        copySpan(stored!.key, this.key);
        copySpan(stored!.value, this.value);
      } else {
        name(this.key, change.bytes, change.keyStart, change.keyEnd);
        name(this.value, change.bytes, change.keyEnd, change.end);
      }
      this.#from = copyOfSpan(this.key);
      this.#isAbove = true;
      if (order < 0 || !change.isDelete) return true;
    }
  }

  #nextStored(): BucketCursor | null {
    const cursor = this.#view.stored.cursor(this.#bucket);
    cursor.seek(this.#from);
    if (!cursor.next()) return null;
    const { bytes, start, end } = cursor.key;
    const isAt = compareAt(bytes, start, end - start, newSpan(this.#from)) === 0;
    if (this.#isAbove && isAt && !cursor.next()) return null;
    return cursor;
  }
}

/** The key bucket with the open batch over it: what is appended there is above all in the tree. */
export class MergedChangeCursor implements ChangeCursor {
  main = -1;
  sub = 0;
  isTombstone = false;
  readonly value: ByteSpan = newSpan();
  readonly #view: BatchView;
  #stored: RevisionCursor | null = null;
  #generation = -1;
  /** The next change is ≥ this revision. */
  readonly #from = { main: 0, sub: 0 };

  constructor(view: BatchView) {
    this.#view = view;
  }

  seek(main: number, sub: number): void {
    this.#from.main = main;
    this.#from.sub = sub;
    this.#stored = null;
  }

  next(): boolean {
    const { appended } = this.#view;
    const stored = this.#storedCursor();
    while (stored.next()) {
      if (appended.isRemoved(stored.main, stored.sub)) continue;
      this.main = stored.main;
      this.sub = stored.sub;
      this.isTombstone = stored.isTombstone;
      copySpan(stored.value, this.value);
      return this.#moved();
    }
    // It is at its end, and stays there until the trees are others.
    const place = appended.seek(this.#from.main, this.#from.sub);
    if (place < 0) return false;
    appended.readAt(place, this, this.value);
    return this.#moved();
  }

  #moved(): true {
    this.#from.main = this.main;
    this.#from.sub = this.sub + 1;
    return true;
  }

  #storedCursor(): RevisionCursor {
    const { generation, stored } = this.#view;
    if (this.#stored !== null && this.#generation === generation) return this.#stored;
    this.#generation = generation;
    this.#stored = stored.changes();
    this.#stored.seek(this.#from.main, this.#from.sub);
    return this.#stored;
  }
}

function newChange(): TreeChange {
  return { bytes: NO_BYTES, keyStart: 0, keyEnd: 0, end: 0, flags: 0, isDelete: false };
}

function compareKeys(stored: BucketCursor, change: TreeChange): number {
  const key = newSpan(change.bytes);
  key.start = change.keyStart;
  key.end = change.keyEnd;
  const { bytes, start, end } = stored.key;
  return compareAt(bytes, start, end - start, key);
}

function name(span: ByteSpan, bytes: Uint8Array, start: number, end: number): void {
  span.bytes = bytes;
  span.start = start;
  span.end = end;
}
