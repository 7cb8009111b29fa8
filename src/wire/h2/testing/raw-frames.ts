import { clientPreface, Flag, FrameType, readUint31, readUint32, writeUint32 } from "../frames.ts";
import { encodeConstantBlock, type FieldInput } from "../hpack/encoder.ts";

/** A frame as tests write and read it. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** One frame, right or wrong. */
export function rawFrame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  const frame = new Uint8Array(9 + payload.length);
  frame[0] = payload.length >>> 16;
  frame[1] = payload.length >>> 8;
  frame[2] = payload.length;
  frame[3] = type;
  frame[4] = flags;
  writeUint32(frame, 5, streamId);
  frame.set(payload, 9);
  return frame;
}

/** Joins pieces. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** Four octets, big-endian. */
export function uint32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** Cuts bytes into frames; throws when they do not end with a whole one. */
export function parseFrames(bytes: Uint8Array): RawFrame[] {
  const frames: RawFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    if (at + 9 + length > bytes.length) throw new Error("output ends within a frame");
    frames.push({
      type: bytes[at + 3],
      flags: bytes[at + 4],
      streamId: readUint31(bytes, at + 5),
      payload: bytes.slice(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}

export const preface: Uint8Array = new Uint8Array(Buffer.from(clientPreface, "latin1"));

/** SETTINGS with the given values. */
export function settings(...pairs: readonly (readonly [number, number])[]): Uint8Array {
  const payload = pairs.flatMap(([id, value]) => [id >>> 8, id & 255, ...uint32(value)]);
  return rawFrame(FrameType.settings, 0, 0, payload);
}

/** The block of an ordinary request, with further fields behind. */
export function requestBlock(...more: readonly FieldInput[]): Uint8Array {
  return encodeConstantBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/a.B/C"],
    [":authority", "x"],
    ...more,
  ]);
}

/** HEADERS with a whole block. */
export function headers(streamId: number, block: Uint8Array, endStream: boolean): Uint8Array {
  const flags = Flag.endHeaders | (endStream ? Flag.endStream : 0);
  return rawFrame(FrameType.headers, flags, streamId, block);
}

export function data(
  streamId: number,
  payload: Uint8Array | readonly number[],
  endStream: boolean,
): Uint8Array {
  return rawFrame(FrameType.data, endStream ? Flag.endStream : 0, streamId, payload);
}

export function rstStream(streamId: number, code: number): Uint8Array {
  return rawFrame(FrameType.rstStream, 0, streamId, uint32(code));
}

export function windowUpdate(streamId: number, bytes: number): Uint8Array {
  return rawFrame(FrameType.windowUpdate, 0, streamId, uint32(bytes));
}

export function ping(ack = false): Uint8Array {
  return rawFrame(FrameType.ping, ack ? Flag.ack : 0, 0, [0, 0, 0, 0, 0, 0, 0, 9]);
}

/** Code of the first GOAWAY or RST_STREAM among frames, as `goaway:n` or `rst:stream:n`. */
export function verdict(frames: readonly RawFrame[]): string {
  for (const { type, streamId, payload } of frames) {
    if (type === FrameType.goaway) return `goaway:${readUint32(payload, 4)}`;
    if (type === FrameType.rstStream) return `rst:${streamId}:${readUint32(payload, 0)}`;
  }
  return "fine";
}
