import { ControlFrames } from "./control-frames.ts";
import { H2Core, keepalivePing, ownPingMark, shutdownPing } from "./core.ts";
import { clientPreface, streamIdMax } from "./frames.ts";
import { HeaderBlocks } from "./headers/blocks.ts";
import type { FieldInput, HeaderTemplate } from "./hpack/encoder.ts";
import { Inbound } from "./inbound.ts";
import { KeepaliveClock, KeepaliveStep } from "./keepalive.ts";
import { sendQueueMaxBytes, shutdownPingWaitMs } from "./limits.ts";
import type { H2Stream } from "./stream.ts";
import {
  ErrorCode,
  type H2Handler,
  type H2Options,
  type MessageParts,
  type ReplyParts,
  type SourceParts,
} from "./types.ts";

const nothing = new Uint8Array(0);
const noFields: readonly FieldInput[] = [];

/**
 * One HTTP/2 connection (RFC 9113) without its socket: give it what arrived, send what it yields.
 *
 *   socket bytes → receive() → calls on the handler
 *   send…() → takeOutput() → socket
 *
 * Owner's loop: after each `receive`, and at the end of each tick in which it sent something, write
 * `takeOutput()` until it yields null or the socket is full; when the socket has drained, again.
 * While `congested()` is true after that, the owner should stop reading from the socket.
 *
 * Calls on a stream that is not live, or whose sending side has ended, do nothing. Never throws on
 * input.
 */
export class H2Connection {
  readonly #core: H2Core;
  readonly #inbound: Inbound;
  readonly #keepalive: KeepaliveClock | undefined;
  /** Reused argument of `sendData`. */
  readonly #parts: MessageParts = { prefix: nothing, bytes: nothing, start: 0, end: 0 };
  #shutdownMs = -1;

  constructor(role: "server" | "client", options: H2Options, handler: H2Handler) {
    const core = new H2Core(role, options, handler);
    this.#core = core;
    const blocks = new HeaderBlocks(core);
    const control = new ControlFrames(core, blocks.decoder, options.pingRule);
    this.#inbound = new Inbound(core, control, blocks);
    const { keepalive } = options;
    if (keepalive !== undefined) {
      this.#keepalive = new KeepaliveClock(keepalive, core.config.nowMs());
    }
    if (!core.isServer) core.sender.out.raw(clientPreface);
    core.sendSettings();
  }

  /** Takes in any piece of the peer's byte stream; the bytes are not kept. */
  receive(chunk: Uint8Array): void {
    this.#keepalive?.heard(this.#core.config.nowMs());
    this.#inbound.receive(chunk);
  }

  /**
   * The peer's byte stream ended or broke, or the socket was closed for whatever reason: every live
   * stream gets `onReset(id, cancel)`. Must be the last call.
   */
  lost(): void {
    this.#core.lost();
    this.#inbound.release();
  }

  /**
   * The next bytes for the socket, or null. The buffer belongs to the caller for good, unless it
   * gives it back with `recycleOutput`. Bodies add up to about `outputHighWaterBytes` a call.
   */
  takeOutput(): Uint8Array | null {
    this.#core.sender.pump();
    return this.#core.sender.out.take();
  }

  /** Optional: promises that all buffers of `takeOutput` so far are no longer needed. */
  recycleOutput(): void {
    this.#core.sender.out.recycle();
  }

  /** Whether `takeOutput` has something to give or to try. */
  hasOutput(): boolean {
    return this.#core.sender.hasWork;
  }

  /** True when so much output waits that the owner should stop reading. */
  congested(): boolean {
    return this.#core.sender.outputFull;
  }

  /**
   * Encodes a block with the dynamic table: for `openStream`, and to be used before the next block
   * is encoded. Everything else takes constant blocks (`encodeConstantBlock`), which may wait in
   * queues. The result is a view that the next call overwrites.
   */
  encodeHeaders(fields: readonly FieldInput[]): Uint8Array {
    return this.#core.sender.encoder.encode(fields);
  }

  /** The same for a template (kept by the caller, one per connection) and further fields. */
  encodeTemplate(template: HeaderTemplate, fields: readonly FieldInput[] = noFields): Uint8Array {
    return this.#core.sender.encoder.encodeTemplate(template, fields);
  }

  /**
   * Client: opens a stream with a pre-encoded block and returns its id; 0 when the peer's limit is
   * reached, the ids are used up or the connection goes away. (Ask `openableStreams` before
   * encoding with the dynamic table: an encoded block must be sent.)
   */
  openStream(headerBlock: Uint8Array, endStream: boolean): number {
    const core = this.#core;
    if (this.openableStreams() <= 0) return 0;
    const id = core.nextStreamId;
    core.nextStreamId += 2;
    const stream = core.streams.open(id, core.peerStreamWindow, core.ownStreamWindow);
    stream.autoCredit = core.config.autoCredit;
    stream.reported = true;
    core.sender.open(stream, headerBlock, endStream);
    return id;
  }

  /** Client: how many more streams `openStream` would grant now. */
  openableStreams(): number {
    const core = this.#core;
    if (core.isServer || core.failed || core.closing || core.nextStreamId > streamIdMax) return 0;
    return Math.max(0, core.peerStreamsMax - core.streams.live);
  }

  /**
   * Sends HEADERS (and CONTINUATION as needed); waits behind a queued body of the stream. The block
   * must not change after the call.
   */
  sendHeaders(streamId: number, headerBlock: Uint8Array, endStream: boolean): void {
    const stream = this.#sendable(streamId);
    if (stream !== undefined) this.#core.sender.headers(stream, headerBlock, endStream);
  }

