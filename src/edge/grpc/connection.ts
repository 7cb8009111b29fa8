import type { ByteSocket, SocketHandler } from "../../platform/network.ts";
import { H2Connection } from "../../wire/h2/connection.ts";
import { ErrorCode, type H2Handler, type HeaderList } from "../../wire/h2/types.ts";
import type { DoorCore, PlainRequest } from "./core.ts";
import type { Flushable } from "./turns/flusher.ts";
import type { Intaking } from "./turns/intake.ts";
import {
  connectionWindowBytes,
  flushSliceBytes,
  outputHighWaterBytes,
  streamHighWaterBytes,
  streamWindowBytes,
} from "./limits.ts";
import { answerPlain, plainBytes } from "./plain.ts";
import type { Replies } from "./replies.ts";
import type { Refusal, Requests } from "./requests.ts";
import { StreamIndex } from "./stream-index.ts";

/** What a connection needs of its door. */
export interface ConnectionOwner {
  readonly core: DoorCore;
  readonly requests: Requests;
  readonly replies: Replies;
  /** The connection is gone for good; its calls have been cancelled. */
  forget(connection: GrpcConnection): void;
}

/**
 * One HTTP/2 connection of a door: hands bytes from the socket to the engine and back, and events
 * of the engine to the calls.
 */
export class GrpcConnection implements H2Handler, Flushable, Intaking {
  readonly h2: H2Connection;
  readonly streams = new StreamIndex();
  readonly remoteAddress: string;
  flushDue = false;
  bulky = false;
  readonly held: Uint8Array[] = [];
  readonly #owner: ConnectionOwner;
  readonly #core: DoorCore;
  readonly #socket: ByteSocket;
  readonly #reusesBuffers: boolean;
  /** The socket's queue is over its high-water mark. */
  #blocked = false;
  /** Reading is stopped because too much output waits, or input that came earlier does. */
  #paused = false;
  /** No more output will come: close when the last of it is with the socket. */
  #closing = false;
  #ended = false;
  #settled = false;
  /** When to give up on the handshake or on the client's closing, monotonic ms; 0: no limit. */
  #giveUpMs: number;
  /** Requests for the HTTP side that have not ended. */
  readonly #plain = new Map<number, PlainRequest>();
  /** What those and the ones that are being answered are charged, bytes. */
  #plainBytes = 0;
  /** What the connection holds of the door's memory: calls and output, bytes. */
  memoryUsedBytes = 0;
  /** Output charged to the door's memory, bytes. */
  #chargedBytes = 0;
  /** What the socket had not taken when it was looked at last, bytes. */
  #socketBytes = 0;

  constructor(owner: ConnectionOwner, socket: ByteSocket) {
    const { core } = owner;
    const { limits, clock } = core;
    this.#owner = owner;
    this.#core = core;
    this.#socket = socket;
    this.#reusesBuffers = socket.copiesOnWrite === true;
    this.remoteAddress = socket.remoteAddress;
    this.#giveUpMs = clock.monotonicMs() + limits.handshakeMs;
    const pings = { minIntervalMs: limits.pingMinIntervalMs, permitWithoutStream: false };
    const keepalive = {
      afterMs: limits.pingAfterMs,
      timeoutMs: limits.pingTimeoutMs,
      withoutStream: true,
    };
    const ownPings = limits.pingAfterMs > 0 && limits.pingTimeoutMs > 0;
    this.h2 = new H2Connection(
      "server",
      {
        nowMs: () => clock.monotonicMs(),
        maxHeaderListBytes: limits.maxHeaderListBytes,
        streamWindowBytes,
        connectionWindowBytes,
        outputHighWaterBytes,
        streamHighWaterBytes,
        pingRule: pings,
        headerBudget: core.headerBudget,
        slabs: core.slabs,
        ...(ownPings ? { keepalive } : {}),
        ...(limits.maxConcurrentStreams === undefined
          ? {}
          : { maxConcurrentStreams: limits.maxConcurrentStreams }),
      },
      this,
    );
  }

