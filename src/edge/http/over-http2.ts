import type { HttpHandler } from "../../platform/http.ts";
import type { PlainHandler } from "../grpc/core.ts";

/**
 * Lets requests that are not gRPC and came over HTTP/2 reach the routes. etcd answers them 415 on
 * plain ports; that a reader gets `/version` there too takes nothing from anybody.
 */
export function plainOverHttp2(handler: HttpHandler): PlainHandler {
  return (request, respond) => {
    const { method, path, authority } = request;
    handler(
      { method, target: path, host: authority, origin: "", acceptEncoding: "", secure: false },
      (reply) => {
        const type = reply.headers.find(([name]) => name === "Content-Type");
        const { body } = reply;
        const bytes = typeof body === "string" ? utf8(body) : body;
        respond(reply.status, type?.[1] ?? "text/plain; charset=utf-8", bytes);
      },
    );
  };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
