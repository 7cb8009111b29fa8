import { type H2Core, keepalivePing, ownPingMark, shutdownPing } from "./core.ts";
import type { Frame } from "./frame-parser.ts";
import {
  Flag,
  frameBytesLeast,
  frameBytesMost,
  readUint31,
  readUint32,
  Setting,
  windowMaxBytes,
} from "./frames.ts";
import type { HpackDecoder } from "./hpack/decoder.ts";
import { latin1Text } from "./hpack/latin1.ts";
import { PingPolice } from "./keepalive.ts";
import { debugTextMax, settingsFrameCost, settingsStreamsPerCost } from "./limits.ts";
import { ClosedHow } from "./stream-table.ts";
import { ErrorCode, type PingRule } from "./types.ts";

const settingBytes = 6;

/** The frames that carry no message: RFC 9113 §6.3 to §6.9. */
export class ControlFrames {
  readonly #core: H2Core;
  readonly #decoder: HpackDecoder;
  readonly #police: PingPolice | undefined;
  #settingsAcked = false;

  constructor(core: H2Core, decoder: HpackDecoder, pingRule: PingRule | undefined) {
    this.#core = core;
    this.#decoder = decoder;
    this.#police = pingRule === undefined ? undefined : new PingPolice(pingRule);
  }

  /** Whether nobody has opened that stream yet (§5.1, idle). */
  isIdle(streamId: number): boolean {
    const core = this.#core;
    if (core.isServer) return streamId > core.lastPeerStreamId || (streamId & 1) === 0;
    return streamId >= core.nextStreamId || (streamId & 1) === 0;
  }

  /** Charges the peer for a frame without content; the connection fails when it cannot pay. */
  spend(cost: number): void {
    this.affords(cost);
  }

  affords(cost: number): boolean {
    if (this.#core.guard.control(cost)) return true;
    this.#core.fail(ErrorCode.enhanceYourCalm, "too many frames without content");
    return false;
  }

  /** §6.9. */
  windowUpdate(frame: Frame): void {
    const core = this.#core;
    const { streamId } = frame;
    if (frame.end - frame.start !== 4) {
      return core.fail(ErrorCode.frameSizeError, "WINDOW_UPDATE of wrong size");
    }
    const bytes = readUint31(frame.bytes, frame.start);
    if (!this.affords(1)) return;
    if (streamId === 0) {
      if (bytes === 0) return core.fail(ErrorCode.protocolError, "WINDOW_UPDATE of nothing");
      if (core.sender.addWindow(bytes)) return;
      return core.fail(ErrorCode.flowControlError, "connection window too large");
    }
    const stream = core.streams.get(streamId);
    if (stream === undefined) {
      if (!this.isIdle(streamId)) return;
      return core.fail(ErrorCode.protocolError, "WINDOW_UPDATE on an idle stream");
    }
    if (bytes === 0) return core.streamError(stream, ErrorCode.protocolError);
    if (core.sender.addStreamWindow(stream, bytes)) return;
    core.streamError(stream, ErrorCode.flowControlError);
  }

  /** §6.4. */
  rstStream(frame: Frame): void {
    const core = this.#core;
    const { streamId } = frame;
    if (streamId === 0) return core.fail(ErrorCode.protocolError, "RST_STREAM on stream 0");
    if (frame.end - frame.start !== 4) {
      return core.fail(ErrorCode.frameSizeError, "RST_STREAM of wrong size");
    }
    if (this.isIdle(streamId)) {
      return core.fail(ErrorCode.protocolError, "RST_STREAM on an idle stream");
    }
    const stream = core.streams.get(streamId);
    if (stream === undefined) return this.spend(1);
    const code = readUint32(frame.bytes, frame.start);
    const answered = stream.sendEnded;
    core.closeStream(stream, ClosedHow.resetByPeer);
    core.handler.onReset(streamId, code);
    // A stream that had its whole answer was no waste.
    if (!answered) core.chargeReset();
  }

  /** §6.5. */
  settings(frame: Frame): void {
    const core = this.#core;
    const length = frame.end - frame.start;
    if (frame.streamId !== 0) {
      return core.fail(ErrorCode.protocolError, "SETTINGS on a stream");
    }
    if ((frame.flags & Flag.ack) !== 0) {
      if (length !== 0) return core.fail(ErrorCode.frameSizeError, "SETTINGS ACK with content");
      return this.#settingsAck();
    }
    if (length % settingBytes !== 0) {
      return core.fail(ErrorCode.frameSizeError, "SETTINGS of wrong size");
    }
    const walk = Math.floor(core.streams.live / settingsStreamsPerCost);
    if (!this.affords(settingsFrameCost + walk)) return;
    // Windows are moved once, by the last value: each move walks over all streams.
    let window = core.peerStreamWindow;
    for (let at = frame.start; at < frame.end; at += settingBytes) {
      const id = (frame.bytes[at] << 8) | frame.bytes[at + 1];
      const value = readUint32(frame.bytes, at + 2);
      const wrong = this.#setting(id, value);
      if (wrong !== ErrorCode.noError) return core.fail(wrong, `bad SETTINGS value ${id}`);
      if (id === Setting.initialWindowSize) window = value;
    }
    if (window !== core.peerStreamWindow && !this.#moveWindows(window)) {
      return core.fail(ErrorCode.flowControlError, "stream window too large");
    }
    core.sender.out.settingsAck();
    core.handler.onSettings();
  }

  /** One setting of the peer. @returns the connection error it deserves, or noError. */
  #setting(id: number, value: number): ErrorCode {
    const core = this.#core;
    switch (id) {
      case Setting.headerTableSize:
        core.sender.encoder.setPeerTableBytes(value);
        return ErrorCode.noError;
      case Setting.enablePush:
        // A server may not offer what only a client can allow (§6.5.2).
        return value > (core.isServer ? 1 : 0) ? ErrorCode.protocolError : ErrorCode.noError;
      case Setting.maxConcurrentStreams:
        core.peerStreamsMax = value;
        return ErrorCode.noError;
      case Setting.initialWindowSize:
        return value > windowMaxBytes ? ErrorCode.flowControlError : ErrorCode.noError;
      case Setting.maxFrameSize:
        if (value < frameBytesLeast || value > frameBytesMost) return ErrorCode.protocolError;
        core.sender.frameMaxBytes = value;
        return ErrorCode.noError;
      default:
        return ErrorCode.noError;
    }
  }