  /** Bytes from the socket. */
  receive(chunk: Uint8Array): void {
    if (this.#ended || this.#closing) return;
    this.#core.counters.receivedBytes += chunk.length;
    this.#core.intake.receive(this, chunk);
  }

  process(bytes: Uint8Array): void {
    if (this.#ended || this.#closing) return;
    this.h2.receive(bytes);
    if (this.h2.congested()) this.#pause();
    this.touch();
  }

  heldChanged(): void {
    if (this.#ended) return;
    if (this.held.length > 0) {
      this.#pause();
      // The flusher asks the intake to go on.
      this.touch();
    } else if (this.#paused && !this.h2.congested()) this.#resume();
  }

  /** The socket's queue is empty again. */
  drained(): void {
    this.#blocked = false;
    if (this.#reusesBuffers && this.#socket.queuedBytes() === 0) this.h2.recycleOutput();
    this.touch();
  }

  /** Something may be there to send: it goes out at the end of this turn. */
  touch(): void {
    if (!this.#ended) this.#core.flusher.add(this);
  }

  flush(): boolean {
    if (this.#ended) return false;
    const { h2 } = this;
    const socket = this.#socket;
    let left = flushSliceBytes;
    while (left > 0 && !this.#blocked) {
      const bytes = h2.takeOutput();
      if (bytes === null) break;
      left -= bytes.length;
      this.#core.counters.sentBytes += bytes.length;
      if (!socket.write(bytes)) this.#blocked = true;
      else if (this.#reusesBuffers && socket.queuedBytes() === 0) h2.recycleOutput();
    }
    this.#chargeOutput();
    const more = h2.hasOutput();
    this.bulky = more;
    if (this.#blocked) return false;
    if (this.#paused && this.held.length === 0 && !h2.congested()) this.#resume();
    if (this.#closing && !more) socket.end();
    return more;
  }

  /** Looks at the time limits; called about once a second. */
  tick(nowMs: number): void {
    if (this.#giveUpMs !== 0 && nowMs >= this.#giveUpMs) {
      this.#core.counters.drop(this.#settled ? "linger" : "handshake");
      this.close();
      return;
    }
    this.h2.tick();
    // A socket that was not full does not say when it has become empty.
    this.#chargeOutput();
    if (this.h2.hasOutput()) this.touch();
  }

  /** Charges what the requests read so far have queued: one read may bring hundreds. */
  chargeQueued(): void {
    this.#charge(this.h2.queuedBytes() + this.#socketBytes);
  }

  /** Lets calls under way end, takes no new ones, then closes. */
  shutdown(): void {
    this.h2.shutdown();
    this.touch();
  }

  /** Closes at once; calls are cancelled. */
  close(): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
  }

  /** Answers a request that becomes no call: trailers only. */
  refuse(streamId: number, ended: boolean, refusal: Refusal): void {
    const { http, code, message } = refusal;
    const block = this.#core.blocks.trailersOnly(code, message, http);
    this.h2.sendHeaders(streamId, block, true);
    if (!ended) this.h2.sendReset(streamId, ErrorCode.noError);
    this.touch();
  }

  /** Keeps a request for the HTTP side until its body, which nobody wants, has ended. */
  takePlain(streamId: number, request: PlainRequest, ended: boolean): void {
    this.#plain.set(streamId, request);
    this.#holdPlain(plainBytes(request));
    if (ended) this.#plainEnded(streamId);
  }

  /** The HTTP side has its answer; false when nobody is to get it. */
  plainAnswered(streamId: number, request: PlainRequest): boolean {
    if (this.#ended) return false;
    this.#holdPlain(-plainBytes(request));
    this.chargeQueued();
    if (!this.#core.overMemory(this)) return true;
    // Answers that nobody reads pile up here as replies do.
    this.#core.counters.drop("memory");
    this.h2.sendReset(streamId, ErrorCode.enhanceYourCalm);
    this.touch();
    return false;
  }

  // The engine's side.

  onHeaders(streamId: number, fields: HeaderList, endStream: boolean): void {
    this.#owner.requests.begin(this, streamId, fields, endStream);
  }

  onTrailers(streamId: number): void {
    const call = this.streams.get(streamId);
    if (call !== null) this.#owner.requests.ended(call);
    else this.#plainEnded(streamId);
  }

  onData(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const call = this.streams.get(streamId);
    if (call !== null) this.#owner.requests.data(call, bytes, start, end, endStream);
    else if (endStream) this.#plainEnded(streamId);
  }

  onReset(streamId: number): void {
    const call = this.streams.get(streamId);
    if (call !== null) return this.#owner.requests.cancelled(call);
    const request = this.#plain.get(streamId);
    if (request === undefined) return;
    this.#plain.delete(streamId);
    this.#holdPlain(-plainBytes(request));
  }

  onWritable(streamId: number): void {
    const call = this.streams.get(streamId);
    if (call === null) return;
    if (call.source !== null) this.#owner.replies.sourceDone(call);
    else this.#core.service.writable(call.token);
  }

  onSourceFailed(streamId: number): void {
    const call = this.streams.get(streamId);
    if (call === null) this.h2.sendReset(streamId, ErrorCode.internalError);
    else this.#owner.requests.sourceFailed(call);
  }

  onGoaway(): void {
    // Calls under way go on; `onDrained` follows.
  }

  onPingAck(): void {
    // Own pings are the engine's business.
  }

  onSettings(): void {
    if (this.#settled) return;
    this.#settled = true;
    if (!this.#closing) this.#giveUpMs = 0;
  }

  onDrained(): void {
    this.#linger();
  }

  onConnectionError(code: number, text: string): void {
    const { counters, logger } = this.#core;
    counters.drop(text === "too_many_pings" ? "pings" : `h2_${code}`);
    const fields = { remote: this.remoteAddress, code, reason: text };
    if (logger.enabled("debug")) logger.log("debug", "closing client connection", fields);
    this.#cancelAll();
    this.#linger();
  }

  #plainEnded(streamId: number): void {
    const request = this.#plain.get(streamId);
    if (request === undefined || this.#core.plain === null) return;
    this.#plain.delete(streamId);
    answerPlain(this.#core.plain, this, streamId, request);
  }

  #linger(): void {
    this.#closing = true;
    this.#giveUpMs = this.#core.clock.monotonicMs() + this.#core.limits.lingerMs;
    this.touch();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.held.length = 0;
    this.h2.lost();
    this.#plain.clear();
    this.#holdPlain(-this.#plainBytes);
    this.#cancelAll();
    this.#charge(0);
    this.#owner.forget(this);
  }

  #cancelAll(): void {
    if (this.streams.size === 0) return;
    for (const call of this.streams.all()) {
      // Cancelling one call may end others.
      if (call.connection === this) this.#owner.requests.cancelled(call);
    }
  }

  #chargeOutput(): void {
    this.#socketBytes = this.#socket.queuedBytes();
    this.chargeQueued();
  }

  #charge(bytes: number): void {
    if (bytes === this.#chargedBytes) return;
    this.#core.hold(this, bytes - this.#chargedBytes);
    this.#chargedBytes = bytes;
  }

  #holdPlain(bytes: number): void {
    this.#core.hold(this, bytes);
    this.#plainBytes += bytes;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }
}

/** The socket's view of a connection (`onData` means something else to the engine). */
export class ConnectionSocketSide implements SocketHandler {
  readonly #connection: GrpcConnection;

  constructor(connection: GrpcConnection) {
    this.#connection = connection;
  }

  onData(chunk: Uint8Array): void {
    this.#connection.receive(chunk);
  }

  onDrain(): void {
    this.#connection.drained();
  }

  /** A client that has closed its sending side is gone, as for grpc-go. */
  onEnd(): void {
    this.#connection.close();
  }

  onClose(): void {
    this.#connection.close();
  }
}
