import { copyOf } from "../../base/span.ts";
import { Code } from "../../service/rpc.ts";
import {
  type MessageHandler,
  MessageReader,
  prefixBytes,
  readLength,
} from "../../wire/grpc/message-reader.ts";
import { badBinaryOffset } from "../../wire/grpc/metadata.ts";
import { quoteHeader } from "../../wire/grpc/quote.ts";
import { describeBadTimeout } from "../../wire/grpc/timeout.ts";
import type { HeaderField, HeaderList } from "../../wire/h2/types.ts";
import type { Call } from "./call.ts";
import type { GrpcConnection } from "./connection.ts";
import type { DoorCore } from "./core.ts";
import { callRecordBytes, smallRequestBytes } from "./limits.ts";
import { readPlain } from "./plain.ts";
import type { Replies } from "./replies.ts";
import type { RequestHead } from "./request-head.ts";

/** What the stream and field objects of one metadata entry cost beyond its text, bytes. */
const fieldOverheadBytes = 64;

/** A deadline closer than this has passed before anything could answer, ms. */
const timeoutLeastMs = 0.01;

const outOfMemory = {
  code: Code.resourceExhausted,
  message: "skein: server is out of memory for requests and replies",
};

/** The way in: turns what arrives on a stream into calls of the service. */
export class Requests implements MessageHandler {
  readonly #core: DoorCore;
  readonly #replies: Replies;
  /** The call whose bytes are being read; null otherwise. */
  #current: Call | null = null;
  #currentToken = 0;

  constructor(core: DoorCore, replies: Replies) {
    this.#core = core;
    this.#replies = replies;
  }

