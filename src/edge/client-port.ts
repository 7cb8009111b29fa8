import type { Clock, TimerHandle } from "../platform/clock.ts";
import type { Address, ByteSocket, Listener, Network } from "../platform/network.ts";
import { Sniffer, type SnifferOwner, type Takeover } from "./sniffer.ts";

/** From accept to enough bytes to tell the protocol, ms; grpc-go's time for a handshake. */
export const sniffMs = 120_000;

/**
 * Connections that have not said what they are. One more closes the oldest of them: half-open
 * sockets must not crowd out clients.
 */
export const undecidedMax = 4096;

/** How often the undecided are looked at, ms. */
const sweepMs = 5000;

/** Who serves what arrives on a port. */
export interface ClientPortOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly http2: Takeover;
  /** Absent: HTTP/2 only (`--listen-client-http-urls` moves HTTP elsewhere). */
  readonly http1?: Takeover;
}

/** A listening address that serves HTTP/2 with prior knowledge and HTTP/1.1, by the first bytes. */
export class ClientPort implements SnifferOwner {
  readonly http2: Takeover;
  readonly http1: Takeover | null;
  readonly #network: Network;
  readonly #clock: Clock;
  /** Undecided connections, oldest first, with the time of their accept. */
  readonly #undecided = new Map<Sniffer, number>();
  #timer: TimerHandle | null = null;
  #listener: Listener | null = null;
  #closed = false;

  constructor(options: ClientPortOptions) {
    this.#network = options.network;
    this.#clock = options.clock;
    this.http2 = options.http2;
    this.http1 = options.http1 ?? null;
  }

  /** Calls `ready` once, with the address that is listened on or with the reason why not. */
  listen(address: Address, ready: (result: Address | Error) => void): void {
    const accept = (socket: ByteSocket): void => this.#accept(socket);
    this.#network.listen(address, accept, (result) => {
      if (result instanceof Error) return ready(result);
      if (this.#closed) result.close();
      else this.#listener = result;
      ready(result.address);
    });
  }

  /** Stops listening and closes what is undecided; connections that were handed over go on. */
  close(): void {
    this.#closed = true;
    this.#listener?.close();
    this.#listener = null;
    for (const sniffer of [...this.#undecided.keys()]) sniffer.drop();
    if (this.#timer !== null) this.#clock.cancelTimer(this.#timer);
    this.#timer = null;
  }

  decided(sniffer: Sniffer): void {
    this.#undecided.delete(sniffer);
  }

  #accept(socket: ByteSocket): void {
    if (this.#closed) return socket.destroy();
    const sniffer = new Sniffer(this, socket);
    if (this.#undecided.size >= undecidedMax) {
      const [oldest] = this.#undecided.keys();
      oldest?.drop();
    }
    this.#undecided.set(sniffer, this.#clock.monotonicMs());
    this.#timer ??= this.#clock.startTimer(sweepMs, this.#sweep);
    socket.attach(sniffer);
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
