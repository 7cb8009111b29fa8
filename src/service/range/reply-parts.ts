import { rangeEndSize, writeRangeEnd } from "../../apply/range/range-reader.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { type WireError, WIRE_ERRORS } from "../errors.ts";

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
