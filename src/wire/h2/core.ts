import { FloodGuard } from "./flood.ts";
import { frameBytesLeast, initialWindowBytes, Setting } from "./frames.ts";
import * as limits from "./limits.ts";
import { SlabPool } from "./output.ts";
import { Sender, type SenderOwner } from "./sender.ts";
import type { H2Stream } from "./stream.ts";
import { ClosedHow, StreamTable } from "./stream-table.ts";
import { ErrorCode, type H2Handler, type H2Options, type HeaderBudget } from "./types.ts";

/** High half of the payload of pings that are the engine's own business; owners' pings have 0. */
export const ownPingMark = 0x736b6e31;
/** Low half: asks whether the first GOAWAY has been read. */
export const shutdownPing = 1;
/** Low half: asks whether the peer is alive. */
export const keepalivePing = 2;

/** The options with their defaults filled in. */
export interface H2Config {
  readonly nowMs: () => number;
  readonly maxConcurrentStreams: number;
  readonly announceStreams: boolean;
  readonly maxHeaderListBytes: number;
  readonly headerTableBytes: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxFrameBytes: number;
  readonly outputHighWaterBytes: number;
  readonly streamHighWaterBytes: number;
  readonly autoCredit: boolean;
  readonly headerBudget: HeaderBudget;
  readonly slabs: SlabPool;
}

function fillIn(options: H2Options): H2Config {
  return {
    nowMs: options.nowMs ?? (() => 0),
    maxConcurrentStreams: Math.min(
      options.maxConcurrentStreams ?? limits.streamsHardMax,
      limits.streamsHardMax,
    ),
    announceStreams: options.maxConcurrentStreams !== undefined,
    maxHeaderListBytes: options.maxHeaderListBytes ?? limits.headerListMaxBytes,
    headerTableBytes: options.headerTableBytes ?? limits.headerTableBytes,
    streamWindowBytes: options.streamWindowBytes ?? limits.streamWindowBytes,
    connectionWindowBytes: Math.max(
      options.connectionWindowBytes ?? limits.connectionWindowBytes,
      initialWindowBytes,
    ),
    maxFrameBytes: options.maxFrameBytes ?? frameBytesLeast,
    outputHighWaterBytes: options.outputHighWaterBytes ?? limits.outputHighWaterBytes,
    streamHighWaterBytes: options.streamHighWaterBytes ?? limits.streamHighWaterBytes,
    autoCredit: options.autoCredit ?? true,
    headerBudget: options.headerBudget ?? { takenBytes: 0, maxBytes: limits.headerBudgetBytes },
    slabs: options.slabs ?? new SlabPool(),
  };
}

/**
 * What both directions of a connection share: streams, the sender, how things end.
 *
 * Invariant: once `failed`, the stream table is empty and nothing is written any more.
 */
export class H2Core implements SenderOwner {
  readonly isServer: boolean;
  readonly handler: H2Handler;
  readonly config: H2Config;
  readonly streams = new StreamTable();
  readonly guard: FloodGuard;
  readonly sender: Sender;
  failed = false;
  /** Highest stream id the peer has opened. */
  lastPeerStreamId = 0;
  /** Client: id of the next stream. */
  nextStreamId = 1;
  /** Peer's SETTINGS_MAX_CONCURRENT_STREAMS. */
  peerStreamsMax = Number.MAX_SAFE_INTEGER;
  /** Peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  peerStreamWindow = initialWindowBytes;
  /**
   * Window that new streams give to the peer; until our SETTINGS are acknowledged the larger one.
   */
  ownStreamWindow: number;
  /** Connection window of the peer towards us, and what of it is to be given back. */
  receiveWindow: number;
  creditBytes = 0;
  /** No stream may begin any more; `onDrained` follows the last one. */
  closing = false;
  /** Streams of the peer above this are ignored (after our last GOAWAY). */
  acceptUpTo = Number.MAX_SAFE_INTEGER;
  #drained = false;

  constructor(role: "server" | "client", options: H2Options, handler: H2Handler) {
    this.isServer = role === "server";
    this.handler = handler;
    this.config = fillIn(options);
    this.guard = new FloodGuard(limits, this.config.nowMs);
    this.sender = new Sender(this, this.guard, this.config);
    this.ownStreamWindow = Math.max(this.config.streamWindowBytes, initialWindowBytes);
    this.receiveWindow = this.config.connectionWindowBytes;
  }

