import net from "node:net";
import type { SocketHandler } from "../network.ts";

/**
 * Bytes queued in the process before `write` returns false. Enough to keep a fast reader busy for a
 * tick (2 Gbit/s over 1 ms); what a reader that stalls costs above its HTTP/2 window.
 */
export const writeHighWaterBytes = 256 * 1024;

/** The most that one read of a socket brings, as Node's own reads. */
const readBytes = 64 * 1024;

/** Every socket reads into it; what arrived is lent to the handler until the next read. */
const shared = Buffer.allocUnsafeSlow(readBytes);

/** Views of the first bytes are kept up to this length: requests come in few sizes. */
const keptViewBytes = 2048;

/** `views[n]`: the first n bytes. Making one anew costs as much as parsing a frame. */
const views: (Uint8Array | undefined)[] = new Array(keptViewBytes + 1).fill(undefined);

function firstBytes(length: number): Uint8Array {
  const view = views[length];
  if (view !== undefined) return view;
  const made = new Uint8Array(shared.buffer, shared.byteOffset, length);
  if (length <= keptViewBytes) views[length] = made;
  return made;
}

/**
 * The input of one socket, for the option `onread` of `net.Socket`: all sockets read into one
 * buffer. Without it Node allocates 64 KiB for every read, cuts them to what arrived and sends it
 * through a stream: a fifth of a small request's CPU when each comes alone
 * (docs/decisions/0005-shared-read-buffer.md).
 */
export class SharedInput implements net.OnReadOpts {
  readonly buffer = shared;
  /** Who is told; set before the socket reads. */
  handler: SocketHandler | null = null;

  /** Called by the socket with the number of bytes in the buffer; true: read on. */
  readonly callback = (length: number): boolean => {
    this.handler?.onData(firstBytes(length));
    return true;
  };
}

/** What of Node's accepted sockets has no public name. */
interface WithHandle {
  _handle: { useUserBuffer?: unknown } | null;
}

/**
 * The connection of `accepted`, a paused socket, as one that reads through `input`. A server of
 * Node has no option `onread`, so the connection moves to a new socket by the handle; a Node
 * without such handles gets the stream's events instead, slower and with the same outcome.
 */
export function withSharedInput(accepted: net.Socket, input: SharedInput): net.Socket {
  const holder = accepted as unknown as WithHandle;
  const handle = holder._handle;
  if (typeof handle?.useUserBuffer !== "function") {
    return accepted.on("data", (chunk: Uint8Array) => input.handler?.onData(chunk));
  }
  holder._handle = null;
  // The types know neither this kind of handle nor manualStart nor highWaterMark.
  const untyped: object = { handle, manualStart: true, highWaterMark: writeHighWaterBytes };
  return new net.Socket({ ...untyped, allowHalfOpen: true, onread: input });
}
