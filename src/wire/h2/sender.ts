import type { FloodGuard } from "./flood.ts";
import {
  Flag,
  frameBytesLeast,
  frameHeaderBytes,
  FrameType,
  initialWindowBytes,
  windowMaxBytes,
} from "./frames.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { headerTableBytes, queuedItemBytes, smallMessageBytes, turnBytes } from "./limits.ts";
import { copyBytes, OutputBuffer, type SlabPool } from "./output.ts";
import { type H2Stream, ItemKind, SendItem, TurnList } from "./stream.ts";
import type { MessageParts, ReplyParts, SourceParts } from "./types.ts";

/** Least room of a queued piece, so that many small messages of a stopped stream share one. */
const pieceBytesLeast = 2048;
/**
 * Sources without bytes that are asked in one call: each may have worked for them (tens of
 * microseconds), and a connection may have thousands.
 */
const pausesMax = 4;
const nothing = new Uint8Array(0);

/** What the sender tells the connection. */
export interface SenderOwner {
  /** END_STREAM was written; the stream may be closed by now. */
  sendEnded(stream: H2Stream): void;
  writable(streamId: number): void;
  sourceFailed(streamId: number): void;
}

/** How the sender is set up. */
export interface SenderLimits {
  readonly outputHighWaterBytes: number;
  readonly streamHighWaterBytes: number;
  readonly slabs: SlabPool;
}

/**
 * Sends HEADERS and DATA under flow control (RFC 9113 §5.2).
 *
 * Whatever fits is written into the output at once. What does not, waits in its stream, and streams
 * that wait take turns of one frame whenever output is taken:
 *
 *   ready    could send now (or only the output was full)
 *   starved  needs connection window; moved to ready when that opens
 *   paused   its source had nothing yet; moved to ready when output is taken the next time
 *   none     needs stream window, or has nothing to send
 *
 * Invariant: a stream with a queue is in one of the lists, or its own window is not positive.
 */
export class Sender {
  readonly out: OutputBuffer;
  readonly encoder = new HpackEncoder(headerTableBytes);
  /** Connection window: what may be sent over all streams. */
  window = initialWindowBytes;
  frameMaxBytes = frameBytesLeast;
  /** Sum of all stream queues, bytes. */
  queuedBytes = 0;
  #queuedItems = 0;
  readonly #ready = new TurnList();
  readonly #starved = new TurnList();
  readonly #paused = new TurnList();
  /** Sources that had nothing in the `pump` under way. */
  #pauses = 0;
  readonly #owner: SenderOwner;
  readonly #guard: FloodGuard;
  readonly #limits: SenderLimits;
  /**
   * Calls owed to the owner, made after a round of turns: stream ids, negative for a failed source.
   */
  readonly #owed: number[] = [];
  #pumping = false;
  /** HEADERS or DATA were sent since the ping police looked. */
  trafficSent = false;

  constructor(owner: SenderOwner, guard: FloodGuard, limits: SenderLimits) {
    this.#owner = owner;
    this.#guard = guard;
    this.#limits = limits;
    this.out = new OutputBuffer(limits.slabs);
  }

  /** What the stream queues cost in memory, bytes. */
  get queueCostBytes(): number {
    return this.queuedBytes + this.#queuedItems * queuedItemBytes;
  }

  /** Whether `takeOutput` would find something. */
  get hasWork(): boolean {
    return this.out.pending > 0 || this.#ready.head !== null || this.#paused.head !== null;
  }

  /** Whether the output is over its mark, so that only control frames should join it. */
  get outputFull(): boolean {
    return this.out.pending >= this.#limits.outputHighWaterBytes;
  }

  headers(stream: H2Stream, block: Uint8Array, endStream: boolean): void {
    if (stream.queue.length === 0 && !this.outputFull) {
      if (endStream) stream.endQueued = true;
      this.#writeHeaders(stream.id, block, endStream);
      if (endStream) this.#owner.sendEnded(stream);
      return;
    }
    this.#queueHeaders(stream, block, endStream);
    this.#wake(stream);
  }

