import { lstatSync, unlinkSync } from "node:fs";
import net from "node:net";
import { SharedInput, withSharedInput, writeHighWaterBytes } from "./shared-input.ts";
import type { Address, ByteSocket, Listener, Network, SocketHandler } from "../network.ts";

/** Connections the kernel completes before we accept them; more than one burst of 1,000 clients. */
const listenBacklog = 4096;

/** Settings of the machine's network. */
export interface NodeNetworkOptions {
  /** Accept at most so many sockets per listener; more are closed at once. Default: no limit. */
  readonly maxConnections?: number;
}

/** Byte streams of the operating system: TCP with Nagle's algorithm off, and unix sockets. */
export class NodeNetwork implements Network {
  readonly #options: NodeNetworkOptions;

  constructor(options: NodeNetworkOptions = {}) {
    this.#options = options;
  }

  /** A unix path that holds a socket nobody removed is taken over, as etcd does. */
  listen(
    address: Address,
    accept: (socket: ByteSocket) => void,
    ready: (result: Listener | Error) => void,
  ): void {
    const { maxConnections = Infinity } = this.#options;
    let open = 0;
    const server = net.createServer({
      noDelay: true,
      allowHalfOpen: true,
      pauseOnConnect: true,
      highWaterMark: writeHighWaterBytes,
    });
    server.on("connection", (accepted) => {
      if (open >= maxConnections) return void accepted.destroy();
      open++;
      const input = new SharedInput();
      const socket = withSharedInput(accepted, input);
      socket.once("close", () => open--);
      accept(new NodeSocket(socket, input));
    });
    const fail = (error: NodeJS.ErrnoException): void => ready(describe(error));
    server.once("error", fail);
    server.listen(listenOptions(address), () => {
      server.off("error", fail);
      // Accept errors (EMFILE …) pass; the kernel keeps the connection in its queue.
      server.on("error", () => {});
      ready({ address: boundAddress(server, address), close: () => void server.close() });
    });
  }

  connect(
    address: Address,
    connected: (socket: ByteSocket) => void,
    failed: (error: Error) => void,
  ): void {
    const target =
      address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
    // The types do not know highWaterMark, which net.Socket hands on to its stream.
    const common = { allowHalfOpen: true, noDelay: true, highWaterMark: writeHighWaterBytes };
    const input = new SharedInput();
    const socket = net.connect({ ...target, ...common, onread: input });
    const fail = (error: NodeJS.ErrnoException): void => failed(describe(error));
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      connected(new NodeSocket(socket, input));
    });
  }
}

/**
 * One socket of the operating system. A write that it takes at once is finished inside `write`:
 * `queuedBytes() === 0` afterwards means that the buffer may be used again.
 */
export class NodeSocket implements ByteSocket {
  readonly remoteAddress: string;
  readonly copiesOnWrite = true;
  readonly #socket: net.Socket;
  readonly #input: SharedInput;
  #handler: SocketHandler | null = null;
  #error: string | null = null;
  /** Handed past the stream's queue, and not yet taken by the operating system, bytes. */
  #inFlightBytes = 0;
  #owesDrain = false;

  constructor(socket: net.Socket, input: SharedInput) {
    this.#socket = socket;
    this.#input = input;
    this.remoteAddress = peerName(socket);
    // Until `attach`, and between destroy and close, an error must not end the process.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
  }

  attach(handler: SocketHandler): void {
    const socket = this.#socket;
    this.#input.handler = handler;
    this.#handler = handler;
    socket.on("drain", () => handler.onDrain());
    socket.on("end", () => handler.onEnd());
    socket.on("close", () => handler.onClose(this.#error));
    socket.resume();
  }

  /**
   * What finds the queue empty goes past it: `Writable.write` keeps account of a queue and calls
   * back in a later tick, 8 % of a small request's CPU (docs/decisions/0005-shared-read-buffer.md).
   */
  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    if (this.queuedBytes() > 0) return socket.write(bytes);
    this.#inFlightBytes = bytes.length;
    socket._write(bytes, "buffer" as BufferEncoding, this.#written);
    this.#owesDrain = this.#inFlightBytes > writeHighWaterBytes;
    return !this.#owesDrain;
  }

  readonly #written = (error?: Error | null): void => {
    this.#inFlightBytes = 0;
    if (error) return void this.#socket.destroy(error);
    if (!this.#owesDrain) return;
    this.#owesDrain = false;
    this.#handler?.onDrain();
  };

  queuedBytes(): number {
    return this.#inFlightBytes + this.#socket.writableLength;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function peerName(socket: net.Socket): string {
  const { remoteAddress, remotePort, remoteFamily } = socket;
  if (remoteAddress === undefined) return "@";
  return remoteFamily === "IPv6"
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}

function listenOptions(address: Address): net.ListenOptions {
  if (address.kind === "tcp") {
    return { host: address.host, port: address.port, backlog: listenBacklog };
  }
  removeStaleSocket(address.path);
  return { path: address.path, backlog: listenBacklog };
}

function removeStaleSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch {
    // Missing: nothing to do. Anything else: listen reports it.
  }
}

function boundAddress(server: net.Server, asked: Address): Address {
  const bound = server.address();
  if (asked.kind === "unix" || bound === null || typeof bound === "string") return asked;
  return { kind: "tcp", host: asked.host, port: bound.port };
}

/** The error with its POSIX code in front, e.g. `EADDRINUSE listen 127.0.0.1:2379: …`. */
function describe(error: NodeJS.ErrnoException): Error {
  const code = error.code ?? "EIO";
  const place = "address" in error && "port" in error ? ` ${error.address}:${error.port}` : "";
  return new Error(`${code} ${error.syscall ?? ""}${place}: ${error.message}`, { cause: error });
}
