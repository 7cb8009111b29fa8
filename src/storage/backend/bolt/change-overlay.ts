import type { ByteSpan } from "../../../base/span.ts";
import type { ChangeId } from "../backend.ts";
import { ElementFlag, ELEMENT_BYTES } from "../bolt-pages/format.ts";
import { REVISION_BYTES, writeRevisionKey } from "../bolt-pages/revision-key.ts";
import type { TreeChange, TreeChanges } from "./tree-writer.ts";

const CHUNK_BYTES = 1024 * 1024;
const TOMBSTONE_MARK = 0x74;

/** A change of the key bucket that is in the tree and is to be removed. */
interface Removed {
  readonly main: number;
  readonly sub: number;
  readonly key: Uint8Array;
}

/**
 * What the open batch does to the `key` bucket: changes appended, each with its key in front as the
 * file has them, and changes of the tree removed. Arrays and chunks, no object per change.
 */
export class ChangeOverlay implements TreeChanges {
  /** Appended and not removed again. */
  liveCount = 0;
  /** Bytes of those, as pages will have them. */
  liveBytes = 0;
  #appended = 0;
  #mains = new Float64Array(1024);
  #subs = new Uint32Array(1024);
  /** Bytes of the key; 0 when the change was removed again. */
  #keyBytes = new Uint8Array(1024);
  #starts = new Uint32Array(1024);
  #ends = new Uint32Array(1024);
  readonly #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(CHUNK_BYTES);
  /** Of the batch before: what was in it stays as it is until the next one is cleared. */
  #chunkBefore = new Uint8Array(CHUNK_BYTES);
  #at = 0;
  #removed: Removed[] = [];
  readonly #removedIds = new Set<string>();
  /** Places of live changes in order; made when the tree is written. */
  #order: number[] | null = null;

  /** Nothing to write. */
  get isEmpty(): boolean {
    return this.#appended === 0 && this.#removed.length === 0;
  }

  /** Changes of the tree are to be removed. */
  get hasRemoved(): boolean {
    return this.#removed.length > 0;
  }

