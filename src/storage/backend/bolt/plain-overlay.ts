import { copyOf } from "../../../base/span.ts";
import type { ByteSpan } from "../../../base/span.ts";
import { ELEMENT_BYTES, ElementFlag } from "../bolt-pages/format.ts";
import type { TreeChange, TreeChanges } from "./tree-writer.ts";

/** Key and value one behind the other; `isDelete`: the key goes. */
interface Entry {
  readonly bytes: Uint8Array;
  readonly keyBytes: number;
  readonly isDelete: boolean;
}

/** What the open batch does to one plain bucket. Small: leases, users, marks. */
export class PlainOverlay implements TreeChanges {
  /** Bytes of the pairs, as pages will have them. */
  liveBytes = 0;
  /** Keys as text of one character a byte, whose order is that of the bytes. */
  readonly #entries = new Map<string, Entry>();
  #order: string[] | null = null;
  readonly #flags: number;

  /** `areBuckets`: the values are headers of buckets. */
  constructor(areBuckets = false) {
    this.#flags = areBuckets ? ElementFlag.bucket : ElementFlag.pair;
  }

  /** Copies both. */
  put(key: Uint8Array, value: Uint8Array): void {
    const bytes = new Uint8Array(key.length + value.length);
    bytes.set(key);
    bytes.set(value, key.length);
    this.#set(key, { bytes, keyBytes: key.length, isDelete: false });
  }

  delete(key: Uint8Array): void {
    this.#set(key, { bytes: copyOf(key), keyBytes: key.length, isDelete: true });
  }

  /** "absent": the batch says nothing of `key`; otherwise `out` is filled, or it is deleted. */
  get(key: Uint8Array, out: ByteSpan): "present" | "deleted" | "absent" {
    const entry = this.#entries.size === 0 ? undefined : this.#entries.get(textOf(key));
    if (entry === undefined) return "absent";
    if (entry.isDelete) return "deleted";
    out.bytes = entry.bytes;
    out.start = entry.keyBytes;
    out.end = entry.bytes.length;
    return "present";
  }

  /** Place of the first key ≥ `key`, or above it; -1 when none is. Deletes have places, too. */
  seek(key: Uint8Array, isAbove: boolean): number {
    const order = this.#sorted();
    const wanted = textOf(key);
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = order[middle]!;
      if (there < wanted || (isAbove && there === wanted)) low = middle + 1;
      else high = middle;
    }
    return low < order.length ? low : -1;
  }

  clear(): void {
    this.liveBytes = 0;
    this.#entries.clear();
    this.#order = null;
  }

  get count(): number {
    return this.#entries.size;
  }

  read(place: number, into: TreeChange): void {
    const entry = this.#entries.get(this.#sorted()[place]!)!;
    into.bytes = entry.bytes;
    into.keyStart = 0;
    into.keyEnd = entry.keyBytes;
    into.end = entry.bytes.length;
    into.flags = this.#flags;
    into.isDelete = entry.isDelete;
  }

  #set(key: Uint8Array, entry: Entry): void {
    const text = textOf(key);
    const before = this.#entries.get(text);
    if (before === undefined) this.#order = null;
    this.liveBytes += sizeOf(entry) - (before === undefined ? 0 : sizeOf(before));
    this.#entries.set(text, entry);
  }

  #sorted(): string[] {
    return (this.#order ??= [...this.#entries.keys()].sort());
  }
}

function sizeOf(entry: Entry): number {
  return entry.isDelete ? 0 : ELEMENT_BYTES + entry.bytes.length;
}

function textOf(key: Uint8Array): string {
  let text = "";
  for (const byte of key) text += String.fromCharCode(byte);
  return text;
}
