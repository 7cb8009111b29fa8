import type { H2Core } from "../core.ts";
import { HeaderCheck, interim, malformed } from "./check.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { sendQueueRefuseBytes } from "../limits.ts";
import type { H2Stream } from "../stream.ts";
import { ClosedHow } from "../stream-table.ts";
import { ErrorCode } from "../types.ts";

/** What the frame said about its header block. */
export interface BlockFrame {
  readonly streamId: number;
  readonly endStream: boolean;
  /** It had a priority that made the stream depend on itself (RFC 7540 §5.3.1). */
  readonly selfDependent: boolean;
}

/**
 * Whole header blocks: decoded always, as the compression state needs it (RFC 9113 §4.3), then
 * judged by the state of their stream and by their content.
 */
export class HeaderBlocks {
  readonly decoder: HpackDecoder;
  readonly #core: H2Core;
  readonly #check = new HeaderCheck();

  constructor(core: H2Core) {
    this.#core = core;
    this.decoder = new HpackDecoder(core.config.maxHeaderListBytes);
    this.decoder.raiseAllowedTableBytes(core.config.headerTableBytes);
  }

  /** Takes the block `bytes[start, end)`. */
  block(frame: BlockFrame, bytes: Uint8Array, start: number, end: number): void {
    const core = this.#core;
    const { streamId } = frame;
    const stream = core.streams.get(streamId);
    const begins = stream === undefined && core.isServer && streamId > core.lastPeerStreamId;
    if (stream === undefined && !begins && !this.#mayBeLate(streamId)) return;
    if (begins && (streamId & 1) === 0) {
      return core.fail(ErrorCode.protocolError, "even stream id from a client");
    }
    if (!this.decoder.decode(bytes, start, end)) {
      // As Go's server, which decodes no CONTINUATION beyond its limit.
      return this.decoder.isFlood
        ? core.fail(ErrorCode.protocolError, "header list far too large")
        : core.fail(ErrorCode.compressionError, "bad header block");
    }
    if (begins) return this.#request(frame);
    if (stream === undefined) return this.#late(streamId);
    if (stream.receiveEnded) return core.streamError(stream, ErrorCode.streamClosed);
    if (frame.selfDependent || this.decoder.list.truncated) {
      const code = frame.selfDependent ? ErrorCode.protocolError : ErrorCode.frameSizeError;
      return core.streamError(stream, code);
    }
    if (stream.headersSeen) this.#trailers(stream, frame.endStream);
    else this.#response(stream, frame.endStream);
  }

  /** Whether HEADERS on a stream that is not live can be forgiven; fails the connection if not. */
  #mayBeLate(streamId: number): boolean {
    const core = this.#core;
    const how = core.streams.closedHow(streamId);
    if (how === ClosedHow.ended) {
      core.fail(ErrorCode.streamClosed, "HEADERS on a closed stream");
      return false;
    }
    // A server gets them only on streams that are remembered: ids may not be used out of order.
    const own = (streamId & 1) === 1 && streamId < core.nextStreamId;
    if (core.isServer ? how !== ClosedHow.unknown : own) return true;
    core.fail(ErrorCode.protocolError, "HEADERS on a stream that cannot begin");
    return false;
  }

  #late(streamId: number): void {
    const core = this.#core;
    if (core.streams.closedHow(streamId) === ClosedHow.resetByPeer) {
      core.strangerError(streamId, ErrorCode.streamClosed, false);
    } else if (!core.guard.control(1)) {
      core.fail(ErrorCode.enhanceYourCalm, "too many late frames");
    }
  }

  /** §8.3.1: a stream begins, if it may. */
  #request(frame: BlockFrame): void {
    const core = this.#core;
    const { streamId, endStream } = frame;
    core.lastPeerStreamId = streamId;
    if (streamId > core.acceptUpTo) {
      core.streams.remember(streamId, ClosedHow.resetByUs);
      return;
    }
    const contentLength = this.#check.request(this.decoder.list);
    const refusal = this.#refusal(frame, contentLength);
    if (refusal !== ErrorCode.noError) return core.strangerError(streamId, refusal, true);
    const stream = core.streams.open(streamId, core.peerStreamWindow, core.ownStreamWindow);
    stream.autoCredit = core.config.autoCredit;
    stream.reported = true;
    stream.headersSeen = true;
    stream.receiveEnded = endStream;
    stream.contentLeft = contentLength;
    core.handler.onHeaders(streamId, this.decoder.list, endStream);
  }

  /** Why a request cannot be taken; noError when it can. */
  #refusal(frame: BlockFrame, contentLength: number): ErrorCode {
    const core = this.#core;
    if (frame.selfDependent) return ErrorCode.protocolError;
    // What grpc-go answers to a list above its limit.
    if (this.decoder.list.truncated) return ErrorCode.frameSizeError;
    if (contentLength === malformed) return ErrorCode.protocolError;
    if (frame.endStream && contentLength > 0) return ErrorCode.protocolError;
    const full =
      core.streams.live >= core.config.maxConcurrentStreams ||
      core.sender.queueCostBytes > sendQueueRefuseBytes;
    return full ? ErrorCode.refusedStream : ErrorCode.noError;
  }

  #response(stream: H2Stream, endStream: boolean): void {
    const core = this.#core;
    const { id } = stream;
    const contentLength = this.#check.response(this.decoder.list);
    const early = contentLength === interim;
    if (contentLength === malformed || (early && endStream)) {
      return core.streamError(stream, ErrorCode.protocolError);
    }
    if (!early) {
      stream.headersSeen = true;
      stream.receiveEnded = endStream;
      // A response to HEAD declares a body and has none: only one that comes is compared (§8.1.1).
      stream.contentLeft = endStream ? -1 : contentLength;
    }
    core.handler.onHeaders(id, this.decoder.list, endStream);
    this.#closeIfEnded(stream, id);
  }

  #trailers(stream: H2Stream, endStream: boolean): void {
    const core = this.#core;
    const { id } = stream;
    if (!endStream || stream.contentLeft > 0 || !this.#check.trailers(this.decoder.list)) {
      return core.streamError(stream, ErrorCode.protocolError);
    }
    stream.receiveEnded = true;
    core.handler.onTrailers(id, this.decoder.list);
    this.#closeIfEnded(stream, id);
  }

  #closeIfEnded(stream: H2Stream, id: number): void {
    if (stream.id === id && stream.receiveEnded && stream.sendEnded) {
      this.#core.closeStream(stream, ClosedHow.ended);
    }
  }
}
