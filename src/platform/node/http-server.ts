import http from "node:http";
import { Duplex } from "node:stream";
import type { Clock, TimerHandle } from "../clock.ts";
import type { HttpHandler, HttpRequest, HttpServer } from "../http.ts";
import type { ByteSocket, SocketHandler } from "../network.ts";
import { SharedTurns } from "../shared-turns.ts";

/** Connections of HTTP/1.1 at a time: browsers, probes and scrapers, not the load. */
export const httpConnectionsMax = 4096;

/** A connection without a request under way is closed after this, ms (etcd's ReadHeaderTimeout). */
export const httpIdleMs = 300_000;

/** How often idle connections are looked for, ms. */
const sweepMs = 30_000;

/** Request line and headers together, bytes; Go's default is 1 MiB, no client needs a tenth. */
const headerMaxBytes = 64 * 1024;

/**
 * Bytes given to the parser at a time. It makes requests of all it is given, before one is
 * answered: a chunk of 64 KiB holds two thousand, and as many answers of `/metrics` are 40 MB. The
 * smallest requests in so much take half a millisecond.
 */
const sliceBytes = 1024;

/** Serves HTTP/1.1 through Node's own parser and server. */
export class NodeHttpServer implements HttpServer {
  readonly #server: http.Server;
  readonly #clock: Clock;
  readonly #turns: SharedTurns;
  readonly #connections = new Set<SocketStream>();
  #timer: TimerHandle | null = null;
  #closed = false;

