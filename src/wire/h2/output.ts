import type { ErrorCode } from "./types.ts";
import { Flag, frameHeaderBytes, FrameType, writeUint32 } from "./frames.ts";

const nothing = new Uint8Array(0);

/** First slab; an idle connection needs no more. */
const slabBytesLeast = 2048;
/** Slabs of a busy connection; below the size where allocating means mapping pages. */
const slabBytesMost = 64 * 1024;
/**
 * Slabs of a connection that sends more than it was made for: two takes of four full frames, so
 * that a turn of a large reply is written without moving what is not taken yet.
 */
const largeSlabBytes = 160 * 1024;
/** A queued message of 32 KiB, as a snapshot has them, and what goes around it. */
const pieceBytes = 36 * 1024;
/** Sizes of memory that is used again, ascending. */
const pooledBytes = [pieceBytes, slabBytesMost, largeSlabBytes];
/** Of each size kept for the next taker, 8 MiB in all; as many can be at it in one turn. */
const spareMax = 32;
/** Copies up to this are faster in a loop than by a call that needs a view (measured). */
const loopCopyBytes = 40;

/** Copies `from[start, end)` to `into` at `at`. */
export function copyBytes(
  into: Uint8Array,
  at: number,
  from: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start <= loopCopyBytes) {
    for (let i = start; i < end; i++) into[at++] = from[i];
  } else if (start === 0 && end === from.length) {
    into.set(from, at);
  } else {
    into.set(from.subarray(start, end), at);
  }
}

/**
 * Memory that is done with. Buffers that come and go at the speed of large replies make V8 collect
 * the whole heap many times a second (measured: every 6 MB; ten times a second in a snapshot).
 */
export class SlabPool {
  readonly #spare: readonly Uint8Array[][] = pooledBytes.map(() => []);

  /** Room for `bytes`, or somewhat more; what is in it is anything. */
  take(bytes: number): Uint8Array {
    const size = pooledBytes.findIndex((each) => bytes <= each);
    if (size === -1 || bytes < pooledBytes[0]! / 2) return Buffer.allocUnsafeSlow(bytes);
    return this.#spare[size]!.pop() ?? Buffer.allocUnsafeSlow(pooledBytes[size]!);
  }

  /** Nobody looks at `slab` any more. */
  give(slab: Uint8Array): void {
    const spare = this.#spare[pooledBytes.indexOf(slab.length)];
    if (spare !== undefined && spare.length < spareMax) spare.push(slab);
  }
}

/**
 * Bytes on their way out, in slabs: what was taken is never written again, so that a socket may
 * hold it as long as it likes. Room is got with `reserve`, then filled, then `end` is moved on.
 *
 * Invariant: `[start, end)` of `bytes` is written and not taken; before `start` belongs to takers.
 */
export class OutputBuffer {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Written by control frames since the last take: what a peer could make us queue. */
  controlBytes = 0;
  #slabBytes = slabBytesLeast;
  /** A view from the start of a slab: replies of one length, one after the other, share it. */
  #lastTaken: Uint8Array = nothing;
  readonly #pool: SlabPool;
  /** Slabs that were filled; a taker may still hold them, and need not say when it is done. */
  readonly #lent: Uint8Array[] = [];

  constructor(pool: SlabPool = new SlabPool()) {
    this.#pool = pool;
  }

  /** Not yet taken, bytes. */
  get pending(): number {
    return this.end - this.start;
  }

  /** Makes room for `more` bytes at `end`. */
  reserve(more: number): void {
    if (this.end + more > this.bytes.length) this.#newSlab(more);
  }

  /** What is pending, now the caller's; null when nothing is. */
  take(): Uint8Array | null {
    if (this.start === this.end) return null;
    const { bytes, start, end } = this;
    this.start = end;
    this.controlBytes = 0;
    const length = end - start;
    const last = this.#lastTaken;
    if (start === 0 && last.length === length && last.buffer === bytes.buffer) return last;
    const taken = new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
    if (start === 0 && bytes.length <= slabBytesMost) this.#lastTaken = taken;
    return taken;
  }

  /**
   * The taker of everything so far is done with it: the slab may be written from its start again.
   */
  recycle(): void {
    for (let slab = this.#lent.pop(); slab !== undefined; slab = this.#lent.pop()) {
      this.#pool.give(slab);
    }
    if (this.start !== this.end) return;
    const written = this.end;
    this.start = 0;
    this.end = 0;
    if (this.bytes.length <= slabBytesMost) return;
    // A connection that is still at it gets a large one again, an idle one costs nothing.
    this.#slabBytes = written > slabBytesMost / 4 ? largeSlabBytes : slabBytesMost;
    this.#pool.give(this.bytes);
    this.bytes = new Uint8Array(0);
  }

