import type { ByteSocket, SocketHandler } from "../platform/network.ts";

/** What an HTTP/2 client with prior knowledge sends first (RFC 9113 §3.4). */
export const HTTP2_PREFACE = Uint8Array.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (c) =>
  c.charCodeAt(0),
);

/** Takes over a socket from its first bytes on; null: no room, close it. */
export type Takeover = (socket: ByteSocket) => SocketHandler | null;

/** Who is waiting for the first bytes of whom. */
export interface SnifferOwner {
  readonly http2: Takeover;
  /** Null when only HTTP/2 is served. */
  readonly http1: Takeover | null;
  /** The sniffer has decided, or its socket is gone. */
  decided(sniffer: Sniffer): void;
}

/**
 * Reads the first bytes of a connection, finds out which protocol it speaks, and from then on hands
 * everything to the one who serves that.
 */
export class Sniffer implements SocketHandler {
  readonly remoteAddress: string;
  readonly #owner: SnifferOwner;
  readonly #socket: ByteSocket;
  #target: SocketHandler | null = null;
  /** Bytes of the preface seen so far. */
  #matched = 0;
  #gone = false;

  constructor(owner: SnifferOwner, socket: ByteSocket) {
    this.#owner = owner;
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress;
  }

  onData(chunk: Uint8Array): void {
    if (this.#target !== null) this.#target.onData(chunk);
    else if (!this.#gone) this.#sniff(chunk);
  }

  onDrain(): void {
    this.#target?.onDrain();
  }

  onEnd(): void {
    if (this.#target !== null) this.#target.onEnd();
    else this.drop();
  }

  onClose(error: string | null): void {
    if (this.#target !== null) this.#target.onClose(error);
    else this.drop();
  }

  /** Closes a connection that has not said enough. */
  drop(): void {
    if (this.#gone || this.#target !== null) return;
    this.#gone = true;
    this.#owner.decided(this);
    this.#socket.destroy();
  }

  #sniff(chunk: Uint8Array): void {
    const before = this.#matched;
    let at = before;
    const end = Math.min(HTTP2_PREFACE.length, before + chunk.length);
    while (at < end && chunk[at - before] === HTTP2_PREFACE[at]) at++;
    this.#matched = at;
    if (at === HTTP2_PREFACE.length) this.#handOver(this.#owner.http2, before, chunk);
    else if (at < end) this.#other(before, chunk);
  }

  #other(before: number, chunk: Uint8Array): void {
    if (this.#owner.http1 === null) this.drop();
    else this.#handOver(this.#owner.http1, before, chunk);
  }

  #handOver(take: Takeover, before: number, chunk: Uint8Array): void {
    const target = take(this.#socket);
    if (target === null) return this.drop();
    this.#target = target;
    this.#owner.decided(this);
    if (before > 0) target.onData(HTTP2_PREFACE.slice(0, before));
    target.onData(chunk);
  }
}
