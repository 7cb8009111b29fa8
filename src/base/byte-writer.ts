/** A size that most replies stay below. */
const CAPACITY_INITIAL_BYTES = 4096;
/** A larger buffer is not kept for the next message: the huge are rare. */
const KEPT_BYTES_MAX = 1024 * 1024;
const VARINT_BYTES_MAX = 10;
const TWO_32 = 4294967296;

/**
 * A growing buffer for building messages front to back. Reused by its owner: `reset` mostly keeps
 * the memory, so what `bytes` showed before is then overwritten.
 */
export class ByteWriter {
  /** The buffer; valid up to `length`. Replaced when it grows. */
  bytes = new Uint8Array(CAPACITY_INITIAL_BYTES);
  length = 0;

  reset(): void {
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = new Uint8Array(CAPACITY_INITIAL_BYTES);
    this.length = 0;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length] = value;
    this.length += 1;
  }

  /** An unsigned varint; `value` is a safe integer and not negative. */
  varint(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    const { bytes } = this;
    let at = this.length;
    let rest = value;
    while (rest >= TWO_32) {
      bytes[at] = (rest % 128) | 0x80;
      at += 1;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[at] = (rest & 0x7f) | 0x80;
      at += 1;
      rest >>>= 7;
    }
    bytes[at] = rest;
    this.length = at + 1;
  }

  /** An unsigned 64-bit varint given as two unsigned 32-bit halves. */
  varint64(high: number, low: number): void {
    this.reserve(VARINT_BYTES_MAX);
    let h = high >>> 0;
    let l = low >>> 0;
    while (h > 0 || l > 0x7f) {
      this.bytes[this.length] = (l & 0x7f) | 0x80;
      this.length += 1;
      l = ((l >>> 7) | (h << 25)) >>> 0;
      h >>>= 7;
    }
    this.bytes[this.length] = l;
    this.length += 1;
  }

  /** Copies `source[start, end)`. */
  raw(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    copyBytes(source, start, end, this.bytes, this.length);
    this.length += count;
  }
}

/** Below this a loop beats the call of a builtin. */
const LOOP_COPY_BYTES_MAX = 24;

/** Copies `source[start, end)` to `target` at `at`. */
export function copyBytes(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  if (end - start <= LOOP_COPY_BYTES_MAX) {
    for (let i = start, to = at; i < end; i += 1, to += 1) target[to] = source[i]!;
    return;
  }
  target.set(source.subarray(start, end), at);
}

/** Bytes of `value` as an unsigned varint; `value` is a safe integer and not negative. */
export function varintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest > 0x7f) {
    rest = rest >= TWO_32 ? Math.floor(rest / 128) : rest >>> 7;
    size += 1;
  }
  return size;
}
