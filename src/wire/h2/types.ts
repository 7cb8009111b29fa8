/**
 * The vocabulary of the HTTP/2 engine: what a connection is told at its birth, what it tells its
 * owner, and the shapes of header fields and bodies. No I/O, no clock, no timers: bytes and calls
 * in, bytes and calls out.
 */
import type { SlabPool } from "./output.ts";

/** Error codes of RFC 9113 §7. */
export const ErrorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;
/** Unknown codes of a peer are passed on as they are, hence a plain number. */
export type ErrorCode = number;

/**
 * One decoded header field. Objects of indexed fields are shared between all blocks that mention
 * them (they live in the HPACK table), so they may be kept but never changed, except `tag`.
 */
export interface HeaderField {
  /** Lower case, one latin1 character per byte. */
  readonly name: string;
  /** One latin1 character per byte. */
  readonly value: string;
  /**
   * What `headers/kind.ts` found out about the field, once, when it was decoded. Not for owners.
   */
  readonly kind: number;
  /** 0 at first; the owner's to use, e.g. to cache "this `:path` is method 7 (+1)". */
  tag: number;
}

/**
 * A validated header block. The list is reused: it is valid only during the call that got it. The
 * fields in it may be kept.
 */
export interface HeaderList {
  /** Entries `[0, count)` are valid; the array itself may be longer. */
  readonly fields: readonly HeaderField[];
  readonly count: number;
  /** Value of the first field of that (lower-case) name, or undefined. */
  get(name: string): string | undefined;
}

/**
 * A body made piece by piece while the reader takes it (same contract as `ByteSource` of the
 * service line). `read` writes at most `maxBytes` at `at` and returns how many, 0 when it has
 * nothing yet (it is asked again by a later `takeOutput`, until then `hasOutput` is true), -1 when
 * it failed midway. It is not asked for more than it owes. `release` is called exactly once.
 */
export interface BodySource {
  read(into: Uint8Array, at: number, maxBytes: number): number;
  release(): void;
}

/**
 * A message of two parts, sent as one: e.g. the 5 bytes of gRPC before `bytes[start, end)`. Copied.
 */
export interface MessageParts {
  prefix: Uint8Array;
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** A whole unary reply: header block, one message, trailer block (both pre-encoded HPACK). */
export interface ReplyParts extends MessageParts {
  /** Must not change after the call: kept by reference while it waits. */
  headerBlock: Uint8Array;
  /** Must not change after the call: kept by reference while it waits. */
  trailerBlock: Uint8Array;
}

/**
 * A body of exactly `prefix.length + totalBytes` bytes that is pulled when there is room for it.
 */
export interface SourceParts {
  /** Copied. */
  prefix: Uint8Array;
  totalBytes: number;
  source: BodySource;
  /** When given, sent after the body with END_STREAM; when null the stream stays open for more. */
  trailerBlock: Uint8Array | null;
}

/**
 * What a connection reports. All calls happen inside `receive`, `takeOutput`, `tick` or `goaway` of
 * the connection; the handler may call any method of the connection from within them.
 */
export interface H2Handler {
  /**
   * A request (server) or a final or 1xx response (client) begins. `fields` is valid only during
   * the call.
   */
  onHeaders(streamId: number, fields: HeaderList, endStream: boolean): void;
  /** Trailers: they always end the peer's side of the stream. */
  onTrailers(streamId: number, fields: HeaderList): void;
  /**
   * A piece of the body, `bytes[start, end)`, a view that is valid only during the call; may be
   * empty at the end.
   */
  onData(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  /**
   * The stream died: reset by the peer, or by us because the peer broke a rule on it. Not called
   * for the owner's own `sendReset` nor when both sides ended well. Sources are already released.
   */
  onReset(streamId: number, code: ErrorCode): void;
  /**
   * A queue that had refused (`sendData` returned false), or a source without trailers, is through.
   */
  onWritable(streamId: number): void;
  /**
   * A source failed (`read` returned -1 or more than asked): the owner ends the stream as it likes.
   */
  onSourceFailed(streamId: number): void;
  /**
   * The peer goes away. Client: streams above `lastStreamId` were not processed (each also gets
   * `onReset(id, refusedStream)` before this call); no new stream can be opened.
   */
  onGoaway(lastStreamId: number, code: ErrorCode, debug: string): void;
  /** Answer to `ping`; `payload` as given there. */
  onPingAck(payload: number): void;
  /** The peer's SETTINGS arrived (the first time and at each change): limits may have moved. */
  onSettings(): void;
  /** After `shutdown` or a GOAWAY of the peer: the last stream has ended; flush and close. */
  onDrained(): void;
  /**
   * The connection is beyond saving: a GOAWAY is queued; flush what `takeOutput` gives, then close.
   * Live streams get no further calls (their sources are released). Called at most once.
   */
  onConnectionError(code: ErrorCode, text: string): void;
}

/** How many pings a server bears; see `keepalive.ts` (grpc-go's rule). */
export interface PingRule {
  /**
   * Least time between pings, ms, while a stream is open (or always, with `permitWithoutStream`).
   */
  readonly minIntervalMs: number;
  /** False: without an open stream only one ping in two hours is tolerated. */
  readonly permitWithoutStream: boolean;
}

/** Pings of our own on a silent connection. */
export interface KeepaliveRule {
  /** Send a ping after so long without a byte from the peer, ms. */
  readonly afterMs: number;
  /** Fail the connection when so long after it nothing at all came, ms. */
  readonly timeoutMs: number;
  /** Also when no stream is open. Servers: true. */
  readonly withoutStream: boolean;
}

/** Memory shared by the header blocks under assembly on all connections of a door. */
export interface HeaderBudget {
  takenBytes: number;
  readonly maxBytes: number;
}

/** All optional; defaults and their reasons are in `limits.ts`. */
export interface H2Options {
  /**
   * Monotonic milliseconds; needed for refilling abuse budgets, ping rule and keepalive. Default:
   * always 0.
   */
  readonly nowMs?: () => number;
  /**
   * SETTINGS_MAX_CONCURRENT_STREAMS of ours; undefined: not announced (bounded by
   * `streamsHardMax`).
   */
  readonly maxConcurrentStreams?: number;
  /** Largest decoded header list (RFC 9113 §6.5.2 reckoning), bytes. */
  readonly maxHeaderListBytes?: number;
  /** Our SETTINGS_HEADER_TABLE_SIZE, bytes. */
  readonly headerTableBytes?: number;
  /** Our SETTINGS_INITIAL_WINDOW_SIZE: how much of a body may be under way on a stream, bytes. */
  readonly streamWindowBytes?: number;
  /** The same over all streams, bytes; at least 65,535. */
  readonly connectionWindowBytes?: number;
  /** Our SETTINGS_MAX_FRAME_SIZE, 16,384 to 16,777,215. */
  readonly maxFrameBytes?: number;
  /** Output not yet taken beyond which bodies wait in their streams, bytes. */
  readonly outputHighWaterBytes?: number;
  /** Queue of one stream beyond which `sendData` returns false, bytes. */
  readonly streamHighWaterBytes?: number;
  /** Give back credit for a body as it arrives (default), or only by `consume`. */
  readonly autoCredit?: boolean;
  readonly pingRule?: PingRule;
  readonly keepalive?: KeepaliveRule;
  readonly headerBudget?: HeaderBudget;
  /** Shared by the connections of a door. */
  readonly slabs?: SlabPool;
}
