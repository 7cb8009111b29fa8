import { copyBytes } from "../../base/byte-writer.ts";
import type { ByteSpan } from "../../base/span.ts";
import { compareSpans, newSpan } from "../../base/span.ts";
import type { KeyIndex } from "../index/key-index.ts";
import type { TreePlace } from "../index/ordered-keys.ts";
import { rangeKind } from "../types.ts";
import type { KeyRange } from "../types.ts";

/** Longer keys are rare; the buffer grows for them. */
const KEY_BYTES_INITIAL = 256;

/**
 * A range with copies of its ends, and where they are in the tree: places that hold as long as the
 * tree's version does.
 */
export class RangeBounds {
  /** The range has one key at the most. */
  isSingle = false;
  /** Nothing is in it, whatever the store has (RNG3). */
  isEmpty = true;
  /** Where the range begins, or is to be gone on with. */
  readonly from: ByteSpan = newSpan(new Uint8Array(KEY_BYTES_INITIAL));
  readonly #end: ByteSpan = newSpan(new Uint8Array(KEY_BYTES_INITIAL));
  #isBounded = false;
  /** The place of the first key behind the range. */
  readonly endPlace: TreePlace = { leaf: 0, at: 0 };
  #version = -1;

  set(range: KeyRange): void {
    const kind = rangeKind(range);
    this.isSingle = kind === "single";
    this.#isBounded = kind === "bounded";
    this.#version = -1;
    copyInto(range.key, this.from, 0);
    if (this.#isBounded) copyInto(range.end, this.#end, 0);
    this.isEmpty = this.#isBounded && compareSpans(this.from, this.#end) >= 0;
  }

  /** Goes on just behind `key`. */
  goOnAfter(key: ByteSpan): void {
    copyInto(key, this.from, 1);
    this.#version = -1;
    if (this.#isBounded && compareSpans(this.from, this.#end) >= 0) this.isEmpty = true;
  }

  /** Notes the key to go on at should the tree change; the places found stay valid. */
  resumeAt(key: ByteSpan): void {
    copyInto(key, this.from, 0);
  }

  /** Whether the places found before still hold. */
  isCurrent(index: KeyIndex): boolean {
    return this.#version === index.tree.version;
  }

  /** Finds both ends in the tree. */
  locate(index: KeyIndex, place: TreePlace): void {
    this.#version = index.tree.version;
    index.tree.seek(this.from, place);
    this.endPlace.leaf = 0;
    this.endPlace.at = 0;
    if (this.#isBounded) index.tree.seek(this.#end, this.endPlace);
  }
}

/** Copies a key, with `zeros` zero bytes behind it, into the buffer that `to` owns. */
function copyInto(key: ByteSpan, to: ByteSpan, zeros: number): void {
  const length = key.end - key.start;
  if (to.bytes.length < length + zeros) to.bytes = new Uint8Array((length + zeros) * 2);
  copyBytes(key.bytes, key.start, key.end, to.bytes, 0);
  if (zeros > 0) to.bytes.fill(0, length, length + zeros);
  to.start = 0;
  to.end = length + zeros;
}
