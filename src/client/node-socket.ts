import { connect as netConnect } from "node:net";
import type { Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import type {
  ClientPlatform,
  ClientSocket,
  SocketHandler,
  Target,
  TimerHandle,
  TlsOptions,
} from "./platform.ts";

/** One read of a plain socket; larger than a few dozen replies, small against a process. */
const READ_BUFFER_BYTES = 64 * 1024;
/** Node turns longer delays into 1 ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;

function wire(socket: Socket, openEvent: string, handler: SocketHandler): ClientSocket {
  let reason = "closed by the server";
  socket.setNoDelay(true);
  socket.on(openEvent, () => handler.onOpen());
  socket.on("drain", () => handler.onDrain());
  socket.on("error", (error) => {
    reason = error.message;
  });
  socket.on("close", () => handler.onClose(reason));
  return {
    write: (bytes) => socket.write(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => {
      socket.destroy();
    },
  };
}

function place(target: Target): { host: string; port: number } | { path: string } {
  return target.kind === "unix" ? { path: target.path } : { host: target.host, port: target.port };
}

function connectPlain(target: Target, handler: SocketHandler): ClientSocket {
  const onread = {
    buffer: new Uint8Array(READ_BUFFER_BYTES),
    callback: (length: number, buffer: Uint8Array) => {
      handler.onData(buffer.subarray(0, length));
      return true;
    },
  };
  return wire(netConnect({ ...place(target), onread }), "connect", handler);
}

function connectTls(target: Target, tls: TlsOptions, handler: SocketHandler): ClientSocket {
  const options: ConnectionOptions = { ...place(target), ALPNProtocols: ["h2"] };
  const host = target.kind === "tcp" ? target.host : "localhost";
  const name = tls.serverName ?? host;
  // Server name indication carries names only, never addresses (RFC 6066 §3).
  if (!/^[0-9.]+$|:/.test(name)) options.servername = name;
  else options.host = name;
  if (target.kind === "tcp") options.host = target.host;
  if (tls.ca !== undefined) options.ca = tls.ca;
  if (tls.cert !== undefined) options.cert = tls.cert;
  if (tls.key !== undefined) options.key = tls.key;
  if (tls.insecureSkipVerify === true) options.rejectUnauthorized = false;
  const socket = tlsConnect(options);
  const wired = wire(socket, "secureConnect", handler);
  socket.on("data", (chunk) => handler.onData(chunk));
  return wired;
}

/** Node's timers, for delays of any length. */
class Timers {
  readonly #timers = new Map<TimerHandle, NodeJS.Timeout>();
  #lastHandle = 0;

  start(delayMs: number, callback: () => void): TimerHandle {
    const handle = ++this.#lastHandle;
    this.#arm(handle, delayMs, callback);
    return handle;
  }

  cancel(handle: TimerHandle): void {
    clearTimeout(this.#timers.get(handle));
    this.#timers.delete(handle);
  }

  #arm(handle: TimerHandle, delayMs: number, callback: () => void): void {
    const laterMs = delayMs - DELAY_MS_MAX;
    const timer = setTimeout(
      () => {
        if (laterMs > 0) return this.#arm(handle, laterMs, callback);
        this.#timers.delete(handle);
        callback();
      },
      Math.min(delayMs, DELAY_MS_MAX),
    );
    this.#timers.set(handle, timer);
  }
}

/** The real outside: Node's sockets, TLS and timers. */
export function nodePlatform(): ClientPlatform {
  const timers = new Timers();
  return {
    monotonicMs: () => performance.now(),
    startTimer: (delayMs, callback) => timers.start(delayMs, callback),
    cancelTimer: (handle) => timers.cancel(handle),
    defer: (callback) => {
      setImmediate(callback);
    },
    random: () => Math.random(),
    connect: (target, tls, handler) =>
      tls === null ? connectPlain(target, handler) : connectTls(target, tls, handler),
  };
}