  /** A request begins on a stream. */
  begin(connection: GrpcConnection, streamId: number, list: HeaderList, ended: boolean): void {
    const core = this.#core;
    const { head, counters } = core;
    head.read(list);
    if (!this.#acceptable(connection, streamId, list, ended)) return;
    const { methodId } = head;
    counters.started[methodId] = (counters.started[methodId] as number) + 1;
    const call = core.calls.take() as Call;
    call.connection = connection;
    call.streamId = streamId;
    call.methodId = methodId;
    call.kind = core.methods.kinds[methodId] ?? "unary";
    call.clientEnded = ended;
    call.gzip = head.gzip;
    call.headerBlock = head.headerBlock;
    connection.streams.add(call);
    core.hold(connection, callRecordBytes);
    if (head.fieldCount > 0) this.#keepFields(call);
    const stream = call.kind === "unary" ? 0 : 1;
    const at = 2 * head.versionId + stream;
    counters.requests[at] = (counters.requests[at] as number) + 1;
    if (head.unknownEncoding !== null) {
      const name = quoteHeader(head.unknownEncoding);
      const text = `grpc: Decompressor is not installed for grpc-encoding ${name}`;
      return this.#fail(call, Code.unimplemented, text);
    }
    // etcd looks at it after gRPC has read what a unary call asks, and before a stream begins.
    call.badVersion = head.badVersion;
    if (head.badVersion && call.kind !== "unary") return this.#failVersion(call);
    if (head.timeoutMs >= 0) {
      core.deadlines.add(call, core.clock.monotonicMs() + head.timeoutMs);
    }
    if (call.kind === "clientStream" || call.kind === "bidiStream") {
      call.dispatched = true;
      const { token } = call;
      core.service.open(methodId, token);
      if (ended && call.token === token) core.service.halfClose(token);
    } else if (ended) {
      this.#complete(call);
    }
  }

  /** A piece of a request body. */
  data(call: Call, bytes: Uint8Array, start: number, end: number, ended: boolean): void {
    if (ended) call.clientEnded = true;
    if (call.kind === "unary" || call.kind === "serverStream") {
      // The usual case: the whole message and the end of the stream in one frame.
      if (
        ended &&
        end - start >= prefixBytes &&
        bytes[start] === 0 &&
        call.request === null &&
        (call.reader === null || !call.reader.midMessage) &&
        readLength(bytes, start + 1) === end - start - prefixBytes &&
        end - start - prefixBytes <= this.#core.limits.maxMessageBytes
      ) {
        const { token } = call;
        this.#dispatch(call, bytes, start + prefixBytes, end);
        if (call.token === token) this.#chargeKept(call, end - start - prefixBytes);
        return;
      }
    }
    const { token } = call;
    if (call.kind !== "unary" || call.request === null) this.#feed(call, bytes, start, end);
    if (ended && call.token === token) this.#ended(call);
  }

  /** The client half-closed without a further byte of body (trailers). */
  ended(call: Call): void {
    call.clientEnded = true;
    this.#ended(call);
  }

  /** The call is dead: reset by the client, or the connection is lost. */
  cancelled(call: Call): void {
    const { token, dispatched } = call;
    this.#core.release(call, Code.canceled);
    if (dispatched) this.#core.service.cancel(token);
  }

  /** The deadline has passed. */
  expired(call: Call): void {
    const { token, dispatched } = call;
    this.#replies.abort(call, Code.deadlineExceeded, "context deadline exceeded");
    if (dispatched) this.#core.service.cancel(token);
  }

  /** A pulled reply broke off. */
  sourceFailed(call: Call): void {
    const { token, source } = call;
    const failure = source?.failure ?? { code: Code.internal, message: "skein: reply broke off" };
    call.source = null;
    this.#replies.end(call, failure.code, failure.message);
    this.#core.service.cancel(token);
  }

  onMessage(flag: number, bytes: Uint8Array, start: number, end: number): boolean {
    const call = this.#current;
    if (call === null || call.token !== this.#currentToken) return false;
    if (flag === 0) this.#message(call, bytes, start, end);
    else this.#packedMessage(call, flag, bytes, start, end);
    // Of a unary call grpc-go reads no further than its message.
    if (call.kind === "unary" && call.request !== null) return false;
    return call.token === this.#currentToken;
  }

  onTooLarge(lengthBytes: number): void {
    const call = this.#current;
    if (call === null || call.token !== this.#currentToken) return;
    const max = this.#core.limits.maxMessageBytes;
    this.#core.counters.drop("message_too_large");
    const text = `grpc: received message larger than max (${lengthBytes} vs. ${max})`;
    this.#fail(call, Code.resourceExhausted, text);
  }

  /** False when the request was answered at once, in grpc-go's order of checks. */
  #acceptable(
    connection: GrpcConnection,
    streamId: number,
    list: HeaderList,
    ended: boolean,
  ): boolean {
    const core = this.#core;
    const { head } = core;
    // Who names a method of ours means gRPC, and is told what is wrong in its words.
    if (!head.isGrpc && head.methodId < 0 && head.authorityCount <= 1 && head.hostCount <= 1) {
      const plain = core.plain === null ? null : readPlain(list);
      if (plain !== null) {
        if (!this.#isOverMemory(connection)) connection.takePlain(streamId, plain, ended);
        else connection.refuse(streamId, ended, { http: 503, ...outOfMemory });
        return false;
      }
    }
    const refusal = refusalOf(head);
    if (refusal !== null) {
      connection.refuse(streamId, ended, refusal);
      return false;
    }
    if (head.methodId < 0) {
      const message = core.methods.describeUnknown(head.path);
      connection.refuse(streamId, ended, { http: 200, code: Code.unimplemented, message });
      return false;
    }
    if (this.#isOverMemory(connection)) {
      connection.refuse(streamId, ended, { http: 200, ...outOfMemory });
      return false;
    }
    if (core.calls.full) {
      core.counters.drop("calls");
      const message = "skein: too many calls";
      connection.refuse(streamId, ended, { http: 200, code: Code.resourceExhausted, message });
      return false;
    }
    return true;
  }

  #isOverMemory(connection: GrpcConnection): boolean {
    connection.chargeQueued();
    const isOver = this.#core.overMemory(connection);
    if (isOver) this.#core.counters.drop("memory");
    return isOver;
  }

  #keepFields(call: Call): void {
    const { head } = this.#core;
    let bytes = 0;
    for (let i = 0; i < head.fieldCount; i++) {
      const field = head.fields[i];
      if (field === undefined) continue;
      call.fields[i] = field;
      bytes += fieldOverheadBytes + field.name.length + field.value.length;
    }
    call.fieldCount = head.fieldCount;
    this.#core.charge(call, bytes);
  }

  #feed(call: Call, bytes: Uint8Array, start: number, end: number): void {
    const core = this.#core;
    const { token } = call;
    const reader = (call.reader ??= new MessageReader(core.limits.maxMessageBytes));
    const before = reader.bufferedBytes;
    this.#current = call;
    this.#currentToken = token;
    reader.feed(bytes, start, end, this);
    this.#current = null;
    if (call.token !== token) return;
    const grown = reader.bufferedBytes - before;
    if (grown === 0) return;
    core.charge(call, call.chargedBytes + grown);
    if (grown > 0 && core.overMemory(call.connection as GrpcConnection)) {
      core.counters.drop("memory");
      this.#fail(call, outOfMemory.code, outOfMemory.message);
    }
  }

