/**
 * One flag byte and four of length before each message (gRPC over HTTP/2, "Length-Prefixed-
 * Message").
 */
export const prefixBytes = 5;

/** Least buffer for a message in pieces: one full DATA frame of the default size. */
const firstBufferBytes = 16_384;

/** What a reader tells of the byte stream. */
export interface MessageHandler {
  /**
   * A message is there: `bytes[start, end)`, valid only during the call. `flag` is the first byte
   * of the prefix (1: compressed). False stops: the rest of the chunk is dropped.
   */
  onMessage(flag: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** The prefix announces `lengthBytes`, more than allowed. Nothing more is read. */
  onTooLarge(lengthBytes: number): void;
}

/**
 * Cuts a byte stream into messages. A message that lies in one chunk is passed on where it lies;
 * others are gathered in a buffer that grows with what arrived, never with what was announced.
 */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #prefix = new Uint8Array(prefixBytes);
  #prefixHave = 0;
  #body: Uint8Array | null = null;
  #bodyHave = 0;

  /** `maxBytes`: largest message, inclusive. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory held for a message in pieces, bytes. */
  get bufferedBytes(): number {
    return this.#body === null ? 0 : this.#body.length;
  }

  /** True when a message has begun, with part of its prefix at least. */
  get midMessage(): boolean {
    return this.#prefixHave !== 0;
  }

  /**
   * True when a whole prefix is there and its message is not. To grpc-go, a stream that ends in a
   * part of a prefix is one that ends before it.
   */
  get midBody(): boolean {
    return this.#prefixHave === prefixBytes;
  }

  /** Back to the state of a new reader. */
  reset(): void {
    this.#prefixHave = 0;
    this.#body = null;
    this.#bodyHave = 0;
  }

  /** Takes in `bytes[start, end)`. */
  feed(bytes: Uint8Array, start: number, end: number, handler: MessageHandler): void {
    let at = start;
    while (at < end) {
      if (this.#prefixHave === 0 && end - at >= prefixBytes) {
        const length = readLength(bytes, at + 1);
        const next = at + prefixBytes + length;
        if (length <= this.#maxBytes && next <= end) {
          if (!handler.onMessage(bytes[at] as number, bytes, at + prefixBytes, next)) return;
          at = next;
          continue;
        }
      }
      at = this.#gather(bytes, at, end, handler);
    }
  }

  /**
   * Takes part of a message; returns where it stopped, `end` when it wants no more of the chunk.
   */
  #gather(bytes: Uint8Array, start: number, end: number, handler: MessageHandler): number {
    let at = start;
    while (this.#prefixHave < prefixBytes) {
      if (at === end) return end;
      this.#prefix[this.#prefixHave++] = bytes[at++] as number;
    }
    const length = readLength(this.#prefix, 1);
    if (length > this.#maxBytes) {
      this.reset();
      handler.onTooLarge(length);
      return end;
    }
    const take = Math.min(end - at, length - this.#bodyHave);
    const body = this.#room(this.#bodyHave + take, length);
    copyInto(body, this.#bodyHave, bytes, at, at + take);
    this.#bodyHave += take;
    if (this.#bodyHave < length) return end;
    const flag = this.#prefix[0] as number;
    this.reset();
    return handler.onMessage(flag, body, 0, length) ? at + take : end;
  }

  #room(needBytes: number, lengthBytes: number): Uint8Array {
    const old = this.#body;
    if (old !== null && old.length >= needBytes) return old;
    const doubled = Math.max(needBytes, firstBufferBytes, old === null ? 0 : 2 * old.length);
    const body = new Uint8Array(Math.min(doubled, lengthBytes));
    if (old !== null) body.set(old.subarray(0, this.#bodyHave));
    this.#body = body;
    return body;
  }
}

/** Short pieces are copied by hand: a view costs more than the bytes. */
const loopCopyMaxBytes = 64;

function copyInto(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  if (end - start > loopCopyMaxBytes) {
    to.set(from.subarray(start, end), at);
    return;
  }
  for (let i = start; i < end; i++) to[at + i - start] = from[i] as number;
}

/** Unsigned 32-bit big-endian number at `at`. */
export function readLength(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** Writes the prefix of a message of `lengthBytes` at the start of `prefix`. */
export function writePrefix(prefix: Uint8Array, flag: number, lengthBytes: number): void {
  prefix[0] = flag;
  prefix[1] = lengthBytes >>> 24;
  prefix[2] = lengthBytes >>> 16;
  prefix[3] = lengthBytes >>> 8;
  prefix[4] = lengthBytes;
}
