import type { ByteSpan } from "../../base/span.ts";

/** One Set holds at most 2^24 values; so many of them hold any key space that a disk does. */
const SHARDS = 256;

/** The user keys that are there, counted exactly: as many bytes of memory as they have, and ~60. */
export class LiveKeys {
  readonly #shards = Array.from({ length: SHARDS }, () => new Set<string>());

  /** How many there are. */
  get count(): number {
    return this.#shards.reduce((sum, { size }) => sum + size, 0);
  }

  add(key: ByteSpan): void {
    this.#shardOf(key).add(textOf(key));
  }

  delete(key: ByteSpan): void {
    this.#shardOf(key).delete(textOf(key));
  }

  #shardOf({ bytes, start, end }: ByteSpan): Set<string> {
    // Keys that are counted up differ in their last bytes.
    const from = Math.max(start, end - 4);
    let sum = 0;
    for (let i = from; i < end; i++) sum = (sum * 31 + bytes[i]!) & 0xff;
    return this.#shards[sum]!;
  }
}

/** One character a byte. */
function textOf({ bytes, start, end }: ByteSpan): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}