  /** Our SETTINGS and the connection window; the first frames of all. */
  sendSettings(): void {
    const { config, isServer } = this;
    const pairs: [number, number][] = [];
    if (!isServer) pairs.push([Setting.enablePush, 0]);
    if (config.headerTableBytes !== limits.headerTableBytes) {
      pairs.push([Setting.headerTableSize, config.headerTableBytes]);
    }
    if (config.announceStreams) {
      pairs.push([Setting.maxConcurrentStreams, config.maxConcurrentStreams]);
    }
    pairs.push([Setting.initialWindowSize, config.streamWindowBytes]);
    if (config.maxFrameBytes !== frameBytesLeast) {
      pairs.push([Setting.maxFrameSize, config.maxFrameBytes]);
    }
    pairs.push([Setting.maxHeaderListSize, config.maxHeaderListBytes]);
    this.sender.out.settings(pairs);
    const more = config.connectionWindowBytes - initialWindowBytes;
    if (more > 0) this.sender.out.windowUpdate(0, more);
  }

  /** Connection error (§5.4.1). */
  fail(code: ErrorCode, text: string): void {
    if (this.failed) return;
    this.sender.out.goaway(this.lastPeerStreamId, code, text.slice(0, limits.debugTextMax));
    this.#abandon();
    this.handler.onConnectionError(code, text);
  }

  /** The transport is gone: tells every stream. */
  lost(): void {
    if (this.failed) return;
    const ids = this.#abandon();
    for (const id of ids) this.handler.onReset(id, ErrorCode.cancel);
  }

  /** Stream error (§5.4.2) by the peer's fault: resets the stream and tells the owner. */
  streamError(stream: H2Stream, code: ErrorCode): void {
    const { id, reported } = stream;
    this.resetStream(stream, code);
    if (reported) this.handler.onReset(id, code);
    this.chargeReset();
  }

  /** The same for a stream that is not in the table; `remember` when it never was. */
  strangerError(streamId: number, code: ErrorCode, remember: boolean): void {
    this.sender.out.rstStream(streamId, code);
    if (remember) this.streams.remember(streamId, ClosedHow.resetByUs);
    this.chargeReset();
  }

  /** RST_STREAM, and the stream is gone. */
  resetStream(stream: H2Stream, code: ErrorCode): void {
    this.sender.out.rstStream(stream.id, code);
    this.closeStream(stream, ClosedHow.resetByUs);
  }

  /** Takes the stream out of everything. */
  closeStream(stream: H2Stream, how: number): void {
    this.sender.drop(stream);
    if (stream.heldBytes > 0) this.credit(stream.heldBytes);
    this.streams.close(stream, how);
    if (how === ClosedHow.ended) this.guard.streamDone();
    this.checkDrained();
  }

  chargeReset(): void {
    if (!this.guard.reset()) this.fail(ErrorCode.enhanceYourCalm, "too many resets");
  }

  /** Gives connection window back once it is worth a frame. */
  credit(bytes: number): void {
    this.creditBytes += bytes;
    if (this.creditBytes < this.config.connectionWindowBytes / 2) return;
    this.sender.out.windowUpdate(0, this.creditBytes);
    this.receiveWindow += this.creditBytes;
    this.creditBytes = 0;
  }

  /** The same for a stream. */
  creditStream(stream: H2Stream, bytes: number): void {
    stream.creditBytes += bytes;
    if (stream.receiveEnded || stream.creditBytes < this.config.streamWindowBytes / 2) return;
    this.sender.out.windowUpdate(stream.id, stream.creditBytes);
    stream.receiveWindow += stream.creditBytes;
    stream.creditBytes = 0;
  }

  /** Second and last GOAWAY of a graceful end. */
  sayLastStream(): void {
    if (this.closing || this.failed) return;
    this.closing = true;
    this.acceptUpTo = this.lastPeerStreamId;
    this.sender.out.goaway(this.lastPeerStreamId, ErrorCode.noError, "");
    this.checkDrained();
  }

  checkDrained(): void {
    if (!this.closing || this.#drained || this.failed || this.streams.live > 0) return;
    this.#drained = true;
    this.handler.onDrained();
  }

  sendEnded(stream: H2Stream): void {
    stream.sendEnded = true;
    if (stream.receiveEnded) this.closeStream(stream, ClosedHow.ended);
    else if (stream.resetAfterEnd) this.resetStream(stream, ErrorCode.noError);
  }

  writable(streamId: number): void {
    if (this.streams.get(streamId) !== undefined) this.handler.onWritable(streamId);
  }

  sourceFailed(streamId: number): void {
    if (this.streams.get(streamId) !== undefined) this.handler.onSourceFailed(streamId);
  }

  /** Ends everything without a word on the wire. @returns the streams the owner knows of. */
  #abandon(): number[] {
    this.failed = true;
    const ids: number[] = [];
    for (const stream of this.streams.sorted()) {
      if (stream.reported) ids.push(stream.id);
      this.sender.drop(stream);
      this.streams.close(stream, ClosedHow.resetByUs);
    }
    return ids;
  }
}
