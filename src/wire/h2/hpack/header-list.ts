import type { HeaderField, HeaderList } from "../types.ts";
import type { DecodedField } from "../headers/kind.ts";

/** A longer array of fields is not kept from one block to the next. */
const keptFieldsMax = 128;

/** The reused list that a decoder fills. */
export class DecodedList implements HeaderList {
  fields: DecodedField[] = [];
  count = 0;
  /** Reckoned as SETTINGS_MAX_HEADER_LIST_SIZE does, fields that were left out included, bytes. */
  sizeBytes = 0;
  /** The list was larger than allowed: fields beyond the limit were left out. */
  truncated = false;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  clear(): void {
    if (this.fields.length > keptFieldsMax) this.fields = [];
    this.count = 0;
    this.sizeBytes = 0;
    this.truncated = false;
  }

  add(field: DecodedField): void {
    this.sizeBytes += field.sizeBytes;
    if (this.sizeBytes > this.#maxBytes) this.truncated = true;
    else this.fields[this.count++] = field;
  }

  get(name: string): string | undefined {
    for (let i = 0; i < this.count; i++) {
      const field: HeaderField = this.fields[i];
      if (field.name === name) return field.value;
    }
    return undefined;
  }
}
