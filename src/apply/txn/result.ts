import type { ByteWriter } from "../../base/byte-writer.ts";
import { varintSize } from "../../base/byte-writer.ts";
import type { ChunkWriter } from "../../base/chunk-writer.ts";
import type { Steps } from "../steps.ts";
import { Pace } from "./long/pace.ts";

/** Encoded bytes in pieces, since they may be very many; they do not change any more. */
export interface Chunks {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/** No bytes. */
export const NO_CHUNKS: Chunks = { parts: [], bytes: 0 };

/** All that `out` has, which then belongs to the chunks. */
export function chunksOf(out: ChunkWriter): Chunks {
  return { parts: out.chunks(), bytes: out.totalBytes };
}

/** What one operation of a transaction did, kept until the whole reply can be sized. */
export type OpResult =
  | {
      readonly op: "range";
      readonly revision: number;
      /** Fields 2 to 4 of a RangeResponse. */
      readonly body: Chunks;
    }
  | {
      readonly op: "put";
      readonly revision: number;
      /** Encoded KeyValue, null when there was none or nobody asked. */
      readonly prevKv: Uint8Array | null;
    }
  | {
      readonly op: "deleteRange";
      readonly revision: number;
      readonly deleted: number;
      /** Framed as field 3 of a DeleteRangeResponse. */
      readonly prevKvs: Chunks;
    }
  | { readonly op: "txn"; readonly result: TxnResult };

/** What a transaction did. */
export interface TxnResult {
  readonly succeeded: boolean;
  readonly responses: readonly OpResult[];
  /** What `writeTxnResult` appends, bytes: counted once, as it may be nested deep. */
  readonly bytes: number;
}

/** Field numbers of ResponseOp, as tags. */
const OP_TAGS = { range: 0x0a, put: 0x12, deleteRange: 0x1a, txn: 0x22 } as const;
const TAG_HEADER = 0x0a;
const TAG_HEADER_REVISION = 0x18;
const TAG_SUCCEEDED = 0x10;
const TAG_RESPONSES = 0x1a;
const TAG_PREV_KV = 0x12;
const TAG_DELETED = 0x10;

/** Where an encoded result goes. */
export type ResultWriter = Pick<ByteWriter, "byte" | "varint" | "raw">;

/** A result with its size. */
export function newTxnResult(succeeded: boolean, responses: readonly OpResult[]): TxnResult {
  let bytes = succeeded ? 2 : 0;
  for (const one of responses) {
    const inner = innerSize(one);
    const op = 1 + varintSize(inner) + inner;
    bytes += 1 + varintSize(op) + op;
  }
  return { succeeded, responses, bytes };
}

/** Appends succeeded and responses of a TxnResponse. */
export function writeTxnResult(result: TxnResult, out: ResultWriter): void {
  writeSucceeded(result, out);
  for (const one of result.responses) {
    writeOpHead(one, out);
    if (one.op === "txn") writeTxnResult(one.result, out);
    else writeInner(one, out);
  }
}

/** The same in steps, for results of very many operations. */
export function* writeTxnResultInSteps(
  result: TxnResult,
  out: ResultWriter,
  pace = new Pace(),
): Steps<void> {
  writeSucceeded(result, out);
  for (const one of result.responses) {
    writeOpHead(one, out);
    if (one.op === "txn") yield* writeTxnResultInSteps(one.result, out, pace);
    else writeInner(one, out);
    if (pace.isDue()) yield;
  }
}

function writeSucceeded({ succeeded }: TxnResult, out: ResultWriter): void {
  if (!succeeded) return;
  out.byte(TAG_SUCCEEDED);
  out.byte(1);
}

/** Up to the header of the response in it. */
function writeOpHead(one: OpResult, out: ResultWriter): void {
  const inner = innerSize(one);
  out.byte(TAG_RESPONSES);
  out.varint(1 + varintSize(inner) + inner);
  out.byte(OP_TAGS[one.op]);
  out.varint(inner);
  out.byte(TAG_HEADER);
  if (one.op === "txn") {
    // Present but empty (semantics.md 2).
    out.byte(0);
    return;
  }
  out.byte(1 + varintSize(one.revision));
  out.byte(TAG_HEADER_REVISION);
  out.varint(one.revision);
}

/** Appends deleted and prev_kvs of a DeleteRangeResponse. */
export function writeDeleted(deleted: number, prevKvs: Chunks, out: ResultWriter): void {
  if (deleted > 0) {
    out.byte(TAG_DELETED);
    out.varint(deleted);
  }
  writeChunks(prevKvs, out);
}

function writeChunks({ parts }: Chunks, out: ResultWriter): void {
  for (const part of parts) out.raw(part, 0, part.length);
}

/** Appends prev_kv of a PutResponse. */
export function writePrevKv(prevKv: Uint8Array | null, out: ResultWriter): void {
  if (prevKv === null) return;
  out.byte(TAG_PREV_KV);
  out.varint(prevKv.length);
  out.raw(prevKv, 0, prevKv.length);
}

function writeInner(one: Exclude<OpResult, { op: "txn" }>, out: ResultWriter): void {
  switch (one.op) {
    case "range":
      writeChunks(one.body, out);
      return;
    case "put":
      writePrevKv(one.prevKv, out);
      return;
    case "deleteRange":
      writeDeleted(one.deleted, one.prevKvs, out);
  }
}

function innerSize(one: OpResult): number {
  if (one.op === "txn") return 2 + one.result.bytes;
  const header = 3 + varintSize(one.revision);
  switch (one.op) {
    case "range":
      return header + one.body.bytes;
    case "put":
      return header + prevKvSize(one.prevKv);
    case "deleteRange":
      return header + deletedSize(one.deleted) + one.prevKvs.bytes;
  }
}

function prevKvSize(prevKv: Uint8Array | null): number {
  return prevKv === null ? 0 : 1 + varintSize(prevKv.length) + prevKv.length;
}

function deletedSize(deleted: number): number {
  return deleted > 0 ? 1 + varintSize(deleted) : 0;
}
