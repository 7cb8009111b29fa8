import type { ControlFrames } from "./control-frames.ts";
import type { H2Core } from "./core.ts";
import { type Frame, FrameParser, type FrameSink } from "./frame-parser.ts";
import { Flag, FrameType, readUint31 } from "./frames.ts";
import { HeaderAssembly } from "./headers/assembly.ts";
import type { HeaderBlocks } from "./headers/blocks.ts";
import { controlBacklogMaxBytes } from "./limits.ts";
import type { H2Stream } from "./stream.ts";
import { ClosedHow } from "./stream-table.ts";
import { ErrorCode } from "./types.ts";

/** Exclusive bit, dependency and weight in front of a header block (§6.2). */
const priorityBytes = 5;

/** Takes frames as they come and does what RFC 9113 §5 and §6 say about each. */
export class Inbound implements FrameSink {
  readonly #core: H2Core;
  readonly #parser: FrameParser;
  readonly #assembly: HeaderAssembly;
  readonly #blocks: HeaderBlocks;
  readonly #control: ControlFrames;
  #settingsSeen = false;

  constructor(core: H2Core, control: ControlFrames, blocks: HeaderBlocks) {
    const { config } = core;
    this.#core = core;
    this.#parser = new FrameParser(this, config.maxFrameBytes, core.isServer);
    this.#assembly = new HeaderAssembly(config.maxHeaderListBytes, config.headerBudget);
    this.#blocks = blocks;
    this.#control = control;
  }

  receive(chunk: Uint8Array): void {
    const core = this.#core;
    if (core.failed) return;
    this.#parser.receive(chunk);
    if (!core.failed && core.sender.out.controlBytes > controlBacklogMaxBytes) {
      core.fail(ErrorCode.enhanceYourCalm, "control frames are not being read");
    }
    if (core.failed) this.#assembly.release();
  }

  /** The connection is over: gives back what is held. */
  release(): void {
    this.#assembly.release();
  }

  /** Held of incomplete frames and header blocks, bytes. */
  get heldBytes(): number {
    return this.#parser.carriedBytes + this.#assembly.length;
  }

  parseError(code: ErrorCode, text: string): void {
    this.#core.fail(code, text);
  }

  frame(frame: Frame): boolean {
    const core = this.#core;
    const { type } = frame;
    if (!this.#settingsSeen) {
      if (type !== FrameType.settings || (frame.flags & Flag.ack) !== 0) {
        core.fail(ErrorCode.protocolError, "first frame is not SETTINGS");
        return false;
      }
      this.#settingsSeen = true;
    }
    if (this.#assembly.streamId !== 0 && type !== FrameType.continuation) {
      core.fail(ErrorCode.protocolError, "frame within a header block");
    } else {
      this.#dispatch(type, frame);
    }
    return !core.failed;
  }