  /**
   * HEADERS of a stream of our own: never queued, as their order is that of the encoder's table.
   */
  open(stream: H2Stream, block: Uint8Array, endStream: boolean): void {
    stream.endQueued = stream.sendEnded = endStream;
    this.#writeHeaders(stream.id, block, endStream);
  }

  data(stream: H2Stream, parts: MessageParts, endStream: boolean): boolean {
    const size = parts.prefix.length + parts.end - parts.start;
    if (this.#fits(stream, size)) {
      this.out.reserve(frameHeaderBytes + size);
      this.#writeData(stream, parts, size, endStream);
      this.#traffic();
      if (endStream) {
        stream.endQueued = true;
        this.#owner.sendEnded(stream);
      }
      return true;
    }
    this.#queueBytes(stream, parts, size, endStream);
    this.#wake(stream);
    if (stream.queuedBytes <= this.#limits.streamHighWaterBytes) return true;
    stream.wantsWritable = true;
    return false;
  }

  reply(stream: H2Stream, parts: ReplyParts): void {
    const { headerBlock, trailerBlock } = parts;
    const size = parts.prefix.length + parts.end - parts.start;
    const fixed = headerBlock.length + trailerBlock.length;
    if (this.#fits(stream, size)) {
      this.out.reserve(3 * frameHeaderBytes + fixed + size);
      this.#writeHeaders(stream.id, headerBlock, false);
      this.out.reserve(2 * frameHeaderBytes + trailerBlock.length + size);
      this.#writeData(stream, parts, size, false);
      this.#writeHeaders(stream.id, trailerBlock, true);
      stream.endQueued = true;
      this.#owner.sendEnded(stream);
      return;
    }
    this.#queueHeaders(stream, headerBlock, false);
    this.#queueBytes(stream, parts, size, false);
    this.#queueHeaders(stream, trailerBlock, true);
    this.#wake(stream);
  }

  source(stream: H2Stream, parts: SourceParts): void {
    if (parts.prefix.length > 0) {
      const { prefix } = parts;
      this.#queueBytes(stream, { prefix, bytes: nothing, start: 0, end: 0 }, prefix.length, false);
    }
    this.#push(stream, new SendItem(ItemKind.source, nothing, parts.source, parts.totalBytes));
    if (parts.trailerBlock === null) stream.wantsWritable = true;
    else this.#queueHeaders(stream, parts.trailerBlock, true);
    this.#wake(stream);
  }

  /** Forgets what the stream had queued; releases sources. */
  drop(stream: H2Stream): void {
    stream.list?.remove(stream);
    this.queuedBytes -= stream.queuedBytes;
    stream.queuedBytes = 0;
    if (stream.queue.length === 0) return;
    const { queue } = stream;
    stream.queue = [];
    this.#queuedItems -= queue.length;
    for (const item of queue) item.source?.release();
  }

  /** The peer gave connection window. @returns false when that makes it larger than allowed. */
  addWindow(bytes: number): boolean {
    if (this.window + bytes > windowMaxBytes) return false;
    this.window += bytes;
    if (this.window > 0) this.#readyAll(this.#starved);
    return true;
  }

  /**
   * The peer gave stream window (or changed it by SETTINGS). @returns false when it gets too large.
   */
  addStreamWindow(stream: H2Stream, bytes: number): boolean {
    if (stream.sendWindow + bytes > windowMaxBytes) return false;
    stream.sendWindow += bytes;
    if (stream.queue.length > 0) this.#wake(stream);
    return true;
  }

  /**
   * Lets waiting streams take turns until the output is full; at least one frame, so that small
   * replies that pass by cannot stop a large one for good. Sources that have nothing yet are asked
   * once, and behind all that were ready before.
   */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#pauses = 0;
    this.#readyAll(this.#paused);
    for (;;) {
      for (let stream = this.#ready.head; stream !== null; stream = this.#ready.head) {
        this.#turn(stream);
        if (this.#isTurnOver) break;
      }
      if (this.#owed.length === 0) break;
      const owed = this.#owed.splice(0);
      for (const id of owed) {
        if (id > 0) this.#owner.writable(id);
        else this.#owner.sourceFailed(-id);
      }
      if (this.#isTurnOver) break;
    }
    this.#pumping = false;
  }

  get #isTurnOver(): boolean {
    return this.outputFull || this.#pauses >= pausesMax;
  }

  #readyAll(list: TurnList): void {
    for (let stream = list.head; stream !== null; stream = list.head) {
      list.remove(stream);
      this.#ready.push(stream);
    }
  }

  #traffic(): void {
    this.trafficSent = true;
    this.#guard.traffic();
  }