  /** §6.9.2: a new initial window moves that of every stream. */
  #moveWindows(window: number): boolean {
    const core = this.#core;
    const change = window - core.peerStreamWindow;
    core.peerStreamWindow = window;
    for (const stream of core.streams.all()) {
      if (!core.sender.addStreamWindow(stream, change)) return false;
    }
    return true;
  }

  /** Our SETTINGS hold from now on; what was smaller than the defaults could not before. */
  #settingsAck(): void {
    const core = this.#core;
    if (this.#settingsAcked) return this.spend(1);
    this.#settingsAcked = true;
    this.#decoder.setAllowedTableBytes(core.config.headerTableBytes);
    const change = core.config.streamWindowBytes - core.ownStreamWindow;
    if (change === 0) return;
    core.ownStreamWindow += change;
    for (const stream of core.streams.all()) stream.receiveWindow += change;
  }

  /** §6.7. */
  ping(frame: Frame): void {
    const core = this.#core;
    if (frame.streamId !== 0) return core.fail(ErrorCode.protocolError, "PING on a stream");
    if (frame.end - frame.start !== 8) {
      return core.fail(ErrorCode.frameSizeError, "PING of wrong size");
    }
    if ((frame.flags & Flag.ack) !== 0) return this.#pingAck(frame);
    if (!this.affords(1)) return;
    core.sender.out.pingAck(frame.bytes, frame.start);
    if (this.#police === undefined) return;
    if (core.sender.trafficSent) this.#police.trafficSent = true;
    core.sender.trafficSent = false;
    if (!this.#police.allows(core.config.nowMs(), core.streams.live)) {
      core.fail(ErrorCode.enhanceYourCalm, "too_many_pings");
    }
  }

  #pingAck(frame: Frame): void {
    const core = this.#core;
    const low = readUint32(frame.bytes, frame.start + 4);
    const high = readUint32(frame.bytes, frame.start);
    if (high === 0) core.handler.onPingAck(low);
    else if (high !== ownPingMark || low === keepalivePing) return this.spend(1);
    else if (low === shutdownPing) core.sayLastStream();
  }

  /** §6.8. */
  goaway(frame: Frame): void {
    const core = this.#core;
    if (frame.streamId !== 0) return core.fail(ErrorCode.protocolError, "GOAWAY on a stream");
    if (frame.end - frame.start < 8) {
      return core.fail(ErrorCode.frameSizeError, "GOAWAY of wrong size");
    }
    if (!this.affords(1)) return;
    const last = readUint31(frame.bytes, frame.start);
    const code = readUint32(frame.bytes, frame.start + 4);
    const textStart = frame.start + 8;
    const textEnd = Math.min(frame.end, textStart + debugTextMax);
    const text = latin1Text(frame.bytes, textStart, textEnd);
    core.closing = true;
    if (!core.isServer) this.#refuseAbove(last);
    core.handler.onGoaway(last, code, text);
    core.checkDrained();
  }

  /** Client: streams that the server will not process. */
  #refuseAbove(last: number): void {
    const core = this.#core;
    for (const stream of core.streams.sorted()) {
      const { id } = stream;
      if (id <= last || core.streams.get(id) !== stream) continue;
      core.closeStream(stream, ClosedHow.resetByUs);
      core.handler.onReset(id, ErrorCode.refusedStream);
    }
  }

  /** §6.3: obsolete, but its rules of form are not. */
  priority(frame: Frame): void {
    const core = this.#core;
    const { streamId } = frame;
    if (streamId === 0) return core.fail(ErrorCode.protocolError, "PRIORITY on stream 0");
    const right = frame.end - frame.start === 5;
    if (right && readUint31(frame.bytes, frame.start) !== streamId) return this.spend(1);
    const code = right ? ErrorCode.protocolError : ErrorCode.frameSizeError;
    const stream = core.streams.get(streamId);
    if (stream !== undefined) core.streamError(stream, code);
    else if (this.isIdle(streamId)) core.fail(code, "bad PRIORITY");
    else core.strangerError(streamId, code, false);
  }
}
