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

/** The real outside: Node's sockets, TLS and timers. */
export function nodePlatform(): ClientPlatform {
  const timers = new Map<TimerHandle, NodeJS.Timeout>();
  let lastHandle = 0;
  return {
    monotonicMs: () => performance.now(),
    startTimer: (delayMs, callback) => {
      const handle = ++lastHandle;
      const timer = setTimeout(() => {
        timers.delete(handle);
        callback();
      }, delayMs);
      timers.set(handle, timer);
      return handle;
    },
    cancelTimer: (handle) => {
      clearTimeout(timers.get(handle));
      timers.delete(handle);
    },
    defer: (callback) => {
      setImmediate(callback);
    },
    random: () => Math.random(),
    connect: (target, tls, handler) =>
      tls === null ? connectPlain(target, handler) : connectTls(target, tls, handler),
  };
}
