import type { HttpReply } from "../../platform/http.ts";

const plainText = "text/plain; charset=utf-8";

/** Go's `http.Error`: plain text that no browser may sniff, with a line end. */
export function errorReply(status: number, text: string): HttpReply {
  return {
    status,
    headers: [
      ["Content-Type", plainText],
      ["X-Content-Type-Options", "nosniff"],
    ],
    body: `${text}\n`,
  };
}

/** 200 with text that Go would have sniffed as such. */
export function textReply(body: string): HttpReply {
  return { status: 200, headers: [["Content-Type", plainText]], body };
}

/** A JSON body, without a line end. */
export function jsonReply(status: number, body: string): HttpReply {
  return { status, headers: [["Content-Type", "application/json"]], body };
}

/** What a GET-only path answers to other methods, HEAD included. */
export function methodNotAllowed(): HttpReply {
  const reply = errorReply(405, "Method Not Allowed");
  return { ...reply, headers: [["Allow", "GET"], ...reply.headers] };
}

/** What Go's mux says of a path that nobody serves. */
export function notFound(): HttpReply {
  return errorReply(404, "404 page not found");
}
