import { prefixBytes, writePrefix } from "../../wire/grpc/message-reader.ts";
import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import { H2Connection } from "../../wire/h2/connection.ts";
import { ErrorCode } from "../../wire/h2/types.ts";
import type { H2Handler, HeaderList, MessageParts } from "../../wire/h2/types.ts";
import type { Endpoint } from "./endpoint.ts";
import { GrpcCode } from "../errors.ts";
import type { ClientPlatform, ClientSocket, TimerHandle, TlsOptions } from "../platform.ts";
import { LiveCall } from "./live-call.ts";
import type { CallHandler, CallStatus } from "./live-call.ts";

/** How a connection watches over a silent server. */
export interface Keepalive {
  /** Ping after so long without a byte, ms. */
  readonly timeMs: number;
  /** Give the connection up when nothing at all came so long after the ping, ms. */
  readonly timeoutMs: number;
  readonly withoutStream: boolean;
}

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly platform: ClientPlatform;
  readonly endpoint: Endpoint;
  readonly tls: TlsOptions;
  readonly keepalive: Keepalive | null;
  /** Connection and first SETTINGS must be there by then, ms. */
  readonly connectTimeoutMs: number;
  readonly maxReceiveBytes: number;
}

/** What the pool is told. */
export interface ConnectionEvents {
  /** Calls can be made. */
  onReady(): void;
  /** No new calls: closed, refused or going away. Called once; running calls may still finish. */
  onGone(reason: string): void;
  /** A stream has ended: there is room for one more call. */
  onFree(): void;
  /** The socket is gone and every call has ended. */
  onClosed(): void;
}

/** What one call sends. */
export interface CallRequest {
  /** Encoded fields that are the same for all calls of the method. */
  readonly methodBlock: Uint8Array;
  /** Fields of this call only: deadline, credentials. */
  readonly extraFields: readonly (readonly [name: string, value: string])[];
  readonly message: Uint8Array;
  /** Deliver messages only as fast as they are taken. */
  readonly paced: boolean;
}

/** Credit for replies: a list of some MiB should not wait for round trips. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Keepalive and shutdown are looked after so often. */
const TICK_MS = 250;

