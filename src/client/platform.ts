/** Names one pending timer. */
export type TimerHandle = number;

/** Where to connect. */
export type Target =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** How a TLS connection proves both sides. PEM texts. */
export interface TlsOptions {
  /** Authorities to trust; the system's when absent. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Name to check the server's certificate against; the host when absent. */
  readonly serverName?: string;
  /** Accept any certificate. For tests only. */
  readonly insecureSkipVerify?: boolean;
}

/** What a socket tells its owner. Nothing is called after `onClose`. */
export interface SocketHandler {
  /** Connected, and with TLS the handshake is done. */
  onOpen(): void;
  /** `chunk` is valid only during the call. */
  onData(chunk: Uint8Array): void;
  /** After a `write` that returned false: the queue is empty again. */
  onDrain(): void;
  /** The socket is gone or never was; `error` is a short reason. */
  onClose(error: string): void;
}

/** A byte stream to one endpoint. */
export interface ClientSocket {
  /** Queues bytes, which must not change afterwards; false when the queue is over its mark. */
  write(bytes: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Closes at once; `onClose` follows. */
  destroy(): void;
}

/** All that the client needs of the outside; `node-socket.ts` is the real one. */
export interface ClientPlatform {
  /** Milliseconds since an arbitrary origin, never going back. */
  monotonicMs(): number;
  /** Any delay, Infinity included. */
  startTimer(delayMs: number, callback: () => void): TimerHandle;
  cancelTimer(handle: TimerHandle): void;
  /** Calls back once, after what is due now was delivered; the end of a tick. */
  defer(callback: () => void): void;
  /** Uniform over [0, 1). */
  random(): number;
  /** Returns at once; `tls` null means plain text. */
  connect(target: Target, tls: TlsOptions | null, handler: SocketHandler): ClientSocket;
}