  /** Writes a frame header; there must be room. */
  frameHeader(length: number, type: number, flags: number, streamId: number): void {
    const { bytes, end } = this;
    bytes[end] = length >>> 16;
    bytes[end + 1] = length >>> 8;
    bytes[end + 2] = length;
    bytes[end + 3] = type;
    bytes[end + 4] = flags;
    writeUint32(bytes, end + 5, streamId);
    this.end = end + frameHeaderBytes;
  }

  /** HEADERS, and CONTINUATION when the block is longer than a frame may be. */
  headers(streamId: number, block: Uint8Array, endStream: boolean, frameMaxBytes: number): void {
    const endFlag = endStream ? Flag.endStream : 0;
    const { length } = block;
    if (length <= frameMaxBytes) {
      this.reserve(frameHeaderBytes + length);
      this.frameHeader(length, FrameType.headers, Flag.endHeaders | endFlag, streamId);
      copyBytes(this.bytes, this.end, block, 0, length);
      this.end += length;
      return;
    }
    for (let at = 0; at < length; at += frameMaxBytes) {
      const piece = Math.min(frameMaxBytes, length - at);
      this.reserve(frameHeaderBytes + piece);
      const last = at + piece === length ? Flag.endHeaders : 0;
      if (at === 0) this.frameHeader(piece, FrameType.headers, last | endFlag, streamId);
      else this.frameHeader(piece, FrameType.continuation, last, streamId);
      copyBytes(this.bytes, this.end, block, at, at + piece);
      this.end += piece;
    }
  }

  settings(pairs: readonly (readonly [id: number, value: number])[]): void {
    this.#control(pairs.length * 6, FrameType.settings, 0, 0);
    for (const [id, value] of pairs) {
      this.bytes[this.end] = id >>> 8;
      this.bytes[this.end + 1] = id;
      writeUint32(this.bytes, this.end + 2, value);
      this.end += 6;
    }
  }

  settingsAck(): void {
    this.#control(0, FrameType.settings, Flag.ack, 0);
  }

  /** PING with eight octets taken from `from` at `at`. */
  pingAck(from: Uint8Array, at: number): void {
    this.#control(8, FrameType.ping, Flag.ack, 0);
    copyBytes(this.bytes, this.end, from, at, at + 8);
    this.end += 8;
  }

  ping(high: number, low: number): void {
    this.#control(8, FrameType.ping, 0, 0);
    writeUint32(this.bytes, this.end, high);
    writeUint32(this.bytes, this.end + 4, low);
    this.end += 8;
  }

  rstStream(streamId: number, code: ErrorCode): void {
    this.#control(4, FrameType.rstStream, 0, streamId);
    writeUint32(this.bytes, this.end, code);
    this.end += 4;
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#control(4, FrameType.windowUpdate, 0, streamId);
    writeUint32(this.bytes, this.end, bytes);
    this.end += 4;
  }

  /** GOAWAY; characters of `debug` beyond latin1 become something else. */
  goaway(lastStreamId: number, code: ErrorCode, debug: string): void {
    this.#control(8 + debug.length, FrameType.goaway, 0, 0);
    writeUint32(this.bytes, this.end, lastStreamId);
    writeUint32(this.bytes, this.end + 4, code);
    this.end += 8;
    for (let i = 0; i < debug.length; i++) this.bytes[this.end++] = debug.charCodeAt(i);
  }

  /** Raw bytes: the client's preface. */
  raw(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.end++] = text.charCodeAt(i);
  }

  #control(length: number, type: number, flags: number, streamId: number): void {
    this.reserve(frameHeaderBytes + length);
    this.controlBytes += frameHeaderBytes + length;
    this.frameHeader(length, type, flags, streamId);
  }

  #newSlab(more: number): void {
    const { bytes, start, end } = this;
    const held = end - start;
    const slab = this.#slabFor(held + more);
    if (bytes.length >= slabBytesMost && this.#lent.length < spareMax) this.#lent.push(bytes);
    if (held > 0) slab.set(bytes.subarray(start, end), 0);
    this.bytes = slab;
    this.#lastTaken = nothing;
    this.start = 0;
    this.end = held;
  }

  #slabFor(bytes: number): Uint8Array {
    const isLarge = bytes > slabBytesMost || this.#slabBytes === largeSlabBytes;
    if (isLarge && bytes <= largeSlabBytes) return this.#pool.take(largeSlabBytes);
    const size = Math.max(this.#slabBytes, Math.ceil(bytes * 1.25));
    this.#slabBytes = Math.min(2 * this.#slabBytes, slabBytesMost);
    return size === slabBytesMost ? this.#pool.take(size) : Buffer.allocUnsafeSlow(size);
  }
}
