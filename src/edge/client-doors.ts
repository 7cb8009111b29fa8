import type { Clock, TimerHandle } from "../platform/clock.ts";
import type { HttpServer } from "../platform/http.ts";
import type { ByteSocket, SocketHandler } from "../platform/network.ts";
import type { GrpcDoor } from "./grpc/door.ts";
import { Sniffer, type SnifferOwner } from "./sniffer.ts";

/** From accept to enough bytes to tell the protocol, ms; grpc-go's time for a handshake. */
export const sniffMs = 120_000;

/**
 * Connections that have not said what they are. One more closes the oldest of them: half-open
 * sockets must not crowd out clients.
 */
export const undecidedMax = 4096;

/** How often the undecided are looked at, ms. */
const sweepMs = 5000;

/** Who serves what arrives. */
export interface ClientDoorsOptions {
  readonly clock: Clock;
  readonly grpc: GrpcDoor;
  /** Null: HTTP/2 only (`--listen-client-http-urls` moves HTTP elsewhere). */
  readonly http: HttpServer | null;
}

/** What is behind a client port: gRPC and HTTP/1.1, told apart by the first bytes. */
export class ClientDoors implements SnifferOwner {
  readonly #clock: Clock;
  readonly #grpc: GrpcDoor;
  readonly #http: HttpServer | null;
  /** Undecided connections, oldest first, with the time of their accept. */
  readonly #undecided = new Map<Sniffer, number>();
  #timer: TimerHandle | null = null;
  #closed = false;

  constructor(options: ClientDoorsOptions) {
    this.#clock = options.clock;
    this.#grpc = options.grpc;
    this.#http = options.http;
  }

  /** Takes over a socket that was just accepted; null when it should be closed. */
  accept(socket: ByteSocket): SocketHandler | null {
    if (this.#closed) return null;
    const sniffer = new Sniffer(this, socket);
    if (this.#undecided.size >= undecidedMax) {
      const [oldest] = this.#undecided.keys();
      oldest?.drop();
    }
    this.#undecided.set(sniffer, this.#clock.monotonicMs());
    this.#timer ??= this.#clock.startTimer(sweepMs, this.#sweep);
    return sniffer;
  }

  /** Takes nothing new; `drained` is called when the last gRPC connection has gone. */
  shutdown(drained: () => void): void {
    this.#stop();
    this.#grpc.shutdown(drained);
  }

  /** Cuts every connection. */
  close(): void {
    this.#stop();
    this.#grpc.close();
    this.#http?.close();
  }

  takeHttp2(socket: ByteSocket): SocketHandler | null {
    return this.#grpc.accept(socket);
  }

  takeHttp1(socket: ByteSocket): SocketHandler | null {
    return this.#http === null ? null : this.#http.accept(socket);
  }

  decided(sniffer: Sniffer): void {
    this.#undecided.delete(sniffer);
  }

  #stop(): void {
    this.#closed = true;
    for (const sniffer of [...this.#undecided.keys()]) sniffer.drop();
    if (this.#timer !== null) this.#clock.cancelTimer(this.#timer);
    this.#timer = null;
  }

  readonly #sweep = (): void => {
    this.#timer = null;
    const oldestMs = this.#clock.monotonicMs() - sniffMs;
    for (const [sniffer, acceptedMs] of this.#undecided) {
      if (acceptedMs > oldestMs) break;
      sniffer.drop();
    }
    if (this.#undecided.size > 0) this.#timer = this.#clock.startTimer(sweepMs, this.#sweep);
  };
}