/** One HTTP/2 connection to one endpoint and the calls on it. */
export class Connection implements H2Handler {
  readonly endpoint: Endpoint;
  #platform: ClientPlatform;
  #options: ConnectionOptions;
  #events: ConnectionEvents;
  #h2: H2Connection;
  #socket: ClientSocket;
  #calls = new Map<number, LiveCall>();
  #state: "connecting" | "ready" | "draining" | "closed" = "connecting";
  #flushDue = false;
  #blocked = false;
  #timer: TimerHandle = 0;
  #reason = "";
  #parts: MessageParts;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.endpoint = options.endpoint;
    this.#platform = options.platform;
    this.#options = options;
    this.#events = events;
    const prefix = new Uint8Array(prefixBytes);
    this.#parts = { prefix, bytes: prefix, start: 0, end: 0 };
    const keepalive = options.keepalive;
    this.#h2 = new H2Connection(
      "client",
      {
        nowMs: () => options.platform.monotonicMs(),
        streamWindowBytes: STREAM_WINDOW_BYTES,
        connectionWindowBytes: CONNECTION_WINDOW_BYTES,
        ...(keepalive === null
          ? {}
          : {
              keepalive: {
                afterMs: keepalive.timeMs,
                timeoutMs: keepalive.timeoutMs,
                withoutStream: keepalive.withoutStream,
              },
            }),
      },
      this,
    );
    const tls = options.endpoint.tls ? options.tls : null;
    this.#socket = options.platform.connect(options.endpoint.target, tls, {
      onOpen: () => this.#flush(),
      onData: (chunk) => this.#receive(chunk),
      onDrain: () => {
        this.#blocked = false;
        this.#flush();
      },
      onClose: (error) => this.#lost(error),
    });
    this.#timer = options.platform.startTimer(options.connectTimeoutMs, () => {
      this.#reason = "no answer to the connection preface in time";
      this.#socket.destroy();
    });
  }

  /** Whether a call can be started now. */
  get ready(): boolean {
    return this.#state === "ready" && this.#h2.openableStreams() > 0;
  }

  /** Calls that run. */
  get liveCalls(): number {
    return this.#calls.size;
  }

  /** Starts a call; null when no stream can be opened now. The message is copied. */
  start(request: CallRequest, handler: CallHandler): LiveCall | null {
    if (this.#state !== "ready") return null;
    let block = request.methodBlock;
    if (request.extraFields.length > 0) {
      const extra = encodeConstantBlock(request.extraFields);
      block = new Uint8Array(request.methodBlock.length + extra.length);
      block.set(request.methodBlock);
      block.set(extra, request.methodBlock.length);
    }
    const streamId = this.#h2.openStream(block, false);
    if (streamId === 0) return null;
    const call = new LiveCall(streamId, this, handler, {
      maxBytes: this.#options.maxReceiveBytes,
      paced: request.paced,
    });
    this.#calls.set(streamId, call);
    if (request.paced) this.#h2.setAutoCredit(streamId, false);
    const parts = this.#parts;
    writePrefix(parts.prefix, 0, request.message.length);
    parts.bytes = request.message;
    parts.end = request.message.length;
    this.#h2.sendMessage(streamId, parts, true);
    this.#scheduleFlush();
    return call;
  }

  /** Ends a call that is no longer wanted; its handler hears nothing more. */
  abandon(streamId: number): void {
    if (!this.#calls.delete(streamId)) return;
    this.#h2.sendReset(streamId, ErrorCode.cancel);
    this.#scheduleFlush();
    this.#closeWhenDrained();
  }

  /** Gives credit for bytes of a paced call. */
  consume(streamId: number, bytes: number): void {
    this.#h2.consume(streamId, bytes);
    this.#scheduleFlush();
  }

  /** Closes at once; running calls end as cancelled. */
  close(): void {
    this.#reason = "client is closed";
    if (this.#state === "ready" || this.#state === "draining") {
      this.#h2.goaway(ErrorCode.noError, "");
      this.#flush();
    }
    this.#socket.destroy();
    this.#lost("client is closed");
  }

  onHeaders(streamId: number, fields: HeaderList, endStream: boolean): void {
    const call = this.#calls.get(streamId);
    if (call === undefined) return;
    call.headers(fields, endStream);
    this.#endIf(call);
  }

  onTrailers(streamId: number, fields: HeaderList): void {
    const call = this.#calls.get(streamId);
    if (call === undefined) return;
    call.trailers(fields);
    this.#endIf(call);
  }

  onData(id: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.data(bytes, start, end);
    if (endStream)
      call.fail(GrpcCode.internal, "server closed the stream without sending trailers");
    this.#endIf(call);
  }

  onReset(streamId: number, code: ErrorCode): void {
    const call = this.#calls.get(streamId);
    if (call === undefined) return;
    call.reset(code);
    this.#endIf(call);
  }

  onWritable(): void {
    // Requests are queued whole; nothing waits for room.
  }

  onSourceFailed(): void {
    // The client sends no pulled bodies.
  }

  onGoaway(_lastStreamId: number, _code: ErrorCode, debug: string): void {
    this.#leave(debug === "" ? "the server is going away" : `the server is going away: ${debug}`);
  }

  onPingAck(): void {
    // Any byte counts as life; the engine looks after it.
  }

  onSettings(): void {
    if (this.#state !== "connecting") {
      if (this.#state === "ready") this.#events.onReady();
      return;
    }
    this.#state = "ready";
    this.#platform.cancelTimer(this.#timer);
    this.#timer = 0;
    if (this.#options.keepalive !== null) this.#tick();
    this.#events.onReady();
  }

  onDrained(): void {
    this.#leave("the server is going away");
    this.#closeWhenDrained();
  }

  onConnectionError(_code: ErrorCode, text: string): void {
    this.#reason = text;
    this.#flush();
    this.#socket.destroy();
  }

  #tick(): void {
    this.#timer = this.#platform.startTimer(TICK_MS, () => {
      this.#h2.tick();
      this.#flush();
      if (this.#state !== "closed") this.#tick();
    });
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state === "closed") return;
    this.#h2.receive(chunk);
    if (this.#h2.hasOutput()) this.#scheduleFlush();
  }

  /** All requests of one tick leave in one write. */
  #scheduleFlush(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    this.#platform.defer(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#blocked && this.#state !== "closed") {
      const output = this.#h2.takeOutput();
      if (output === null) return;
      if (!this.#socket.write(output)) this.#blocked = true;
    }
  }

  #endIf(call: LiveCall): void {
    const status: CallStatus | null = call.status;
    if (status === null) return;
    if (!this.#calls.delete(call.streamId)) return;
    if (call.mustReset) {
      this.#h2.sendReset(call.streamId, ErrorCode.cancel);
      this.#scheduleFlush();
    }
    call.handler.onEnd(status);
    this.#events.onFree();
    this.#closeWhenDrained();
  }

  #leave(reason: string): void {
    if (this.#state === "closed" || this.#state === "draining") return;
    this.#state = "draining";
    this.#events.onGone(reason);
    this.#closeWhenDrained();
  }

  #closeWhenDrained(): void {
    if (this.#state !== "draining" || this.#calls.size > 0) return;
    this.#flush();
    this.#socket.destroy();
  }

  #lost(error: string): void {
    if (this.#state === "closed") return;
    const wasLeaving = this.#state === "draining";
    this.#state = "closed";
    this.#platform.cancelTimer(this.#timer);
    const reason = this.#reason === "" ? error : this.#reason;
    const calls = [...this.#calls.values()];
    // Forgotten first: the engine would report them as reset.
    this.#calls.clear();
    this.#h2.lost();
    const closed = reason === "client is closed";
    for (const call of calls) {
      call.handler.onEnd({
        code: closed ? GrpcCode.canceled : GrpcCode.unavailable,
        message: closed ? "client is closed" : `connection to ${this.endpoint.text}: ${reason}`,
        unprocessed: false,
      });
    }
    if (!wasLeaving) this.#events.onGone(reason);
    this.#events.onClosed();
  }
}
