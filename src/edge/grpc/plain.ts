import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import type { HeaderList } from "../../wire/h2/types.ts";
import type { GrpcConnection } from "./connection.ts";
import type { PlainHandler } from "./core.ts";

/** Lets the HTTP side answer a request that came over HTTP/2 and is not gRPC. */
export function answerPlain(
  handler: PlainHandler,
  connection: GrpcConnection,
  streamId: number,
  list: HeaderList,
): void {
  const method = list.get(":method") ?? "";
  const request = {
    method,
    path: list.get(":path") ?? "/",
    authority: list.get(":authority") ?? list.get("host") ?? "",
  };
  handler(request, (status, contentType, body) => {
    const block = encodeConstantBlock([
      [":status", String(status)],
      ["content-type", contentType],
      ["content-length", String(body.length)],
    ]);
    const bare = method === "HEAD" || body.length === 0;
    connection.h2.sendHeaders(streamId, block, bare);
    if (!bare) connection.h2.sendData(streamId, body, 0, body.length, true);
    connection.touch();
  });
}
