/**
 * Bytes that all large ranges together may hold, for their requests and the entries of those that
 * sort or filter: four million entries. One that is alone may be larger.
 */
export const TABLE_BYTES_MAX = 256 * 1024 * 1024;

/** What large ranges hold, so that many at once do not take all memory there is. */
export class TableMemory {
  #takenBytes = 0;
  readonly #bytesMax: number;

  constructor(bytesMax = TABLE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** False, with nothing taken, when others hold too much. */
  take(bytes: number, heldBytes: number): boolean {
    const others = this.#takenBytes - heldBytes;
    if (others > 0 && this.#takenBytes + bytes > this.#bytesMax) return false;
    this.#takenBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#takenBytes -= bytes;
  }
}
