import type { Clock } from "./clock.ts";
import type { ByteSocket, SocketHandler } from "./network.ts";

/** An HTTP request without its body, whatever brought it. */
export interface HttpRequest {
  readonly method: string;
  /** With query. */
  readonly target: string;
  /** Value of `Host` or `:authority`; empty when absent. */
  readonly host: string;
  readonly origin: string;
  readonly acceptEncoding: string;
  /** True when it came over TLS. */
  readonly secure: boolean;
}

/** A whole reply; the server adds length and date. */
export interface HttpReply {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array;
}

/** Answers a request; `respond` is called once, now or later. */
export type HttpHandler = (request: HttpRequest, respond: (reply: HttpReply) => void) => void;

/** Serves HTTP/1.1 on sockets that others have accepted. */
export interface HttpServer {
  /** Open connections. */
  readonly connections: number;
  /** Takes over a socket; its first bytes go to the handler that is returned. Null: no room. */
  accept(socket: ByteSocket): SocketHandler | null;
  /** Closes every connection. */
  close(): void;
}

/** Makes a server. */
export type HttpServerFactory = (handler: HttpHandler, clock: Clock) => HttpServer;
