import type { Clock } from "../../platform/clock.ts";
import { FrameType, readUint32 } from "../../wire/h2/frames.ts";
import { HpackDecoder } from "../../wire/h2/hpack/decoder.ts";
import { type FieldInput, encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";
import { parseFrames, preface, type RawFrame, settings } from "../../wire/h2/testing/raw-frames.ts";
import { type MemorySocket, socketPair } from "./memory-socket.ts";

/** The header block of a gRPC request. */
export function grpcBlock(path: string, ...more: readonly FieldInput[]): Uint8Array {
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
export function grpcMessage(content: string | Uint8Array, flag = 0): Uint8Array {
  const bytes = Buffer.from(content);
  const framed = Buffer.alloc(5 + bytes.length);
  framed[0] = flag;
  framed.writeUInt32BE(bytes.length, 1);
  framed.set(bytes, 5);
  return new Uint8Array(framed);
}

/** What came back on one stream. */
export interface StreamSeen {
  headers: Record<string, string>;
  body: Uint8Array[];
  trailers: Record<string, string>;
  ended: boolean;
  reset: number | null;
}

/** A client that writes frames as the test says and takes note of all that comes. */
export class RawClient {
  readonly socket: MemorySocket;
  readonly server: MemorySocket;
  readonly frames: RawFrame[] = [];
  readonly streams = new Map<number, StreamSeen>();
  goaway: { code: number; debug: string } | null = null;
  closed = false;
  readonly #decoder = new HpackDecoder(1 << 20);
  #rest: Uint8Array = new Uint8Array(0);

  constructor(clock: Clock) {
    [this.socket, this.server] = socketPair(clock);
    this.socket.attach({
      onData: (chunk) => this.#take(chunk),
      onDrain: () => {},
      onEnd: () => {
        this.closed = true;
      },
      onClose: () => {
        this.closed = true;
      },
    });
  }

  /** Preface and SETTINGS, with values to set. */
  hello(...pairs: readonly (readonly [number, number])[]): void {
    this.send(preface, settings(...pairs));
  }

  send(...pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.socket.write(piece);
  }

  /** One line about a stream: status or grpc-status, messages, how it ended. */
  outcome(streamId: number): string {
    const seen = this.streams.get(streamId);
    if (seen === undefined) return "nothing";
    const status = seen.trailers["grpc-status"] ?? seen.headers["grpc-status"];
    const text = seen.trailers["grpc-message"] ?? seen.headers["grpc-message"];
    const message = text === undefined ? "" : ` ${text}`;
    const http = seen.headers[":status"] === "200" ? "" : `${seen.headers[":status"]} `;
    const body = Buffer.concat(seen.body);
    const messages: string[] = [];
    for (let at = 0; at + 5 <= body.length;) {
      const length = body.readUInt32BE(at + 1);
      const flag = body[at] === 0 ? "" : "z:";
      messages.push(flag + body.toString("latin1", at + 5, at + 5 + length));
      at += 5 + length;
    }
    const end = seen.reset !== null ? ` reset ${seen.reset}` : seen.ended ? "" : " open";
    return `${http}[${messages.join(",")}] ${status ?? "-"}${message}${end}`;
  }

  #stream(id: number): StreamSeen {
    let seen = this.streams.get(id);
    if (seen === undefined) {
      seen = { headers: {}, body: [], trailers: {}, ended: false, reset: null };
      this.streams.set(id, seen);
    }
    return seen;
  }

  #take(chunk: Uint8Array): void {
    const all = new Uint8Array(Buffer.concat([this.#rest, chunk]));
    let end = 0;
    while (all.length - end >= 9) {
      const next = end + 9 + ((all[end] << 16) | (all[end + 1] << 8) | all[end + 2]);
      if (next > all.length) break;
      end = next;
    }
    this.#rest = all.slice(end);
    for (const frame of parseFrames(all.slice(0, end))) this.#frame(frame);
  }

  #frame(frame: RawFrame): void {
    const { type, flags, streamId, payload } = frame;
    this.frames.push(frame);
    if (type === FrameType.goaway) {
      this.goaway = {
        code: readUint32(payload, 4),
        debug: Buffer.from(payload.slice(8)).toString(),
      };
    }
    if (streamId === 0) return;
    const seen = this.#stream(streamId);
    if (type === FrameType.data) seen.body.push(payload);
    if (type === FrameType.headers) {
      if (!this.#decoder.decode(payload, 0, payload.length)) throw new Error("bad block");
      const { fields, count } = this.#decoder.list;
      const block: Record<string, string> = {};
      for (let i = 0; i < count; i++) block[fields[i].name] = fields[i].value;
      if (seen.headers[":status"] === undefined) seen.headers = block;
      else seen.trailers = block;
    }
    if (type === FrameType.rstStream) seen.reset = readUint32(payload, 0);
    else if ((type === FrameType.data || type === FrameType.headers) && (flags & 1) !== 0) {
      seen.ended = true;
    }
  }
}