  append({ main, sub, isTombstone }: ChangeId, valueBytes: number, out: ByteSpan): void {
    const keyBytes = REVISION_BYTES + (isTombstone ? 1 : 0);
    const start = this.#room(keyBytes + valueBytes);
    const chunk = this.#chunk;
    writeRevisionKey(start === 0 ? chunk : chunk.subarray(start), main, sub);
    if (isTombstone) chunk[start + REVISION_BYTES] = TOMBSTONE_MARK;
    const place = this.#appended;
    if (place === this.#mains.length) this.#grow();
    this.#mains[place] = main;
    this.#subs[place] = sub;
    this.#keyBytes[place] = keyBytes;
    this.#starts[place] = start;
    this.#ends[place] = start + keyBytes + valueBytes;
    this.#chunks[place] = chunk;
    this.#appended = place + 1;
    this.liveCount += 1;
    this.liveBytes += ELEMENT_BYTES + keyBytes + valueBytes;
    out.bytes = chunk;
    out.start = start + keyBytes;
    out.end = this.#ends[place]!;
  }

  /** Removes what was appended here; bytes of its value, -1 when it is not here. */
  removeAppended(main: number, sub: number): number {
    const place = this.#find(main, sub);
    if (place < 0) return -1;
    const bytes = this.#ends[place]! - this.#starts[place]!;
    const valueBytes = bytes - this.#keyBytes[place]!;
    this.#keyBytes[place] = 0;
    this.liveCount -= 1;
    this.liveBytes -= ELEMENT_BYTES + bytes;
    return valueBytes;
  }

  /** The tree's change with this `key` is removed; it may not have been before. */
  removeStored(main: number, sub: number, key: Uint8Array): void {
    this.#removed.push({ main, sub, key });
    this.#removedIds.add(`${main}.${sub}`);
  }

  isRemoved(main: number, sub: number): boolean {
    return this.#removedIds.size > 0 && this.#removedIds.has(`${main}.${sub}`);
  }

  /** Value of an appended change; false when it is not here. */
  get(main: number, sub: number, out: ByteSpan): boolean {
    const place = this.#find(main, sub);
    if (place < 0) return false;
    this.#value(place, out);
    return true;
  }

  /** Place of the first live appended change ≥ (main, sub); -1 when there is none. */
  seek(main: number, sub: number): number {
    let place = this.#lowerBound(main, sub);
    while (place < this.#appended && this.#keyBytes[place] === 0) place += 1;
    return place < this.#appended ? place : -1;
  }

  /** Fills the fields from `place`. */
  readAt(
    place: number,
    id: { main: number; sub: number; isTombstone: boolean },
    out: ByteSpan,
  ): void {
    id.main = this.#mains[place]!;
    id.sub = this.#subs[place]!;
    id.isTombstone = this.#keyBytes[place]! > REVISION_BYTES;
    this.#value(place, out);
  }

  /**
   * Forgets everything; memory is kept. Values that were named before this call stay where they
   * are until the next: an operation may write again what it read, and be the one that clears.
   */
  clear(): void {
    const chunk = this.#chunk;
    this.#chunk = this.#chunkBefore;
    this.#chunkBefore = chunk;
    this.liveCount = 0;
    this.liveBytes = 0;
    this.#appended = 0;
    this.#chunks.length = 0;
    this.#at = 0;
    this.#removed = [];
    this.#removedIds.clear();
    this.#order = null;
  }

  /** Changes for the tree: those removed come before all that were appended. */
  get count(): number {
    if (this.#order === null) {
      this.#removed.sort((a, b) => a.main - b.main || a.sub - b.sub);
      this.#order = [];
      for (let i = 0; i < this.#appended; i++) if (this.#keyBytes[i] !== 0) this.#order.push(i);
    }
    return this.#removed.length + this.#order.length;
  }

  read(place: number, into: TreeChange): void {
    const removed = this.#removed[place];
    into.flags = ElementFlag.pair;
    into.isDelete = removed !== undefined;
    if (removed !== undefined) {
      into.bytes = removed.key;
      into.keyStart = 0;
      into.keyEnd = removed.key.length;
      into.end = removed.key.length;
      return;
    }
    const at = this.#order![place - this.#removed.length]!;
    into.bytes = this.#chunks[at]!;
    into.keyStart = this.#starts[at]!;
    into.keyEnd = into.keyStart + this.#keyBytes[at]!;
    into.end = this.#ends[at]!;
  }

  #value(place: number, out: ByteSpan): void {
    out.bytes = this.#chunks[place]!;
    out.start = this.#starts[place]! + this.#keyBytes[place]!;
    out.end = this.#ends[place]!;
  }

  #find(main: number, sub: number): number {
    const place = this.#lowerBound(main, sub);
    if (place >= this.#appended || this.#keyBytes[place] === 0) return -1;
    return this.#mains[place] === main && this.#subs[place] === sub ? place : -1;
  }

  #lowerBound(main: number, sub: number): number {
    let low = 0;
    let high = this.#appended;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#mains[middle]!;
      if (there < main || (there === main && this.#subs[middle]! < sub)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where `bytes` of the current chunk are free. */
  #room(bytes: number): number {
    if (this.#at + bytes > this.#chunk.length) {
      this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, bytes));
      this.#at = 0;
    }
    const start = this.#at;
    this.#at += bytes;
    return start;
  }

  #grow(): void {
    const length = this.#mains.length * 2;
    const copy = <T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#mains = copy(this.#mains, new Float64Array(length));
    this.#subs = copy(this.#subs, new Uint32Array(length));
    this.#keyBytes = copy(this.#keyBytes, new Uint8Array(length));
    this.#starts = copy(this.#starts, new Uint32Array(length));
    this.#ends = copy(this.#ends, new Uint32Array(length));
  }
}
