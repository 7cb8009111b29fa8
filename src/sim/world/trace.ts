import { crc32cUpdate } from "../../base/crc32c.ts";

/** Lines kept for reading after a failure; the hash covers all. */
const LINES_KEPT = 200;

/**
 * What happened in a simulated world, line by line. Two runs of one seed must end with equal
 * hashes: a difference means that something outside the seed got in.
 */
export class Trace {
  readonly #encoder = new TextEncoder();
  readonly #recent: string[] = [];
  #hash = 0;
  #count = 0;

  add(line: string): void {
    const bytes = this.#encoder.encode(`${line}\n`);
    this.#hash = crc32cUpdate(this.#hash, bytes, 0, bytes.length);
    this.#recent[this.#count++ % LINES_KEPT] = line;
  }

  /** Number of lines and a checksum over them. */
  hash(): string {
    return `${this.#count}-${this.#hash.toString(16).padStart(8, "0")}`;
  }

  /** The newest lines, oldest first. */
  recent(): string[] {
    const from = Math.max(0, this.#count - LINES_KEPT);
    const lines: string[] = [];
    for (let i = from; i < this.#count; i++) lines.push(this.#recent[i % LINES_KEPT]);
    return lines;
  }
}
