import { ErrorCode } from "./types.ts";
import { clientPreface, frameHeaderBytes, readUint31 } from "./frames.ts";

/** One frame, header read, padding and the like still in `bytes[start, end)`. Reused. */
export class Frame {
  type = 0;
  flags = 0;
  streamId = 0;
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
}

/** Who gets the frames. */
export interface FrameSink {
  /** A whole frame; `frame` and its bytes are valid only during the call. False: stop parsing. */
  frame(frame: Frame): boolean;
  /** The byte stream cannot be HTTP/2, or a frame is too large. Nothing follows. */
  parseError(code: ErrorCode, text: string): void;
}

/** A spare area up to this is kept for the next frame that comes in two pieces. */
const keptCarryBytes = 4096;

/**
 * Cuts a byte stream into frames (RFC 9113 §4.1). Frames that lie whole in a chunk are handed on in
 * place; only one that comes in pieces is copied together, and at most one frame is ever held.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #frameMaxBytes: number;
  /** Octets of the client's preface that have matched; its length when none is awaited. */
  #prefaceAt: number;
  #carry: Uint8Array = new Uint8Array(0);
  #carried = 0;
  readonly #frame = new Frame();

  constructor(sink: FrameSink, frameMaxBytes: number, awaitPreface: boolean) {
    this.#sink = sink;
    this.#frameMaxBytes = frameMaxBytes;
    this.#prefaceAt = awaitPreface ? 0 : clientPreface.length;
  }

  /** Held of an incomplete frame, bytes. */
  get carriedBytes(): number {
    return this.#carried;
  }

  receive(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    if (this.#prefaceAt < clientPreface.length) {
      at = this.#matchPreface(chunk);
      if (at < 0) return;
    }
    if (this.#carried > 0) {
      at = this.#complete(chunk, at);
      if (at < 0) return;
    }
    while (end - at >= frameHeaderBytes) {
      const length = this.#payloadLength(chunk, at);
      if (length < 0) return;
      const next = at + frameHeaderBytes + length;
      if (next > end) break;
      if (!this.#deliver(chunk, at, next)) return;
      at = next;
    }
    if (at < end) this.#stash(chunk, at, end);
  }

  /** @returns where frames begin in the chunk, or -1 on a mismatch. */
  #matchPreface(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && this.#prefaceAt < clientPreface.length) {
      if (chunk[at++] !== clientPreface.charCodeAt(this.#prefaceAt++)) {
        this.#sink.parseError(ErrorCode.protocolError, "bad connection preface");
        return -1;
      }
    }
    return at;
  }

  /** Payload length of the header at `at`, or -1 when it is too large. */
  #payloadLength(bytes: Uint8Array, at: number): number {
    const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    if (length <= this.#frameMaxBytes) return length;
    this.#sink.parseError(ErrorCode.frameSizeError, "frame too large");
    return -1;
  }

  #deliver(bytes: Uint8Array, at: number, end: number): boolean {
    const frame = this.#frame;
    frame.type = bytes[at + 3];
    frame.flags = bytes[at + 4];
    frame.streamId = readUint31(bytes, at + 5);
    frame.bytes = bytes;
    frame.start = at + frameHeaderBytes;
    frame.end = end;
    return this.#sink.frame(frame);
  }

  /** Completes the carried frame from the chunk. @returns where to go on, or -1 to stop. */
  #complete(chunk: Uint8Array, from: number): number {
    let at = from;
    if (this.#carried < frameHeaderBytes) {
      at = this.#append(chunk, at, frameHeaderBytes);
      if (this.#carried < frameHeaderBytes) return -1;
    }
    const length = this.#payloadLength(this.#carry, 0);
    if (length < 0) return -1;
    const total = frameHeaderBytes + length;
    at = this.#append(chunk, at, total);
    if (this.#carried < total) return -1;
    const carry = this.#carry;
    this.#carried = 0;
    if (carry.length > keptCarryBytes) this.#carry = new Uint8Array(0);
    return this.#deliver(carry, 0, total) ? at : -1;
  }

  /** Carries on until `total` bytes are held or the chunk ends. @returns where it stopped. */
  #append(chunk: Uint8Array, at: number, total: number): number {
    const end = Math.min(chunk.length, at + total - this.#carried);
    if (this.#carry.length < total) {
      const bigger = new Uint8Array(Math.max(total, 256));
      bigger.set(this.#carry.subarray(0, this.#carried), 0);
      this.#carry = bigger;
    }
    this.#carry.set(chunk.subarray(at, end), this.#carried);
    this.#carried += end - at;
    return end;
  }

  #stash(chunk: Uint8Array, at: number, end: number): void {
    let total = frameHeaderBytes;
    if (end - at >= frameHeaderBytes) {
      const length = this.#payloadLength(chunk, at);
      if (length < 0) return;
      total += length;
    }
    this.#append(chunk, at, total);
  }
}
