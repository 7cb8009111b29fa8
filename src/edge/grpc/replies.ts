import { type ByteSource, Code, type ReplySink, type Token } from "../../service/rpc.ts";
import { packMaxBytes } from "../../wire/grpc/compression.ts";
import { prefixBytes, writePrefix } from "../../wire/grpc/message-reader.ts";
import { decodeBinaryValue, isBinaryKey } from "../../wire/grpc/metadata.ts";
import { okTrailerBlock, plainHeaderBlock } from "../../wire/grpc/reply-blocks.ts";
import { ErrorCode, type ReplyParts, type SourceParts } from "../../wire/h2/types.ts";
import type { Call } from "./call.ts";
import type { GrpcConnection } from "./connection.ts";
import type { DoorCore } from "./core.ts";

const nothing = new Uint8Array(0);

/** Flag byte of a message: as it is, or packed. */
const flagPlain = 0;
const flagPacked = 1;

/** The way back: turns answers of the service into frames on the right stream. */
export class Replies implements ReplySink {
  readonly #core: DoorCore;
  readonly #prefix = new Uint8Array(prefixBytes);
  /** Reused: the engine reads it during the call only. */
  readonly #parts: ReplyParts = {
    headerBlock: plainHeaderBlock,
    trailerBlock: okTrailerBlock,
    prefix: this.#prefix,
    bytes: nothing,
    start: 0,
    end: 0,
  };

  constructor(core: DoorCore) {
    this.#core = core;
  }

  reply(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const call = this.#core.calls.find(token);
    if (call === null) return;
    const connection = call.connection as GrpcConnection;
    const parts = this.#parts;
    this.#fill(call, bytes, start, end);
    parts.headerBlock = call.headerBlock;
    this.#countSent(call);
    const { streamId, clientEnded } = call;
    this.#core.release(call, Code.ok);
    connection.h2.sendReply(streamId, parts);
    parts.bytes = nothing;
    if (!clientEnded) connection.h2.sendReset(streamId, ErrorCode.noError);
    connection.touch();
  }

  replyFrom(token: Token, totalBytes: number, source: ByteSource): void {
    const call = this.#core.calls.find(token);
    if (call === null) return source.release();
    call.lastMessage = true;
    this.#sendSource(call, totalBytes, source);
  }

  send(token: Token, bytes: Uint8Array, start: number, end: number): boolean {
    const call = this.#core.calls.find(token);
    if (call === null) return true;
    const connection = call.connection as GrpcConnection;
    this.#openReply(call);
    this.#fill(call, bytes, start, end);
    this.#countSent(call);
    const more = connection.h2.sendMessage(call.streamId, this.#parts, false);
    this.#parts.bytes = nothing;
    connection.touch();
    return more;
  }

  sendFrom(token: Token, totalBytes: number, source: ByteSource): void {
    const call = this.#core.calls.find(token);
    if (call === null) return source.release();
    this.#sendSource(call, totalBytes, source);
  }

  holdInput(token: Token, isHeld: boolean): void {
    const call = this.#core.calls.find(token);
    if (call === null) return;
    const connection = call.connection as GrpcConnection;
    connection.h2.setAutoCredit(call.streamId, !isHeld);
    connection.touch();
  }

  finish(token: Token, code: Code, message: string): void {
    const call = this.#core.calls.find(token);
    if (call !== null) this.end(call, code, message);
  }

  metadata(token: Token, key: string): string | undefined {
    const call = this.#core.calls.find(token);
    if (call === null) return undefined;
    for (let i = 0; i < call.fieldCount; i++) {
      const field = call.fields[i];
      if (field === undefined || field.name !== key) continue;
      return isBinaryKey(key) ? decodeBinaryValue(field.value) : field.value;
    }
    return undefined;
  }

  remoteAddress(token: Token): string {
    return this.#core.calls.find(token)?.connection?.remoteAddress ?? "";
  }

  /** Ends a live call with a status: as trailers, or trailers-only when nothing was sent. */
  end(call: Call, code: Code, message: string): void {
    const connection = call.connection as GrpcConnection;
    const { streamId, clientEnded, headersSent } = call;
    this.#core.release(call, code);
    const { blocks } = this.#core;
    let block = okTrailerBlock;
    if (!headersSent) block = blocks.trailersOnly(code, message);
    else if (code !== Code.ok) block = blocks.trailers(code, message);
    connection.h2.sendHeaders(streamId, block, true);
    if (!clientEnded) connection.h2.sendReset(streamId, ErrorCode.noError);
    connection.touch();
  }

  #openReply(call: Call): void {
    if (call.headersSent) return;
    call.headersSent = true;
    call.connection?.h2.sendHeaders(call.streamId, call.headerBlock, false);
  }

  /** A pulled message is through: the producer may go on, or the call ends with it. */
  sourceDone(call: Call): void {
    call.source = null;
    if (call.lastMessage) this.end(call, Code.ok, "");
    else this.#core.service.writable(call.token);
  }

  /** Kills a live call whose reply may be half sent: with a status if it can still be told. */
  abort(call: Call, code: Code, message: string): void {
    const connection = call.connection as GrpcConnection;
    const { streamId, source } = call;
    if (source === null && connection.h2.streamQueuedBytes(streamId) === 0) {
      this.end(call, code, message);
      return;
    }
    this.#core.release(call, code);
    connection.h2.sendReset(streamId, ErrorCode.cancel);
    connection.touch();
  }

  #sendSource(call: Call, totalBytes: number, source: ByteSource): void {
    const connection = call.connection as GrpcConnection;
    this.#countSent(call);
    this.#openReply(call);
    // Pulled messages are never packed: their size has to be known before they are made.
    writePrefix(this.#prefix, flagPlain, totalBytes);
    const parts: SourceParts = { prefix: this.#prefix, totalBytes, source, trailerBlock: null };
    call.source = source;
    connection.h2.sendSource(call.streamId, parts);
    connection.touch();
  }

  #fill(call: Call, bytes: Uint8Array, start: number, end: number): void {
    const parts = this.#parts;
    if (call.gzip && end > start && end - start <= packMaxBytes) {
      const packed = this.#core.gzip.pack(bytes, start, end);
      writePrefix(this.#prefix, flagPacked, packed.length);
      parts.bytes = packed;
      parts.start = 0;
      parts.end = packed.length;
      return;
    }
    writePrefix(this.#prefix, flagPlain, end - start);
    parts.bytes = bytes;
    parts.start = start;
    parts.end = end;
  }

  #countSent(call: Call): void {
    const counts = this.#core.counters.messagesSent;
    counts[call.methodId] = (counts[call.methodId] as number) + 1;
  }
}