  /**
   * Sends or queues body bytes (copied). False: queue above its high-water mark, wait for
   * `onWritable`.
   */
  sendData(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): boolean {
    const parts = this.#parts;
    parts.bytes = bytes;
    parts.start = start;
    parts.end = end;
    const room = this.sendMessage(streamId, parts, endStream);
    parts.bytes = nothing;
    return room;
  }

  /** The same for prefix and bytes as one frame. `parts` is only read during the call. */
  sendMessage(streamId: number, parts: MessageParts, endStream: boolean): boolean {
    const stream = this.#sendable(streamId);
    if (stream === undefined) return true;
    const room = this.#core.sender.data(stream, parts, endStream);
    if (!room) this.#checkQueue();
    return room;
  }

  /**
   * Headers, message and trailers of a unary reply in one go. `parts` is only read during the call.
   */
  sendReply(streamId: number, parts: ReplyParts): void {
    const stream = this.#sendable(streamId);
    if (stream === undefined) return;
    this.#core.sender.reply(stream, parts);
    if (this.#core.sender.queuedBytes > 0) this.#checkQueue();
  }

  /**
   * Queues a pulled body behind what is queued already. With no trailers, `onWritable` tells its
   * end. On a stream that takes nothing any more the source is released at once.
   */
  sendSource(streamId: number, parts: SourceParts): void {
    const stream = this.#sendable(streamId);
    if (stream === undefined) parts.source.release();
    else this.#core.sender.source(stream, parts);
  }

  /**
   * Ends the stream at once with RST_STREAM; its queue is dropped, sources are released. With
   * `noError` after the end of a response (RFC 9113 §8.1) the queue is sent first.
   */
  sendReset(streamId: number, code: ErrorCode): void {
    const stream = this.#core.streams.get(streamId);
    if (stream === undefined) return;
    if (code === ErrorCode.noError && stream.endQueued && !stream.sendEnded) {
      stream.resetAfterEnd = true;
    } else {
      this.#core.resetStream(stream, code);
    }
  }

  /** Bytes of a body that the owner has dealt with; only when credit is held back on the stream. */
  consume(streamId: number, bytes: number): void {
    const stream = this.#core.streams.get(streamId);
    if (stream === undefined) return;
    const given = Math.min(bytes, stream.heldBytes);
    if (given <= 0) return;
    stream.heldBytes -= given;
    this.#core.credit(given);
    this.#core.creditStream(stream, given);
  }

  /**
   * From now on (true) data of the stream is credited on arrival, what is held included, or (false)
   * only by `consume`. Held data takes from the connection window too.
   */
  setAutoCredit(streamId: number, auto: boolean): void {
    const stream = this.#core.streams.get(streamId);
    if (stream === undefined) return;
    stream.autoCredit = auto;
    if (auto) this.consume(streamId, stream.heldBytes);
  }

  /** Sends PING; `payload` (32 bits) comes back in `onPingAck`. */
  ping(payload: number): void {
    if (!this.#core.failed) this.#core.sender.out.ping(0, payload);
  }

  /**
   * Fails the connection: GOAWAY with code and debug text, `onConnectionError`; then flush and
   * close.
   */
  goaway(code: ErrorCode, debug: string): void {
    this.#core.fail(code, debug);
    this.#inbound.release();
  }

  /**
   * Graceful end (RFC 9113 §6.8). Server: GOAWAY that still takes everything, a ping, and when its
   * answer shows that the client knows (or `tick` finds it late), GOAWAY with the last stream;
   * `onDrained` follows the end of the last stream. Client: no more streams, `onDrained`.
   */
  shutdown(): void {
    const core = this.#core;
    if (core.failed || core.closing || this.#shutdownMs >= 0) return;
    if (!core.isServer) {
      core.sayLastStream();
      return;
    }
    this.#shutdownMs = core.config.nowMs();
    core.sender.out.goaway(streamIdMax, ErrorCode.noError, "");
    core.sender.out.ping(ownPingMark, shutdownPing);
  }

  /** To be called about once a second when `keepalive` or `shutdown` are used. */
  tick(): void {
    const core = this.#core;
    if (core.failed) return;
    const now = core.config.nowMs();
    if (this.#shutdownMs >= 0 && now - this.#shutdownMs >= shutdownPingWaitMs) {
      core.sayLastStream();
    }
    switch (this.#keepalive?.step(now, core.streams.live)) {
      case KeepaliveStep.ping:
        core.sender.out.ping(ownPingMark, keepalivePing);
        break;
      case KeepaliveStep.dead:
        core.fail(ErrorCode.noError, "keepalive ping was not answered");
        break;
      default:
        break;
    }
  }

  /**
   * What everything waiting to be sent costs, output and stream queues, bytes (pulled bodies count
   * as nothing).
   */
  queuedBytes(): number {
    return this.#core.sender.out.pending + this.#core.sender.queueCostBytes;
  }

  /** What waits in one stream's own queue, bytes. */
  streamQueuedBytes(streamId: number): number {
    return this.#core.streams.get(streamId)?.queuedBytes ?? 0;
  }

  /** Received bytes that are held: an incomplete frame, a header block under assembly. */
  heldInputBytes(): number {
    return this.#inbound.heldBytes;
  }

  /** Streams that are not closed. */
  liveStreams(): number {
    return this.#core.streams.live;
  }

  /** Whether the stream can still be sent on. */
  isSendable(streamId: number): boolean {
    return this.#sendable(streamId) !== undefined;
  }

  #sendable(streamId: number): H2Stream | undefined {
    const stream = this.#core.streams.get(streamId);
    return stream === undefined || stream.endQueued ? undefined : stream;
  }

  #checkQueue(): void {
    if (this.#core.sender.queuedBytes > sendQueueMaxBytes) {
      this.#core.fail(ErrorCode.enhanceYourCalm, "replies are not being read");
    }
  }
}
