import { ByteWriter } from "./byte-writer.ts";

/** Size of a chunk: small enough that to make one (its bytes are zeroed) is not felt. */
const CHUNK_BYTES = 256 * 1024;

/**
 * A ByteWriter for what may become very large: instead of growing it goes on in a further chunk.
 * `bytes` and `length` are those of the last chunk. Not to be reset.
 */
export class ChunkWriter extends ByteWriter {
  readonly #full: Uint8Array[] = [];
  #fullBytes = 0;

  /** All that was written, bytes. */
  get totalBytes(): number {
    return this.#fullBytes + this.length;
  }

  override reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    if (this.length === 0 || this.bytes.length < CHUNK_BYTES / 2) return super.reserve(count);
    this.#full.push(this.bytes.subarray(0, this.length));
    this.#fullBytes += this.length;
    this.bytes = new Uint8Array(Math.max(count, CHUNK_BYTES));
    this.length = 0;
  }

  /** All that was written, in order. It is not copied: nothing may be written after this. */
  chunks(): readonly Uint8Array[] {
    return [...this.#full, this.bytes.subarray(0, this.length)];
  }
}