  #message(call: Call, bytes: Uint8Array, start: number, end: number): void {
    if (call.kind === "clientStream" || call.kind === "bidiStream") {
      this.#countReceived(call);
      this.#core.service.message(call.token, bytes, start, end);
      return;
    }
    if (call.request === null) {
      // Not `slice`: of a Buffer, as which bytes may come, that is no copy.
      call.request = copyOf(bytes, start, end);
      this.#core.charge(call, call.chargedBytes + end - start);
    } else if (call.kind === "serverStream") {
      const text =
        "cardinality violation: received multiple request messages for non-client-streaming RPC";
      this.#fail(call, Code.internal, text);
    }
  }

  #packedMessage(call: Call, flag: number, bytes: Uint8Array, start: number, end: number): void {
    if (flag !== 1) {
      return this.#fail(call, Code.internal, `grpc: received unexpected payload format ${flag}`);
    }
    if (!call.gzip) {
      const text = "grpc: compressed flag set with identity or empty encoding";
      return this.#fail(call, Code.internal, text);
    }
    const max = this.#core.limits.maxMessageBytes;
    const unpacked = this.#core.gzip.unpack(bytes, start, end, max);
    if (unpacked === "corrupt") {
      const text = "grpc: failed to decompress the message: gzip: invalid header";
      return this.#fail(call, Code.internal, text);
    }
    if (unpacked === "tooLarge") {
      const text = `grpc: received message after decompression larger than max ${max}`;
      return this.#fail(call, Code.resourceExhausted, text);
    }
    this.#message(call, unpacked, 0, unpacked.length);
  }

  #ended(call: Call): void {
    if (call.kind === "unary" || call.kind === "serverStream") return this.#complete(call);
    if (call.reader !== null && call.reader.midBody) {
      return this.#fail(call, Code.internal, "unexpected EOF");
    }
    this.#core.service.halfClose(call.token);
  }

  /** The request of a call with one request message has ended. */
  #complete(call: Call): void {
    const unary = call.kind === "unary";
    const { request } = call;
    if (call.reader !== null && call.reader.midBody) {
      return this.#fail(call, unary ? Code.unknown : Code.internal, "unexpected EOF");
    }
    if (request !== null) {
      call.request = null;
      return this.#dispatch(call, request, 0, request.length);
    }
    if (unary) return this.#fail(call, Code.unknown, "EOF");
    const text = "cardinality violation: received no request message from non-client-streaming RPC";
    this.#fail(call, Code.internal, text);
  }

  #dispatch(call: Call, bytes: Uint8Array, start: number, end: number): void {
    if (call.badVersion) {
      const text = this.#core.service.unreadable?.(call.methodId, bytes, start, end) ?? null;
      if (text === null) this.#failVersion(call);
      else this.#fail(call, Code.internal, text);
      return;
    }
    call.dispatched = true;
    this.#countReceived(call);
    this.#core.service.request(call.methodId, call.token, bytes, start, end);
  }

  /** Who does not answer at once keeps what was asked. */
  #chargeKept(call: Call, messageBytes: number): void {
    if (messageBytes <= smallRequestBytes) return;
    this.#core.charge(call, call.chargedBytes + messageBytes);
  }

  #countReceived(call: Call): void {
    const counts = this.#core.counters.messagesReceived;
    counts[call.methodId] = (counts[call.methodId] as number) + 1;
  }

  #failVersion(call: Call): void {
    this.#fail(call, Code.invalidArgument, "etcdserver: invalid client api version");
  }

  #fail(call: Call, code: Code, message: string): void {
    const { token, dispatched } = call;
    this.#replies.end(call, code, message);
    if (dispatched) this.#core.service.cancel(token);
  }
}

/** An answer without a call: HTTP status, gRPC status. */
export interface Refusal {
  readonly http: number;
  readonly code: Code;
  readonly message: string;
}

/** What is wrong with the head of a request in itself, or null. */
function refusalOf(head: RequestHead): Refusal | null {
  const { authorityCount, hostCount } = head;
  const bad = (message: string): Refusal => ({ http: 400, code: Code.internal, message });
  if (authorityCount > 1 || hostCount > 1) {
    return bad(
      `num values of :authority: ${authorityCount}, num values of host: ${hostCount}, ` +
        "both must only have 1 value as per HTTP/2 spec",
    );
  }
  if (!head.isGrpc) {
    const message = `invalid gRPC request content-type ${quoteHeader(head.contentType)}`;
    return { http: 415, code: Code.invalidArgument, message };
  }
  if (head.badField !== null) return bad(describeBadField(head.badField));
  if (!head.isPost) {
    const method = JSON.stringify(head.method);
    const message = `Received a HEADERS frame with :method ${method} which should be POST`;
    return { http: 405, code: Code.internal, message };
  }
  if (head.timeoutMs >= 0 && head.timeoutMs < timeoutLeastMs) {
    const message = "context deadline exceeded";
    return { http: 200, code: Code.deadlineExceeded, message };
  }
  return null;
}

/** What grpc-go says of a header field that it cannot read. */
function describeBadField({ name, value }: HeaderField): string {
  if (name === "grpc-timeout") return `malformed grpc-timeout: ${describeBadTimeout(value)}`;
  return (
    `malformed binary metadata ${quoteHeader(value)} in header ${quoteHeader(name)}: ` +
    `illegal base64 data at input byte ${badBinaryOffset(value)}`
  );
}