  constructor(handler: HttpHandler, clock: Clock) {
    this.#clock = clock;
    this.#turns = new SharedTurns(clock);
    this.#server = http.createServer(
      { maxHeaderSize: headerMaxBytes, keepAliveTimeout: 0, requestTimeout: 0 },
      (request, response) => this.#serve(handler, request, response),
    );
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      refuse(socket, error.code === "HPE_HEADER_OVERFLOW" ? headersTooLarge : "400 Bad Request");
    });
  }

  /** Open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Takes over a socket; its first bytes come to the handler that is returned. Null: no room. */
  accept(socket: ByteSocket): SocketHandler | null {
    if (this.#closed || this.#connections.size >= httpConnectionsMax) return null;
    const gone = (): void => void this.#connections.delete(stream);
    const stream: SocketStream = new SocketStream(socket, this.#clock, this.#turns, gone);
    this.#connections.add(stream);
    this.#timer ??= this.#clock.startTimer(sweepMs, this.#sweep);
    this.#server.emit("connection", stream);
    return stream.handler;
  }

  /** Closes every connection. */
  close(): void {
    this.#closed = true;
    for (const stream of [...this.#connections]) stream.kill();
    if (this.#timer !== null) this.#clock.cancelTimer(this.#timer);
    this.#timer = null;
  }

  #serve(handler: HttpHandler, request: http.IncomingMessage, response: http.ServerResponse): void {
    const stream = request.socket as unknown as SocketStream;
    // Bodies are of no interest to these routes; unread they would block the connection.
    request.resume();
    stream.serve(() => {
      const wrongHost = judgeHost(request.rawHeaders);
      if (wrongHost !== null) return refuse(stream, wrongHost);
      response.once("close", () => stream.served());
      handler(toRequest(request), (reply) => {
        if (response.headersSent || response.destroyed) return;
        const bytes = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
        const headers = reply.headers.flat();
        response.writeHead(reply.status, [...headers, "Content-Length", String(bytes.length)]);
        response.end(bytes);
      });
    });
  }

  readonly #sweep = (): void => {
    this.#timer = null;
    const oldestMs = this.#clock.monotonicMs() - httpIdleMs;
    for (const stream of [...this.#connections]) {
      if (!stream.busy && stream.idleSinceMs < oldestMs) stream.kill();
    }
    if (this.#connections.size > 0) this.#timer = this.#clock.startTimer(sweepMs, this.#sweep);
  };
}

function toRequest(request: http.IncomingMessage): HttpRequest {
  const { headers } = request;
  const encoding = headers["accept-encoding"] ?? "";
  // RFC 9112 §3.2.2: a target may be absolute; its authority then counts instead of Host.
  const url = request.url ?? "/";
  const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(url);
  const rest = absolute?.[2] ?? url;
  return {
    method: request.method ?? "",
    target: absolute !== null && !rest.startsWith("/") ? `/${rest}` : rest,
    host: absolute?.[1] ?? headers.host ?? "",
    origin: headers.origin ?? "",
    acceptEncoding: Array.isArray(encoding) ? encoding.join(",") : encoding,
    secure: false,
  };
}

const headersTooLarge = "431 Request Header Fields Too Large";

/** Answers in the manner of Go's server what is no request for anybody, and closes. */
function refuse(socket: Duplex, status: string): void {
  if (!socket.writable) return void socket.destroy();
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Connection: close\r\n\r\n${status}`,
  );
}

/**
 * Null when at most one host is named and it has no character that a host cannot have, else the
 * status: which of two hosts is meant must not be left to chance (RFC 9112 §3.2).
 */
function judgeHost(rawHeaders: readonly string[]): string | null {
  let seen = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "host") continue;
    if (++seen > 1) return "400 Bad Request";
    if (/[^!$%&'()*+,\-.0-9:;=@A-Z[\]_a-z~]/.test(rawHeaders[i + 1] ?? "")) {
      return "400 Bad Request: malformed Host header";
    }
  }
  return null;
}

/**
 * A socket of the seam as a stream of Node. Its requests are served one after the other, each in a
 * turn of the event loop of its own, which it shares with other connections, and nothing is read
 * while one waits: a client that sends many and reads no answer holds up itself and nobody else.
 */
class SocketStream extends Duplex {
  readonly handler: SocketHandler;
  idleSinceMs: number;
  readonly #socket: ByteSocket;
  readonly #clock: Clock;
  readonly #turns: SharedTurns;
  /** Requests that were read and not yet begun; at most what fits into a slice. */
  #jobs: (() => void)[] = [];
  #serving = false;
  /** What arrived and was not given to the parser. */
  #held: Uint8Array | null = null;
  /** The client sends no more; the parser is told when all it sent is answered. */
  #ended = false;
  #endTold = false;
  #turnDue = false;
  #waiting: ((error?: Error | null) => void) | null = null;

  /** `gone` is called when the socket itself is closed, which can be later than the stream. */
  constructor(socket: ByteSocket, clock: Clock, turns: SharedTurns, gone: () => void) {
    super({ allowHalfOpen: true });
    this.#turns = turns;
    this.#socket = socket;
    this.#clock = clock;
    this.idleSinceMs = clock.monotonicMs();
    this.handler = {
      onData: (chunk) => this.#hold(chunk),
      onDrain: () => this.#drained(),
      onEnd: () => {
        this.#ended = true;
        this.#tellEnd();
      },
      onClose: () => {
        gone();
        this.destroy();
      },
    };
  }

  /** A request is under way or waits. */
  get busy(): boolean {
    return this.#serving || this.#jobs.length > 0;
  }

  /** Calls `job` when the requests before it are answered. */
  serve(job: () => void): void {
    this.#jobs.push(job);
    if (!this.#serving) this.#nextTurn();
  }

  /** The request that is under way is answered. */
  served(): void {
    this.#serving = false;
    this.idleSinceMs = this.#clock.monotonicMs();
    this.#nextTurn();
  }

  #nextTurn(): void {
    if (this.#turnDue) return;
    this.#turnDue = true;
    this.#turns.add(() => this.#turn());
  }

  #turn(): void {
    this.#turnDue = false;
    if (this.destroyed) {
      this.#jobs = [];
      this.#held = null;
      return;
    }
    if (this.#serving) return;
    const job = this.#jobs.shift();
    if (job === undefined) return this.#feed();
    this.#serving = true;
    job();
  }

  #hold(chunk: Uint8Array): void {
    if (this.destroyed) return;
    this.#held = Buffer.concat(this.#held === null ? [chunk] : [this.#held, chunk]);
    this.#socket.pause();
    if (!this.busy) this.#nextTurn();
  }

  /** Gives a slice to the parser, which may make requests of it. */
  #feed(): void {
    const held = this.#held;
    if (held === null) return this.#tellEnd();
    this.#held = held.length > sliceBytes ? held.subarray(sliceBytes) : null;
    const wantsMore = this.push(held.subarray(0, sliceBytes));
    if (this.#held !== null) return this.#nextTurn();
    if (this.#ended) this.#tellEnd();
    else if (wantsMore) this.#socket.resume();
  }

  /**
   * A client may close its side when it has asked (`nc -N` does), and gets its answers all the
   * same, as from Go's server. Node's drops what is not answered when it hears of the end.
   */
  #tellEnd(): void {
    if (!this.#ended || this.#endTold || this.#held !== null) return;
    if (this.busy || this.readableLength > 0) return;
    this.#endTold = true;
    this.push(null);
  }

  /** Closes the socket at once, whatever it still has to send. */
  kill(): void {
    this.#socket.destroy();
    this.destroy();
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress;
  }

  /** Node sets timeouts on sockets; the sweep does their work. */
  setTimeout(): this {
    return this;
  }

  override _read(): void {
    if (this.#ended) this.#tellEnd();
    else if (this.#held === null) this.#socket.resume();
  }

  override _write(
    chunk: Buffer,
    _encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    if (this.#socket.write(chunk)) done();
    else this.#waiting = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // After an orderly end the socket still sends its queue and closes by itself.
    if (error !== null || !this.writableFinished || !this.readableEnded) this.#socket.destroy();
    this.#drained();
    done(error);
  }

  #drained(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }
}
