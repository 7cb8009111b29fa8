import { once } from "node:events";
import net from "node:net";
import { FrameType, readUint32 } from "../../../src/wire/h2/frames.ts";
import { encodeConstantBlock, type FieldInput } from "../../../src/wire/h2/hpack/encoder.ts";
import { preface, settings } from "../../../src/wire/h2/testing/raw-frames.ts";

const FRAME_HEADER_BYTES = 9;
const INITIAL_WINDOW_SETTING = 4;

/** The header block of a gRPC request. */
export function requestBlock(path: string, ...more: readonly FieldInput[]): Uint8Array {
  return encodeConstantBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "x"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...more,
  ]);
}

/** A message with its prefix. */
export function grpcMessage(bytes: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(5 + bytes.length);
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, 5);
  return framed;
}

/** A client on a real socket that writes the frames it is told to and counts what comes back. */
export class RawPeer {
  /** Answers without a stream's body: refusals by trailers, resets, ends of the connection. */
  readonly seen = { trailersOnly: 0, resets: 0, goaways: 0, dataBytes: 0 };
  readonly #socket: net.Socket;
  #rest: Buffer = Buffer.alloc(0);
  #isClosed = false;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#isClosed = true;
    });
  }

  /** `windowBytes`: what the server may send on each stream before it must wait. */
  static async connect(port: number, windowBytes: number, isReading = true): Promise<RawPeer> {
    const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    const peer = new RawPeer(socket);
    if (isReading) socket.on("data", (chunk: Buffer) => peer.#take(chunk));
    else socket.pause();
    await peer.send(preface, settings([INITIAL_WINDOW_SETTING, windowBytes]));
    return peer;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Writes; true when the kernel has all of it, false when that takes too long or it is closed. */
  async send(...pieces: readonly Uint8Array[]): Promise<boolean> {
    return this.sendWithin(20_000, ...pieces);
  }

  async sendWithin(patienceMs: number, ...pieces: readonly Uint8Array[]): Promise<boolean> {
    if (this.#isClosed) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), patienceMs);
      this.#socket.write(Buffer.concat(pieces), (error) => {
        clearTimeout(timer);
        resolve(error === undefined || error === null);
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (all.length - at >= FRAME_HEADER_BYTES) {
      const length = readUint32(all, at) >>> 8;
      const next = at + FRAME_HEADER_BYTES + length;
      if (next > all.length) break;
      this.#frame(all[at + 3]!, all[at + 4]!, length);
      at = next;
    }
    this.#rest = Buffer.from(all.subarray(at));
  }

  #frame(type: number, flags: number, length: number): void {
    const { seen } = this;
    if (type === FrameType.data) seen.dataBytes += length;
    else if (type === FrameType.rstStream) seen.resets += 1;
    else if (type === FrameType.goaway) seen.goaways += 1;
    else if (type === FrameType.headers && (flags & 1) !== 0) seen.trailersOnly += 1;
  }
}
