import type { ByteSource, MethodKind, Token } from "../../service/rpc.ts";
import type { MessageReader } from "../../wire/grpc/message-reader.ts";
import type { HeaderField } from "../../wire/h2/types.ts";
import type { GrpcConnection } from "./connection.ts";

/**
 * One live call; the record is used again by later calls.
 *
 * Invariant: `connection` is null exactly while the record is free.
 * Invariant: `token` names this life of the record and no other.
 */
export class Call {
  readonly slot: number;
  token: Token;
  connection: GrpcConnection | null = null;
  streamId = 0;
  methodId = 0;
  kind: MethodKind = "unary";
  /** The request has been given to the service, or the stream was opened there. */
  dispatched = false;
  headersSent = false;
  /** The client will send no more. */
  clientEnded = false;
  /** Replies may be packed with gzip. */
  gzip = false;
  headerBlock: Uint8Array;
  /** Its `client-api-version` is refused once the request is there and can be decoded. */
  badVersion = false;
  /** Custom metadata: entries `[0, fieldCount)`. */
  readonly fields: HeaderField[] = [];
  fieldCount = 0;
  /** Made when a message first comes in pieces; kept with the record. */
  reader: MessageReader | null = null;
  /** Bytes that `reader` and `request` were charged to the door's memory. */
  chargedBytes = 0;
  /** The complete message of a call that the client has not yet half-closed. */
  request: Uint8Array | null = null;
  /** The pulled message that is on its way. */
  source: ByteSource | null = null;
  /** That message is the whole reply: the call ends well after it. */
  lastMessage = false;
  /** Monotonic ms; 0 is none. */
  deadlineMs = 0;
  /** Neighbours in a slot of the deadline wheel. */
  earlier: Call | null = null;
  later: Call | null = null;
  wheelSlot = -1;

  constructor(slot: number, token: Token, headerBlock: Uint8Array) {
    this.slot = slot;
    this.token = token;
    this.headerBlock = headerBlock;
  }
}
