import { classifyField, classifyValue, DecodedField } from "../headers/kind.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { DecodedList } from "./header-list.ts";
import { huffmanDecode, huffmanDecodedMax } from "./huffman.ts";
import { latin1Text } from "./latin1.ts";
import { staticCount, staticFields } from "./static-table.ts";

/** Table size every peer starts with (RFC 9113 §6.5.2). */
export const initialTableBytes = 4096;
/** A scratch area for Huffman strings that is kept; longer strings get one of their own. */
const scratchBytes = 1024;
/**
 * What may follow in a block when its list is too large already, bytes. Its fields are dropped but
 * must be decoded for the table's sake; Go's server bears the rest of a frame.
 */
const surplusBytesMax = 16 * 1024;
/** Integers (lengths, indexes) have at most 28 bits here: more is beyond any limit of ours. */
const integerBitsMax = 28;

/** Decoder of one direction of one connection (RFC 7541). Not to be used again after a failure. */
export class HpackDecoder {
  /** What the last `decode` found. */
  readonly list: DecodedList;
  /** `decode` gave up because much more came after the list was too large. */
  isFlood = false;
  readonly #table: DynamicTable;
  /** Made when first needed; one set per connection, because `tag` belongs to the connection. */
  readonly #statics: (DecodedField | undefined)[] = new Array(staticCount + 1).fill(undefined);
  readonly #scratch = new Uint8Array(scratchBytes);
  /** Most the peer may set its table to. */
  #allowedBytes = initialTableBytes;
  /** The peer has acknowledged a smaller table but not said so in a block yet (§4.2). */
  #resizeDue = false;
  /** Where the decoder stands in the block; -1 after a failure. */
  #at = 0;
  #end = 0;

  /** @param maxListBytes fields beyond this sum are dropped and `list.truncated` is set. */
  constructor(maxListBytes: number) {
    this.list = new DecodedList(maxListBytes);
    this.#table = new DynamicTable(initialTableBytes);
  }

  /** Our SETTINGS_HEADER_TABLE_SIZE has been acknowledged: from the next block on it holds. */
  setAllowedTableBytes(bytes: number): void {
    this.#allowedBytes = bytes;
    this.#resizeDue = this.#table.maxBytes > bytes;
  }

  /** A size that was announced but not yet acknowledged may be used already when it is larger. */
  raiseAllowedTableBytes(bytes: number): void {
    this.#allowedBytes = Math.max(this.#allowedBytes, bytes);
  }

  /**
   * Decodes a whole block into `list`.
   * @returns false when it is not valid HPACK: a connection error COMPRESSION_ERROR (§4.3); or when
   * `isFlood` is set.
   */
  decode(block: Uint8Array, start: number, end: number): boolean {
    const list = this.list;
    list.clear();
    this.#at = start;
    this.#end = end;
    if (!this.#readSizeUpdates(block)) return false;
    while (this.#at < end) {
      const first = block[this.#at];
      let field: DecodedField | undefined;
      if (first >= 0x80) {
        // The usual case by far: an indexed field, mostly with an index of one byte.
        let index = first & 0x7f;
        if (index < 0x7f) this.#at++;
        else index = this.#integer(block, 7);
        field = index < 0 ? undefined : this.#field(index);
      } else if (first >= 0x40) {
        field = this.#literal(block, 6);
        if (field !== undefined) this.#table.insert(field);
      } else if (first >= 0x20) {
        return false;
      } else {
        field = this.#literal(block, 4);
      }
      if (field === undefined) return false;
      list.add(field);
      if (list.truncated && end - this.#at > surplusBytesMax) {
        this.isFlood = true;
        return false;
      }
    }
    return true;
  }

  /** §6.3: only at the start of a block, within what we allow. */
  #readSizeUpdates(block: Uint8Array): boolean {
    while (this.#at < this.#end && (block[this.#at] & 0xe0) === 0x20) {
      const bytes = this.#integer(block, 5);
      if (bytes < 0 || bytes > this.#allowedBytes) return false;
      this.#table.resize(bytes);
      this.#resizeDue = false;
    }
    return !this.#resizeDue;
  }

  #field(index: number): DecodedField | undefined {
    if (index > staticCount) {
      const age = index - staticCount - 1;
      return age < this.#table.count ? this.#table.at(age) : undefined;
    }
    return index === 0 ? undefined : this.#static(index);
  }

  #static(index: number): DecodedField {
    let field = this.#statics[index];
    if (field === undefined) {
      const [name, value] = staticFields[index];
      field = new DecodedField(name, value, classifyField(name, value));
      this.#statics[index] = field;
    }
    return field;
  }

  #literal(block: Uint8Array, prefixBits: number): DecodedField | undefined {
    const index = this.#integer(block, prefixBits);
    if (index < 0) return undefined;
    if (index > 0) {
      const sibling = this.#field(index);
      if (sibling === undefined) return undefined;
      const value = this.#string(block);
      if (value === undefined) return undefined;
      const { name, kind } = sibling;
      return new DecodedField(name, value, classifyValue(name, value, kind));
    }
    const name = this.#string(block);
    if (name === undefined) return undefined;
    const value = this.#string(block);
    if (value === undefined) return undefined;
    return new DecodedField(name, value, classifyField(name, value));
  }

  /** §5.2. @returns undefined on failure. */
  #string(block: Uint8Array): string | undefined {
    if (this.#at >= this.#end) return undefined;
    const huffman = block[this.#at] >= 0x80;
    const length = this.#integer(block, 7);
    if (length < 0 || length > this.#end - this.#at) return undefined;
    const start = this.#at;
    this.#at += length;
    if (!huffman) return latin1Text(block, start, this.#at);
    const room = huffmanDecodedMax(length);
    const into = room <= scratchBytes ? this.#scratch : new Uint8Array(room);
    const decoded = huffmanDecode(block, start, this.#at, into);
    return decoded < 0 ? undefined : latin1Text(into, 0, decoded);
  }

  /** §5.1. @returns -1 when it is cut off or needlessly large. */
  #integer(block: Uint8Array, prefixBits: number): number {
    const full = (1 << prefixBits) - 1;
    let value = block[this.#at++] & full;
    if (value < full) return value;
    for (let shift = 0; shift < integerBitsMax; shift += 7) {
      if (this.#at >= this.#end) return -1;
      const next = block[this.#at++];
      value += (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    return -1;
  }
}
