import { rangeEndSize, writeRangeEnd } from "../../apply/range/range-reader.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { type WireError, WIRE_ERRORS } from "../errors.ts";
import { Code } from "../rpc.ts";

/** The largest message that etcd sends (its MaxSendMsgSize); a gRPC prefix has 32 bits. */
export const MESSAGE_BYTES_MAX = 2 ** 31 - 1;

/** The error of a reply of `bytes`, null when it can be sent. */
export function sendError(bytes: number): WireError | null {
  if (bytes <= MESSAGE_BYTES_MAX) return null;
  const sizes = `${bytes} vs. ${MESSAGE_BYTES_MAX}`;
  const message = `grpc: trying to send message larger than max (${sizes})`;
  return { code: Code.resourceExhausted, message };
}

/** The wire error of a revision that cannot be read. */
export function revisionError(error: "compacted" | "future"): WireError {
  return error === "future" ? WIRE_ERRORS.futureRevision : WIRE_ERRORS.compacted;
}

/** The request with bytes of its own: views of a socket's buffer do not live beyond the call. */
export function copyRequest(request: RangeRequest): RangeRequest {
  return { ...request, key: request.key.slice(), rangeEnd: request.rangeEnd.slice() };
}

/** A tail as bytes: more and count. */
export function rangeTail(more: boolean, count: number): Uint8Array {
  const out = new ByteWriter();
  writeRangeEnd(out, more, count);
  return out.bytes.slice(0, rangeEndSize(more, count));
}