  #dispatch(type: number, frame: Frame): void {
    switch (type) {
      case FrameType.data:
        return this.#data(frame);
      case FrameType.headers:
        return this.#headers(frame);
      case FrameType.continuation:
        return this.#continuation(frame);
      case FrameType.windowUpdate:
        return this.#control.windowUpdate(frame);
      case FrameType.rstStream:
        return this.#control.rstStream(frame);
      case FrameType.settings:
        return this.#control.settings(frame);
      case FrameType.ping:
        return this.#control.ping(frame);
      case FrameType.goaway:
        return this.#control.goaway(frame);
      case FrameType.priority:
        return this.#control.priority(frame);
      case FrameType.pushPromise:
        return this.#core.fail(ErrorCode.protocolError, "PUSH_PROMISE is not wanted");
      default:
        return this.#control.spend(1);
    }
  }

  /** §6.1. */
  #data(frame: Frame): void {
    const core = this.#core;
    const { streamId, bytes } = frame;
    let { start, end } = frame;
    const flowBytes = end - start;
    if (streamId === 0) return core.fail(ErrorCode.protocolError, "DATA on stream 0");
    core.receiveWindow -= flowBytes;
    if (core.receiveWindow < 0) {
      return core.fail(ErrorCode.flowControlError, "connection window exceeded");
    }
    if ((frame.flags & Flag.padded) !== 0) {
      const padding = flowBytes === 0 ? 0 : bytes[start];
      if (padding >= flowBytes) return core.fail(ErrorCode.protocolError, "bad padding");
      start++;
      end -= padding;
    }
    const stream = core.streams.get(streamId);
    const endStream = (frame.flags & Flag.endStream) !== 0;
    if (stream === undefined) return this.#lateData(streamId, flowBytes);
    stream.receiveWindow -= flowBytes;
    const wrong = this.#judgeData(stream, end - start, endStream);
    if (wrong !== ErrorCode.noError) {
      core.credit(flowBytes);
      return core.streamError(stream, wrong);
    }
    if (end > start) core.guard.traffic();
    else if (!endStream && !this.#control.affords(1)) return;
    if (endStream) stream.receiveEnded = true;
    this.#account(stream, flowBytes, end - start);
    core.handler.onData(streamId, bytes, start, end, endStream);
    if (endStream && stream.id === streamId && stream.sendEnded) {
      core.closeStream(stream, ClosedHow.ended);
    }
  }

  /** @returns the stream error that the frame deserves, or noError. */
  #judgeData(stream: H2Stream, dataBytes: number, endStream: boolean): ErrorCode {
    if (stream.receiveEnded) return ErrorCode.streamClosed;
    if (!stream.headersSeen) return ErrorCode.protocolError;
    if (stream.receiveWindow < 0) return ErrorCode.flowControlError;
    if (stream.contentLeft >= 0) {
      stream.contentLeft -= dataBytes;
      if (stream.contentLeft < 0) return ErrorCode.protocolError;
      if (endStream && stream.contentLeft > 0) return ErrorCode.protocolError;
    }
    return ErrorCode.noError;
  }

  /** Flow control of what arrived: given back now, or when the owner says so. */
  #account(stream: H2Stream, flowBytes: number, dataBytes: number): void {
    const core = this.#core;
    if (stream.autoCredit) {
      core.credit(flowBytes);
      core.creditStream(stream, flowBytes);
      return;
    }
    stream.heldBytes += dataBytes;
    if (flowBytes > dataBytes) {
      core.credit(flowBytes - dataBytes);
      core.creditStream(stream, flowBytes - dataBytes);
    }
  }

  /** DATA on a stream that is not live. */
  #lateData(streamId: number, flowBytes: number): void {
    const core = this.#core;
    core.credit(flowBytes);
    if (this.#control.isIdle(streamId)) {
      return core.fail(ErrorCode.protocolError, "DATA on an idle stream");
    }
    switch (core.streams.closedHow(streamId)) {
      case ClosedHow.ended:
        return core.fail(ErrorCode.streamClosed, "DATA on a closed stream");
      case ClosedHow.resetByUs:
        // Under way when our RST_STREAM was; but nobody sends us nothing for long.
        return flowBytes === 0 ? this.#control.spend(1) : undefined;
      default:
        return core.strangerError(streamId, ErrorCode.streamClosed, false);
    }
  }

  /** §6.2. */
  #headers(frame: Frame): void {
    const core = this.#core;
    const { streamId, bytes, flags } = frame;
    let { start, end } = frame;
    if (streamId === 0) return core.fail(ErrorCode.protocolError, "HEADERS on stream 0");
    if ((flags & Flag.padded) !== 0) {
      if (start === end) return core.fail(ErrorCode.frameSizeError, "HEADERS too short");
      end -= bytes[start++];
      if (end < start) return core.fail(ErrorCode.protocolError, "bad padding");
    }
    let selfDependent = false;
    if ((flags & Flag.priority) !== 0) {
      if (end - start < priorityBytes) {
        return core.fail(ErrorCode.frameSizeError, "HEADERS too short");
      }
      selfDependent = readUint31(bytes, start) === streamId;
      start += priorityBytes;
    }
    const endStream = (flags & Flag.endStream) !== 0;
    if ((flags & Flag.endHeaders) !== 0) {
      return this.#blocks.block({ streamId, endStream, selfDependent }, bytes, start, end);
    }
    this.#assembly.begin(streamId, endStream, selfDependent);
    this.#assemble(frame, start, end);
  }

  /** §6.10. */
  #continuation(frame: Frame): void {
    const assembly = this.#assembly;
    if (assembly.streamId === 0 || assembly.streamId !== frame.streamId) {
      return this.#core.fail(ErrorCode.protocolError, "CONTINUATION out of place");
    }
    this.#assemble(frame, frame.start, frame.end);
    if (this.#core.failed || (frame.flags & Flag.endHeaders) === 0) return;
    this.#blocks.block(assembly, assembly.bytes, 0, assembly.length);
    assembly.release();
  }

  #assemble(frame: Frame, start: number, end: number): void {
    if (this.#assembly.add(frame.bytes, start, end)) return;
    this.#core.fail(ErrorCode.enhanceYourCalm, "header block too large or too finely cut");
  }
}
