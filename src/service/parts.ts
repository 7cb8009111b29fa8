import { ByteWriter } from "../base/byte-writer.ts";
import type { ByteSource } from "./rpc.ts";

/** Bytes that are kept where they are instead of being copied. */
const WHOLE_BYTES_LEAST = 4096;
/** What is copied is cut into parts of about this size, rather than in a buffer that grows. */
const SMALL_PART_BYTES = 64 * 1024;

/** Builds a large message from parts that stay where they are. */
export class PartsWriter {
  readonly parts: Uint8Array[] = [];
  /** Between two large parts. */
  readonly #small = new ByteWriter();

  byte(value: number): void {
    this.#small.byte(value);
  }

  varint(value: number): void {
    this.#small.varint(value);
  }

  /** `bytes` must not change any more. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < WHOLE_BYTES_LEAST) {
      this.#small.raw(bytes, start, end);
      if (this.#small.length >= SMALL_PART_BYTES) this.flush();
      return;
    }
    this.flush();
    this.parts.push(bytes.subarray(start, end));
  }

  /** Puts what was written last among the parts. */
  flush(): void {
    const small = this.#small;
    if (small.length > 0) this.parts.push(small.bytes.slice(0, small.length));
    small.reset();
  }
}

/** A message in parts, pulled by its reader. */
export class PartsSource implements ByteSource {
  #parts: readonly Uint8Array[];
  #part = 0;
  #at = 0;
  readonly #onRelease: () => void;

  /** `onRelease`: called once when the parts are not needed any more. */
  constructor(parts: readonly Uint8Array[], onRelease: () => void) {
    this.#parts = parts;
    this.#onRelease = onRelease;
  }

  read(into: Uint8Array, at: number, maxBytes: number): number {
    let done = 0;
    while (done < maxBytes) {
      const part = this.#parts[this.#part];
      if (part === undefined) break;
      const count = Math.min(part.length - this.#at, maxBytes - done);
      into.set(part.subarray(this.#at, this.#at + count), at + done);
      done += count;
      this.#at += count;
      if (this.#at < part.length) continue;
      this.#part += 1;
      this.#at = 0;
    }
    // Asked for more than there is.
    return done === 0 ? -1 : done;
  }

  release(): void {
    if (this.#parts.length === 0) return;
    this.#parts = [];
    this.#onRelease();
  }
}