  #writeHeaders(streamId: number, block: Uint8Array, endStream: boolean): void {
    let whole = block;
    if (this.encoder.sizeUpdateDue) {
      // The block was made without knowing of the peer's new table size; RFC 7541 §4.2 wants it
      // told.
      const updates = this.encoder.takeSizeUpdates();
      whole = new Uint8Array(updates.length + block.length);
      whole.set(updates, 0);
      whole.set(block, updates.length);
    }
    this.out.headers(streamId, whole, endStream, this.frameMaxBytes);
    this.#traffic();
  }

  /** Whether `size` bytes may go out as one DATA frame at once. */
  #fits(stream: H2Stream, size: number): boolean {
    return (
      stream.queue.length === 0 &&
      size <= this.frameMaxBytes &&
      (size === 0 || (size <= stream.sendWindow && size <= this.window)) &&
      (this.#ready.head === null || size <= smallMessageBytes) &&
      !this.outputFull
    );
  }

  #writeData(stream: H2Stream, parts: MessageParts, size: number, endStream: boolean): void {
    const { out } = this;
    const { prefix } = parts;
    out.frameHeader(size, FrameType.data, endStream ? Flag.endStream : 0, stream.id);
    copyBytes(out.bytes, out.end, prefix, 0, prefix.length);
    copyBytes(out.bytes, out.end + prefix.length, parts.bytes, parts.start, parts.end);
    out.end += size;
    stream.sendWindow -= size;
    this.window -= size;
  }

  #queueHeaders(stream: H2Stream, block: Uint8Array, endStream: boolean): void {
    const item = new SendItem(ItemKind.headers, block);
    item.endStream = endStream;
    if (endStream) stream.endQueued = true;
    this.#push(stream, item);
    this.#count(stream, block.length);
  }

  #queueBytes(stream: H2Stream, parts: MessageParts, size: number, endStream: boolean): void {
    const { prefix, bytes, start, end } = parts;
    const { queue } = stream;
    let item = queue.length === 0 ? undefined : queue[queue.length - 1];
    if (item?.kind !== ItemKind.bytes || item.bytes.length - item.end < size) {
      // Only the second message shows that more of them share a piece.
      const isShared = item?.kind === ItemKind.bytes && size < pieceBytesLeast / 2;
      const room = isShared ? pieceBytesLeast : size;
      item = new SendItem(ItemKind.bytes, this.#limits.slabs.take(room));
      item.end = 0;
      this.#push(stream, item);
    }
    copyBytes(item.bytes, item.end, prefix, 0, prefix.length);
    copyBytes(item.bytes, item.end + prefix.length, bytes, start, end);
    item.end += size;
    if (endStream) item.endStream = stream.endQueued = true;
    this.#count(stream, size);
  }

  #push(stream: H2Stream, item: SendItem): void {
    stream.queue.push(item);
    this.#queuedItems++;
  }

  #shift(stream: H2Stream): void {
    stream.queue.shift();
    this.#queuedItems--;
  }

  #count(stream: H2Stream, bytes: number): void {
    stream.queuedBytes += bytes;
    this.queuedBytes += bytes;
  }

  /** Puts a stream with a queue where it belongs. */
  #wake(stream: H2Stream): void {
    if (stream.list === null) this.#ready.push(stream);
  }

  /** One turn of the stream at the head of `ready`; afterwards it stands elsewhere or is gone. */
  #turn(stream: H2Stream): void {
    this.#ready.remove(stream);
    const item = stream.queue[0];
    if (item === undefined) return;
    if (item.kind === ItemKind.headers) {
      this.#writeHeaders(stream.id, item.bytes, item.endStream);
      this.#count(stream, -item.bytes.length);
      this.#itemDone(stream, item);
      return;
    }
    const owed = item.source === undefined ? item.end - item.start : item.remaining;
    if (owed > 0 && stream.sendWindow <= 0) return;
    if (owed > 0 && this.window <= 0) {
      this.#starved.push(stream);
      return;
    }
    const room = Math.min(turnBytes, this.frameMaxBytes, stream.sendWindow, this.window);
    const size = owed === 0 ? 0 : Math.min(owed, room);
    if (item.source !== undefined) this.#sourceTurn(stream, item, size);
    else this.#bytesTurn(stream, item, size);
  }

  #bytesTurn(stream: H2Stream, item: SendItem, size: number): void {
    const { out } = this;
    const last = item.start + size === item.end;
    out.reserve(frameHeaderBytes + size);
    const flags = last && item.endStream ? Flag.endStream : 0;
    out.frameHeader(size, FrameType.data, flags, stream.id);
    copyBytes(out.bytes, out.end, item.bytes, item.start, item.start + size);
    item.start += size;
    this.#count(stream, -size);
    this.#sent(stream, size);
    if (last) this.#itemDone(stream, item);
    else this.#ready.push(stream);
  }

  #sourceTurn(stream: H2Stream, item: SendItem, size: number): void {
    const { out } = this;
    const source = item.source!;
    if (size > 0) {
      out.reserve(frameHeaderBytes + size);
      const read = source.read(out.bytes, out.end + frameHeaderBytes, size);
      if (read === 0) {
        this.#pauses += 1;
        this.#paused.push(stream);
        return;
      }
      if (read < 0 || read > size) {
        this.#shift(stream);
        source.release();
        this.#dropRest(stream);
        this.#owed.push(-stream.id);
        return;
      }
      out.frameHeader(read, FrameType.data, 0, stream.id);
      item.remaining -= read;
      this.#sent(stream, read);
    }
    if (item.remaining > 0) {
      this.#ready.push(stream);
      return;
    }
    source.release();
    this.#itemDone(stream, item);
  }

  /** After a failed source: what was queued behind it makes no sense any more. */
  #dropRest(stream: H2Stream): void {
    this.drop(stream);
    stream.endQueued = false;
    stream.wantsWritable = false;
  }

  /** `size` bytes of DATA stand at the output's end: counts them. */
  #sent(stream: H2Stream, size: number): void {
    this.out.end += size;
    stream.sendWindow -= size;
    this.window -= size;
    this.#traffic();
  }

  #itemDone(stream: H2Stream, item: SendItem): void {
    this.#shift(stream);
    if (item.kind === ItemKind.bytes) this.#limits.slabs.give(item.bytes);
    if (stream.queue.length > 0) this.#ready.push(stream);
    if (stream.wantsWritable && this.#isWritable(stream)) {
      stream.wantsWritable = false;
      this.#owed.push(stream.id);
    }
    if (item.endStream) this.#owner.sendEnded(stream);
  }

  /** A refused producer may go on when half its mark is free and no source stands in between. */
  #isWritable(stream: H2Stream): boolean {
    if (stream.queuedBytes > this.#limits.streamHighWaterBytes / 2) return false;
    return stream.queue.every((item) => item.source === undefined);
  }
}
