import { copyOf } from "../../base/span.ts";
import { isGrpcContentType } from "../../wire/grpc/content-type.ts";
import { MessageReader } from "../../wire/grpc/message-reader.ts";
import type { MessageHandler } from "../../wire/grpc/message-reader.ts";
import { decodeGrpcMessage } from "../../wire/grpc/status.ts";
import { ErrorCode } from "../../wire/h2/types.ts";
import type { HeaderList } from "../../wire/h2/types.ts";
import { GrpcCode } from "../errors.ts";

/** How a call ended. */
export interface CallStatus {
  readonly code: number;
  readonly message: string;
  /** The server surely did nothing: the call may be made again whatever it does. */
  readonly unprocessed: boolean;
}

/** Who made the call. */
export interface CallHandler {
  /** One whole message; the bytes are the handler's. */
  onMessage(message: Uint8Array): void;
  /** False: bytes that arrive are held against the sender's credit until `release`. */
  hungry(): boolean;
  /** The last thing that happens. */
  onEnd(status: CallStatus): void;
}

/** What a live call needs of its connection. */
export interface CallOwner {
  abandon(streamId: number): void;
  consume(streamId: number, bytes: number): void;
}

/** gRPC's rule for answers that are not gRPC at all (HTTP status to gRPC code). */
function codeOfHttpStatus(status: string): number {
  if (status === "400") return GrpcCode.internal;
  if (status === "401") return 16;
  if (status === "403") return 7;
  if (status === "404") return GrpcCode.unimplemented;
  return ["429", "502", "503", "504"].includes(status) ? GrpcCode.unavailable : GrpcCode.unknown;
}

const CODE_OF_RESET: ReadonlyMap<number, number> = new Map([
  [ErrorCode.refusedStream, GrpcCode.unavailable],
  [ErrorCode.cancel, GrpcCode.canceled],
  [ErrorCode.enhanceYourCalm, GrpcCode.resourceExhausted],
  [ErrorCode.inadequateSecurity, 7],
]);

/** One call on one stream: puts messages together, finds the status. */
export class LiveCall implements MessageHandler {
  readonly streamId: number;
  readonly handler: CallHandler;
  /** Null while the call runs. */
  status: CallStatus | null = null;
  /** The end was ours: the server should be told to stop. */
  mustReset = false;
  #owner: CallOwner;
  #maxBytes: number;
  #paced: boolean;
  #heldBytes = 0;
  #reader: MessageReader;

  constructor(
    streamId: number,
    owner: CallOwner,
    handler: CallHandler,
    how: { readonly maxBytes: number; readonly paced: boolean },
  ) {
    this.streamId = streamId;
    this.handler = handler;
    this.#owner = owner;
    this.#maxBytes = how.maxBytes;
    this.#reader = new MessageReader(how.maxBytes);
    this.#paced = how.paced;
  }

  /** The caller wants no more of it. */
  abandon(): void {
    this.#owner.abandon(this.streamId);
  }

  /** The caller of a paced call is hungry again. */
  release(): void {
    const heldBytes = this.#heldBytes;
    if (heldBytes === 0) return;
    this.#heldBytes = 0;
    this.#owner.consume(this.streamId, heldBytes);
  }

  headers(fields: HeaderList, endStream: boolean): void {
    const http = fields.get(":status") ?? "";
    if (http.startsWith("1")) return;
    if (endStream || fields.get("grpc-status") !== undefined) return this.trailers(fields);
    const type = fields.get("content-type") ?? "";
    if (http !== "200") this.fail(codeOfHttpStatus(http), `unexpected HTTP status code ${http}`);
    else if (!isGrpcContentType(type)) {
      this.fail(GrpcCode.unknown, `received unexpected content-type "${type}"`);
    }
  }

  trailers(fields: HeaderList): void {
    if (this.status !== null) return;
    const text = fields.get("grpc-status");
    if (text === undefined) {
      const http = fields.get(":status") ?? "";
      const code = http === "200" || http === "" ? GrpcCode.unknown : codeOfHttpStatus(http);
      this.status = { code, message: "answer without a gRPC status", unprocessed: false };
      return;
    }
    const code = /^[0-9]{1,2}$/.test(text) ? Number(text) : GrpcCode.unknown;
    const message = decodeGrpcMessage(fields.get("grpc-message") ?? "");
    this.status = { code, message, unprocessed: false };
  }

  reset(code: number): void {
    const grpcCode = CODE_OF_RESET.get(code) ?? GrpcCode.internal;
    const message = `stream terminated by RST_STREAM with error code ${code}`;
    this.status ??= { code: grpcCode, message, unprocessed: code === ErrorCode.refusedStream };
  }

  /** Ends the call from our side. */
  fail(code: number, message: string): void {
    this.mustReset = true;
    this.status ??= { code, message, unprocessed: false };
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    if (this.status === null) this.#reader.feed(bytes, start, end, this);
    if (!this.#paced) return;
    // A message under assembly never waits for credit: it may be larger than the window.
    this.#heldBytes += end - start;
    if (this.handler.hungry()) this.release();
  }

  onMessage(flag: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (flag !== 0) {
      this.fail(GrpcCode.internal, "grpc: message is compressed without having been asked for");
      return false;
    }
    // Not `slice`: of a Buffer, as which bytes may come, that is no copy.
    this.handler.onMessage(copyOf(bytes, start, end));
    return true;
  }

  onTooLarge(lengthBytes: number): void {
    const text = `grpc: received message larger than max (${lengthBytes} vs. ${this.#maxBytes})`;
    this.fail(GrpcCode.resourceExhausted, text);
  }
}
