/**
 * The line between edge and service: method ids, request bytes, integer reply tokens. No closures,
 * so that it can later cross threads (design decision 1).
 */

/** The kinds of gRPC methods. */
export type MethodKind = "unary" | "serverStream" | "clientStream" | "bidiStream";

/** One method of the served API; its id is its place in `RpcService.methods`. */
export interface RpcMethod {
  /** Package and service, e.g. `etcdserverpb.KV`. */
  readonly service: string;
  /** e.g. `Range`. */
  readonly name: string;
  readonly kind: MethodKind;
}

/** Names one live call. Exact integer below 2^53, unique among all calls a door ever had. */
export type Token = number;

/** gRPC status numbers. */
export const Code = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/**
 * A reply made piece by piece while the reader takes it, so that a huge reply costs no more than
 * a window of memory. `read` writes at most `maxBytes` at `at` and returns how many; 0 while bytes
 * are owed means: nothing yet, ask again in a later turn. It never blocks longer than about a
 * millisecond. `release` is called exactly once, at the end or when the call died. If the source
 * fails midway, `read` returns -1 and the call is ended with `failure`.
 */
export interface ByteSource {
  read(into: Uint8Array, at: number, maxBytes: number): number;
  release(): void;
  readonly failure?: { readonly code: Code; readonly message: string };
}

/** What a door offers to the service. Calls on a token that is no longer live are ignored. */
export interface ReplySink {
  /**
   * Ends a unary call well with `bytes[start, end)` as its message; the bytes are copied before it
   * returns.
   */
  reply(token: Token, bytes: Uint8Array, start: number, end: number): void;
  /** Ends a unary call well with a message of exactly `totalBytes`, pulled from `source`. */
  replyFrom(token: Token, totalBytes: number, source: ByteSource): void;
  /**
   * Sends one message of a stream (copied). False when the call's queue is over its high-water
   * mark: the producer should wait for `RpcService.writable`. The message is queued all the same.
   */
  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * The same with a pulled message, for large ones; one at a time, `writable` follows when it is
   * through.
   */
  sendFrom(token: Token, totalBytes: number, source: ByteSource): void;
  /**
   * While `isHeld` the client of a stream may send no more than what is under way already: who
   * cannot answer it says so. Messages that have come are handed over all the same.
   */
  holdInput?(token: Token, isHeld: boolean): void;
  /** Ends the call: a stream with any code, a unary call with an error. */
  finish(token: Token, code: Code, message: string): void;
  /**
   * First value of a request metadata key (lower case), undefined when absent; `-bin` values
   * decoded.
   */
  metadata(token: Token, key: string): string | undefined;
  /** TLS client identity or remote address, for logs. */
  remoteAddress(token: Token): string;
}

/**
 * What a door needs of the service. All calls return promptly; replies come through the sink, now
 * or later.
 */
export interface RpcService {
  readonly methods: readonly RpcMethod[];
  /** Called once, before the door opens. */
  bind(sink: ReplySink): void;
  /**
   * A unary or server-streaming request is complete: `bytes[start, end)` is its message, valid only
   * during the call (a view of a socket buffer).
   */
  request(methodId: number, token: Token, bytes: Uint8Array, start: number, end: number): void;
  /**
   * For a unary call that is refused anyway: the error text of bytes that are no such message, null
   * when they can be decoded. What cannot comes before most other errors.
   */
  unreadable?(methodId: number, bytes: Uint8Array, start: number, end: number): string | null;
  /** A client- or bidi-streaming call began. */
  open(methodId: number, token: Token): void;
  /** One message of such a call; same lifetime rule as `request`. */
  message(token: Token, bytes: Uint8Array, start: number, end: number): void;
  /** The client will send no more messages on this call. */
  halfClose(token: Token): void;
  /** The call is dead (client reset, connection lost, deadline): forget it, send nothing. */
  cancel(token: Token): void;
  /** A `send` that had returned false (or a `sendFrom`) is through. */
  writable(token: Token): void;
}
