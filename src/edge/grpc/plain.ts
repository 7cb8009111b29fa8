import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import type { HeaderList } from "../../wire/h2/types.ts";
import type { GrpcConnection } from "./connection.ts";
import type { PlainHandler, PlainRequest } from "./core.ts";

/** What a request costs beyond its text: its record, the stream's, and its turn. */
const requestBytes = 1024;

/** Longest path that the HTTP side is asked for, characters; longer ones are no request of ours. */
const pathMax = 8192;

/** What the HTTP side needs to know of a request that is not gRPC; null when it is not for it. */
export function readPlain(list: HeaderList): PlainRequest | null {
  const method = list.get(":method") ?? "";
  const path = list.get(":path") ?? "/";
  const authority = list.get(":authority") ?? list.get("host") ?? "";
  if (Math.max(method.length, path.length, authority.length) > pathMax) return null;
  // A client that means gRPC gets gRPC's answer, however wrong its subtype.
  if ((list.get("content-type") ?? "").startsWith("application/grpc")) return null;
  return { method, path, authority };
}

/** What a request counts for in the memory of calls until it is answered, bytes. */
export function plainBytes({ method, path, authority }: PlainRequest): number {
  return requestBytes + method.length + path.length + authority.length;
}

/** Lets the HTTP side answer a request that came over HTTP/2 and has ended. */
export function answerPlain(
  handler: PlainHandler,
  connection: GrpcConnection,
  streamId: number,
  request: PlainRequest,
): void {
  handler(request, (status, contentType, body) => {
    if (!connection.plainAnswered(streamId, request)) return;
    const block = encodeConstantBlock([
      [":status", String(status)],
      ["content-type", contentType],
      ["content-length", String(body.length)],
    ]);
    const bare = request.method === "HEAD" || body.length === 0;
    connection.h2.sendHeaders(streamId, block, bare);
    if (!bare) connection.h2.sendData(streamId, body, 0, body.length, true);
    connection.touch();
  });
}
