import { entryOverheadBytes } from "../headers/kind.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";
import { staticCount, staticNames } from "./static-table.ts";

/**
 * How a field may be treated by tables on the way (RFC 7541 §6.2): `index` puts it into the dynamic
 * table (right for values that come again), `literal` does not, `never` also forbids it to others
 * (secrets).
 */
export type Indexing = "index" | "literal" | "never";

/** A field to encode: characters are bytes (latin1), the name is lower case. */
export type FieldInput = readonly [name: string, value: string, indexing?: Indexing];

/** Names whose values are secrets: never indexed unless told otherwise (RFC 7541 §7.1.3). */
const secretNames: ReadonlySet<string> = new Set(["authorization", "cookie", "token"]);

function fieldSize(name: string, value: string): number {
  return name.length + value.length + entryOverheadBytes;
}

/** Grows by doubling; the encoder's output of one block. */
class BlockBuffer {
  bytes = new Uint8Array(256);
  length = 0;

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const bigger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + more));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  /** §5.1; `first` holds the bits above the prefix. */
  integer(first: number, prefixBits: number, value: number): void {
    this.reserve(6);
    const full = (1 << prefixBits) - 1;
    if (value < full) {
      this.bytes[this.length++] = first | value;
      return;
    }
    this.bytes[this.length++] = first | full;
    let rest = value - full;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  /** §5.2; Huffman code when it is shorter. */
  string(text: string): void {
    const coded = huffmanLength(text);
    if (coded < text.length) {
      this.integer(0x80, 7, coded);
      this.reserve(coded);
      this.length = huffmanEncode(text, this.bytes, this.length);
      return;
    }
    this.integer(0, 7, text.length);
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.length++] = text.charCodeAt(i);
  }

  literal(first: number, prefixBits: number, nameIndex: number, field: FieldInput): void {
    this.integer(first, prefixBits, nameIndex);
    if (nameIndex === 0) this.string(field[0]);
    this.string(field[1]);
  }
}

/**
 * Encodes with static table and literals only. Such a block says the same on any connection at any
 * time: for replies that are constant.
 */
export function encodeConstantBlock(fields: readonly FieldInput[]): Uint8Array {
  const block = new BlockBuffer();
  for (const field of fields) {
    const known = staticNames.get(field[0]);
    const index = known?.values.get(field[1]);
    if (index !== undefined) block.integer(0x80, 7, index);
    else block.literal(indexingOf(field) === "never" ? 0x10 : 0, 4, known?.index ?? 0, field);
  }
  return block.bytes.slice(0, block.length);
}

function indexingOf(field: FieldInput): Indexing {
  return field[2] ?? (secretNames.has(field[0]) ? "never" : "index");
}

/**
 * Fields that start every block of some kind, e.g. those of one gRPC method. Encoded once per state
 * of the table: as long as nothing entered or left it, its bytes stay right and are just copied.
 * Belongs to the one encoder it is used with.
 */
export class HeaderTemplate {
  readonly fields: readonly FieldInput[];
  /** Table changes the encoder had made when `bytes` were right; -1: never. */
  stamp = -1;
  bytes: Uint8Array = new Uint8Array(0);

  constructor(fields: readonly FieldInput[]) {
    this.fields = fields;
  }
}

/** What the dynamic table knows of a name: its newest insertion and that of each value. */
interface DynamicName {
  newest: number;
  readonly values: Map<string, number>;
}

/** Encoder of one direction of one connection (RFC 7541). */
export class HpackEncoder {
  #maxBytes: number;
  #sizeBytes = 0;
  /** Insertions ever; also the number of the newest entry, numbers start at 1. */
  #inserted = 0;
  /** Insertions and evictions ever. */
  #changes = 0;
  /** Entries held, oldest first: `#entries[i]` has number `#oldest + i`. */
  #entries: FieldInput[] = [];
  #oldest = 1;
  readonly #names = new Map<string, DynamicName>();
  /**
   * Size updates to say at the start of the next block: the smallest since the last, then the final
   * one.
   */
  #smallestDue = -1;
  #finalDue = -1;
  readonly #block = new BlockBuffer();
  readonly #capBytes: number;

