import type { ByteSocket, SocketHandler } from "../platform/network.ts";

/** What an HTTP/2 client with prior knowledge sends first (RFC 9113 §3.4). */
export const HTTP2_PREFACE = Uint8Array.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (c) =>
  c.charCodeAt(0),
);

/** Longest request line of HTTP/1, bytes: twice what etcd's multiplexer looks at. */
const requestLineMaxBytes = 8192;

const lineFeed = 10;

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
  /** What came when it is not HTTP/2, until the end of the first line. */
  #line: Uint8Array | null = null;
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
    if (this.#line === null && (at === end || at === HTTP2_PREFACE.length)) {
      this.#matched = at;
      if (at < HTTP2_PREFACE.length) return;
      const seen = before === 0 ? chunk : concat(HTTP2_PREFACE.subarray(0, before), chunk);
      this.#handOver(this.#owner.http2, seen);
      return;
    }
    this.#other(chunk);
  }

  /** Not HTTP/2: a first line that names HTTP/1 decides, anything else is cut off, as in etcd. */
  #other(chunk: Uint8Array): void {
    this.#line = concat(this.#line ?? HTTP2_PREFACE.subarray(0, this.#matched), chunk);
    const cut = this.#line.indexOf(lineFeed);
    const tooLong = cut < 0 && this.#line.length > requestLineMaxBytes;
    if (this.#owner.http1 === null || tooLong) return this.drop();
    if (cut < 0) return;
    let line = "";
    for (let i = 0; i < Math.min(cut, requestLineMaxBytes); i++) {
      line += String.fromCharCode(this.#line[i]);
    }
    if (!/^[^ ]+ [^ ]+ HTTP\/1\.[0-9]\r?$/.test(line)) return this.drop();
    this.#handOver(this.#owner.http1, this.#line);
  }

  #handOver(take: Takeover, seen: Uint8Array): void {
    const target = take(this.#socket);
    if (target === null) return this.drop();
    this.#target = target;
    this.#line = null;
    this.#owner.decided(this);
    target.onData(seen);
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
