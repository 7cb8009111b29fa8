/** host: IP or name; or a unix socket path. */
export type Address =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What the owner of a socket is told. Nothing is called after `onClose`. */
export interface SocketHandler {
  /** `chunk` is lent: whoever keeps some of it beyond the call copies it. */
  onData(chunk: Uint8Array): void;
  /** After a `write` that returned false: the queue is empty again. */
  onDrain(): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** The socket is gone; `error` is a short text, or null after an orderly close. */
  onClose(error: string | null): void;
}

/** A connected byte stream. */
export interface ByteSocket {
  readonly remoteAddress: string;
  /**
   * True: what a `write` could hand on at once is no longer needed when it returns, so a buffer may
   * be used again as soon as `queuedBytes()` is 0. Otherwise buffers belong to the socket for good.
   */
  readonly copiesOnWrite?: boolean;
  /** Must be called in the turn in which the socket was handed over. */
  attach(handler: SocketHandler): void;
  /**
   * Queues bytes, which must not change afterwards; false when the queue is over its high-water
   * mark.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes queued and not yet handed to the operating system. */
  queuedBytes(): number;
  /** Stops and restarts delivery of data. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once, what is queued is lost. */
  destroy(): void;
}

/** A listening address. */
export interface Listener {
  readonly address: Address;
  /** Stops accepting; open sockets go on. */
  close(): void;
}

/** Byte streams between addresses. */
export interface Network {
  /**
   * Calls `ready` once: with a listener, or with the reason as text with POSIX code (`EADDRINUSE
   * …`).
   */
  listen(
    address: Address,
    accept: (socket: ByteSocket) => void,
    ready: (result: Listener | Error) => void,
  ): void;
  /** Returns at once; a failure arrives as `onClose`, success as `connected`. */
  connect(
    address: Address,
    connected: (socket: ByteSocket) => void,
    failed: (error: Error) => void,
  ): void;
}
