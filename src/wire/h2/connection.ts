import type {
  ErrorCode,
  H2Handler,
  H2Options,
  MessageParts,
  ReplyParts,
  SourceParts,
} from "./types.ts";

/**
 * One HTTP/2 connection (RFC 9113) without its socket: give it what arrived, send what it yields.
 *
 *   socket bytes → receive() → calls on the handler
 *   send…() → takeOutput() → socket
 *
 * Owner's loop: after each `receive`, and at the end of each tick in which it sent something, write
 * `takeOutput()` until it yields null or the socket is full; when the socket has drained, again.
 * While `congested()` is true the owner should stop reading from the socket.
 *
 * Calls on a stream that is no longer live do nothing. Never throws on input.
 */
export declare class H2Connection {
  constructor(role: "server" | "client", options: H2Options, handler: H2Handler);

  /** Takes in any piece of the peer's byte stream; the bytes are not kept. */
  receive(chunk: Uint8Array): void;
  /** The peer's byte stream ended or broke: every live stream gets `onReset(id, cancel)`. No output follows. */
  lost(): void;
  /**
   * The next bytes for the socket, or null. The buffer belongs to the caller for good, unless it
   * gives it back with `recycleOutput`. At most about `outputHighWaterBytes` a call.
   */
  takeOutput(): Uint8Array | null;
  /** Optional: promises that the buffer of the last `takeOutput` is no longer needed (written synchronously). */
  recycleOutput(): void;
  /** True when `takeOutput` would yield something now. */
  hasOutput(): boolean;
  /** True when so much output waits that the owner should stop reading. */
  congested(): boolean;

  /**
   * Client: opens a stream with a pre-encoded block and returns its id; 0 when the peer's limit is
   * reached, the ids are used up or the connection goes away.
   */
  openStream(headerBlock: Uint8Array, endStream: boolean): number;
  /** Encodes with the dynamic table; the block must be sent (openStream, sendHeaders) before the next is encoded. */
  encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Uint8Array;
  /** Client: how many more streams `openStream` would grant now. */
  openableStreams(): number;
  /** Sends HEADERS (splitting into CONTINUATION as needed); waits behind a queued body of the stream. */
  sendHeaders(streamId: number, headerBlock: Uint8Array, endStream: boolean): void;
  /** Sends or queues body bytes (copied). False: queue above its high-water mark, wait for `onWritable`. */
  sendData(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    endStream: boolean,
  ): boolean;
  /** The same for prefix and bytes as one frame. `parts` is only read during the call. */
  sendMessage(streamId: number, parts: MessageParts, endStream: boolean): boolean;
  /** Headers, message and trailers of a unary reply in one go. `parts` is only read during the call. */
  sendReply(streamId: number, parts: ReplyParts): void;
  /** Queues a pulled body behind what is queued already. With no trailers, `onWritable` tells its end. */
  sendSource(streamId: number, parts: SourceParts): void;
  /** Ends the stream at once with RST_STREAM; its queue is dropped, sources are released. */
  sendReset(streamId: number, code: ErrorCode): void;

  /** Bytes of request body that the owner has dealt with; only when credit is held back on the stream. */
  consume(streamId: number, bytes: number): void;
  /** From now on (true) data of the stream is credited on arrival, or (false) only by `consume`. */
  setAutoCredit(streamId: number, auto: boolean): void;

  /** Sends PING with a 32-bit payload number. */
  ping(payload: number): void;
  /** Fails the connection: GOAWAY with code and debug text; then flush and close. */
  goaway(code: ErrorCode, debug: string): void;
  /** Graceful end (RFC 9113 §6.8): GOAWAY without limit, one round trip, GOAWAY with the last id, `onDrained`. */
  shutdown(): void;
  /** To be called about once a second when `keepalive` or `shutdown` are used. */
  tick(): void;

  /** Everything waiting to be sent, output and stream queues, bytes (pulled bodies count as nothing). */
  queuedBytes(): number;
  /** What waits in one stream's own queue, bytes. */
  streamQueuedBytes(streamId: number): number;
  /** Streams that are not closed. */
  liveStreams(): number;
  /** Whether the stream can still be sent on. */
  isSendable(streamId: number): boolean;
}
