import { encodeConstantBlock } from "../h2/hpack/encoder.ts";
import { encodeGrpcMessage } from "./status.ts";

const grpcContentType = "application/grpc";

/**
 * Distinct error trailers that are kept encoded; texts of the protocol are few, hostile ones many.
 */
const cachedBlocksMax = 512;

/** Header block of a reply that has messages. */
export function headerBlock(contentType: string, encoding: string | null): Uint8Array {
  const fields: [string, string][] = [
    [":status", "200"],
    ["content-type", contentType],
  ];
  if (encoding !== null) fields.push(["grpc-encoding", encoding]);
  return encodeConstantBlock(fields);
}

/** Header block of an ordinary reply. */
export const plainHeaderBlock: Uint8Array = headerBlock(grpcContentType, null);

/** Trailer block of a call that went well. */
export const okTrailerBlock: Uint8Array = encodeConstantBlock([["grpc-status", "0"]]);

/** Blocks that end calls with an error, encoded once for each pair of code and message. */
export class StatusBlocks {
  readonly #trailers = new Map<string, Uint8Array>();
  readonly #aborts = new Map<string, Uint8Array>();

  /** Trailers after headers were sent. */
  trailers(code: number, message: string): Uint8Array {
    return this.#cached(this.#trailers, `${code} ${message}`, () => statusFields(code, message));
  }

  /**
   * Trailers-only reply: the one block is header and trailer (gRPC over HTTP/2, "Trailers-Only").
   */
  trailersOnly(code: number, message: string, httpStatus = 200): Uint8Array {
    return this.#cached(this.#aborts, `${httpStatus} ${code} ${message}`, () => [
      [":status", String(httpStatus)],
      ["content-type", grpcContentType],
      ...statusFields(code, message),
    ]);
  }

  #cached(
    cache: Map<string, Uint8Array>,
    key: string,
    fields: () => readonly (readonly [string, string])[],
  ): Uint8Array {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const block = encodeConstantBlock(fields());
    if (cache.size >= cachedBlocksMax) cache.clear();
    cache.set(key, block);
    return block;
  }
}

function statusFields(code: number, message: string): readonly (readonly [string, string])[] {
  return [
    ["grpc-status", String(code)],
    ["grpc-message", encodeGrpcMessage(message)],
  ];
}