  /** @param capBytes most table memory to use, however much the peer offers. */
  constructor(capBytes: number) {
    this.#capBytes = capBytes;
    this.#maxBytes = Math.min(capBytes, 4096);
    if (this.#maxBytes < 4096) this.#smallestDue = this.#finalDue = this.#maxBytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the change is announced in the next block (§4.2). */
  setPeerTableBytes(bytes: number): void {
    const max = Math.min(bytes, this.#capBytes);
    if (max === this.#maxBytes) return;
    this.#smallestDue = this.#finalDue < 0 ? max : Math.min(this.#smallestDue, max);
    this.#finalDue = max;
    this.#maxBytes = max;
    this.#evictTo(max);
  }

  /** True when a block must be preceded by `takeSizeUpdates`. */
  get sizeUpdateDue(): boolean {
    return this.#finalDue >= 0;
  }

  /** The due size updates, to be put before a block that was encoded without this encoder. */
  takeSizeUpdates(): Uint8Array {
    this.#block.length = 0;
    this.#writeSizeUpdates();
    return this.#block.bytes.slice(0, this.#block.length);
  }

  /** Encodes a block; the result is a view that the next call overwrites. */
  encode(fields: readonly FieldInput[]): Uint8Array {
    this.#block.length = 0;
    this.#writeSizeUpdates();
    for (const field of fields) this.#field(field);
    return this.#block.bytes.subarray(0, this.#block.length);
  }

  /** The same for a template and further fields behind it. */
  encodeTemplate(template: HeaderTemplate, fields: readonly FieldInput[]): Uint8Array {
    const block = this.#block;
    block.length = 0;
    this.#writeSizeUpdates();
    if (template.stamp === this.#changes) {
      const { bytes } = template;
      block.reserve(bytes.length);
      block.bytes.set(bytes, block.length);
      block.length += bytes.length;
    } else {
      const start = block.length;
      const before = this.#changes;
      for (const field of template.fields) this.#field(field);
      if (before === this.#changes) {
        template.bytes = block.bytes.slice(start, block.length);
        template.stamp = before;
      }
    }
    for (let i = 0; i < fields.length; i++) this.#field(fields[i]);
    return block.bytes.subarray(0, block.length);
  }

  #writeSizeUpdates(): void {
    if (this.#finalDue < 0) return;
    if (this.#smallestDue < this.#finalDue) this.#block.integer(0x20, 5, this.#smallestDue);
    this.#block.integer(0x20, 5, this.#finalDue);
    this.#smallestDue = this.#finalDue = -1;
  }

  #field(field: FieldInput): void {
    const [name, value] = field;
    const known = staticNames.get(name);
    const staticIndex = known?.values.get(value);
    if (staticIndex !== undefined) {
      this.#block.integer(0x80, 7, staticIndex);
      return;
    }
    const dynamic = this.#names.get(name);
    const indexing = indexingOf(field);
    const number = indexing === "never" ? undefined : dynamic?.values.get(value);
    if (number !== undefined) {
      this.#block.integer(0x80, 7, this.#indexOf(number));
      return;
    }
    const nameIndex = known?.index ?? (dynamic === undefined ? 0 : this.#indexOf(dynamic.newest));
    if (indexing === "index" && fieldSize(name, value) <= this.#maxBytes) {
      this.#block.literal(0x40, 6, nameIndex, field);
      this.#insert(field);
    } else {
      this.#block.literal(indexing === "never" ? 0x10 : 0, 4, nameIndex, field);
    }
  }

  #indexOf(number: number): number {
    return staticCount + 1 + this.#inserted - number;
  }

  #insert(field: FieldInput): void {
    const [name, value] = field;
    const size = fieldSize(name, value);
    this.#evictTo(this.#maxBytes - size);
    const number = ++this.#inserted;
    this.#changes++;
    this.#entries.push(field);
    this.#sizeBytes += size;
    const known = this.#names.get(name);
    if (known === undefined) {
      this.#names.set(name, { newest: number, values: new Map([[value, number]]) });
    } else {
      known.newest = number;
      known.values.set(value, number);
    }
  }

  #evictTo(bytes: number): void {
    let evicted = 0;
    while (this.#sizeBytes > bytes && evicted < this.#entries.length) {
      const [name, value] = this.#entries[evicted];
      const number = this.#oldest + evicted++;
      this.#sizeBytes -= fieldSize(name, value);
      const known = this.#names.get(name);
      if (known === undefined) continue;
      if (known.values.get(value) === number) known.values.delete(value);
      if (known.newest === number) this.#names.delete(name);
    }
    if (evicted === 0) return;
    this.#changes++;
    this.#entries.splice(0, evicted);
    this.#oldest += evicted;
  }
}
