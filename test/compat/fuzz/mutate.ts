import type { Prng } from "../../../src/base/prng.ts";
import { encodeConstantBlock, type FieldInput } from "../../../src/wire/h2/hpack/encoder.ts";
import { rawFrame, uint32 } from "../../../src/wire/h2/testing/raw-frames.ts";
import type { Recording } from "./recordings.ts";

const PREFACE_BYTES = 24;
const FRAME_HEADER_BYTES = 9;
/** The longest fixed part of a frame that has others behind it: pad length and priority. */
const FIXED_FIELD_BYTES = 6;
/** Bits of END_STREAM or ACK, END_HEADERS, PADDED and PRIORITY. */
const MEANT_FLAG_BITS: readonly number[] = [0, 2, 3, 5];
const PREFACE_START = "PRI * HTTP/2.0";
/** A connection grows to this at most. */
const GROWN_MAX_BYTES = 512 * 1024;

/** A frame, its header apart; `length` may lie. */
interface Frame {
  type: number;
  flags: number;
  streamId: number;
  payload: Uint8Array;
  length: number;
}

/** What to send, and which kinds of change made it. */
export interface Mutant {
  readonly bytes: Uint8Array;
  readonly changes: readonly string[];
  readonly isHttp2: boolean;
}

/** Makes a mutant of one recorded connection: of its frames, of its bytes, or of both. */
export function mutate(prng: Prng, recordings: readonly Recording[]): Mutant {
  const { bytes } = pick(prng, recordings);
  const isHttp2 = Buffer.from(bytes.subarray(0, 14)).toString("latin1") === PREFACE_START;
  const changes: string[] = [];
  let result: Uint8Array = bytes;
  if (isHttp2 && prng.chance(0.85)) {
    const frames = parse(bytes);
    const count = prng.between(1, 6);
    for (let i = 0; i < count; i++) {
      const names = Object.keys(FRAME_CHANGES);
      const name = pick(prng, names);
      FRAME_CHANGES[name]?.(prng, frames, recordings);
      changes.push(name);
    }
    result = join(bytes.subarray(0, PREFACE_BYTES), frames);
  }
  if (changes.length === 0 || prng.chance(0.2)) {
    result = changeBytes(prng, result);
    changes.push("bytes");
  }
  return { bytes: result.subarray(0, GROWN_MAX_BYTES), changes, isHttp2 };
}

function pick<T>(prng: Prng, from: readonly T[]): T {
  return from[prng.below(from.length)]!;
}

function parse(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  let at = PREFACE_BYTES;
  while (bytes.length - at >= FRAME_HEADER_BYTES) {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const payload = bytes.slice(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length);
    const streamId = Buffer.from(bytes).readUInt32BE(at + 5);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, streamId, payload, length });
    at += FRAME_HEADER_BYTES + length;
  }
  return frames;
}

function join(preface: Uint8Array, frames: readonly Frame[]): Uint8Array {
  const pieces = frames.map(({ type, flags, streamId, payload, length }) => {
    const frame = rawFrame(type, flags, streamId, payload);
    frame[0] = length >>> 16;
    frame[1] = length >>> 8;
    frame[2] = length;
    return frame;
  });
  return new Uint8Array(Buffer.concat([preface, ...pieces]));
}

type Change = (prng: Prng, frames: Frame[], recordings: readonly Recording[]) => void;

/** The changes of frames by name. Each does nothing when there is nothing to change. */
const FRAME_CHANGES: Readonly<Record<string, Change>> = {
  drop: (prng, frames) => {
    frames.splice(prng.below(frames.length + 1), prng.between(1, 3));
  },
  repeat: (prng, frames) => {
    const frame = some(prng, frames);
    const times = pick(prng, [1, 2, 10, 200]);
    insert(prng, frames, ...Array.from({ length: times }, () => frame));
  },
  swap: (prng, frames) => {
    const a = prng.below(frames.length + 1);
    const [moved] = frames.splice(a, 1);
    if (moved !== undefined) insert(prng, frames, moved);
  },
  type: (prng, frames) => {
    some(prng, frames).type = prng.chance(0.8) ? prng.below(11) : prng.below(256);
  },
  flags: (prng, frames) => {
    some(prng, frames).flags ^= 1 << pick(prng, MEANT_FLAG_BITS.concat(prng.below(8)));
  },
  stream: (prng, frames) => {
    const frame = some(prng, frames);
    const near = frame.streamId + pick(prng, [-2, -1, 1, 2, 100]);
    frame.streamId = pick(prng, [0, 1, 3, near >>> 0, 2 ** 31 - 1, 2 ** 31 + 1, prng.below(64)]);
  },
  length: (prng, frames) => {
    const frame = some(prng, frames);
    frame.length = pick(prng, [0, frame.length + 1, frame.length >>> 1, 16_385, 0xffffff]);
  },
  cut: (prng, frames) => {
    const frame = some(prng, frames);
    // Half of the cuts fall into the fixed fields at the start, which are the shortest part.
    const most = prng.chance(0.5) ? Math.min(frame.payload.length, FIXED_FIELD_BYTES) : Infinity;
    const kept = prng.below(Math.min(frame.payload.length, most) + 1);
    setPayload(frame, frame.payload.slice(0, kept));
  },
  extend: (prng, frames) => {
    const frame = some(prng, frames);
    const more = new Uint8Array(pick(prng, [1, 5, 100, 16_384]));
    prng.fill(more);
    setPayload(frame, new Uint8Array(Buffer.concat([frame.payload, more])));
  },
  payload: (prng, frames) => {
    const frame = some(prng, frames);
    setPayload(frame, changeBytes(prng, frame.payload));
  },
  pad: (prng, frames) => {
    const frame = some(prng, frames);
    const padding = prng.below(256);
    const room = prng.chance(0.7) ? padding : prng.below(padding + 1);
    frame.flags |= 8;
    setPayload(
      frame,
      new Uint8Array(Buffer.concat([[padding], frame.payload, new Uint8Array(room)].map(toBuffer))),
    );
  },
  split: (prng, frames) => {
    const at = prng.below(frames.length + 1);
    const frame = frames[at];
    if (frame === undefined || frame.payload.length < 2) return;
    const cut = prng.below(frame.payload.length);
    const rest = { ...frame, type: frame.type === 1 ? 9 : frame.type };
    setPayload(rest, frame.payload.slice(cut));
    setPayload(frame, frame.payload.slice(0, cut));
    if (frame.type === 1) {
      frame.flags &= ~4;
      rest.flags &= 4;
    } else frame.flags &= ~1;
    frames.splice(at + 1, 0, rest);
  },
  continuations: (prng, frames) => {
    const at = frames.findIndex((each) => each.type === 1 && prng.chance(0.5));
    const head = frames[at];
    if (head === undefined) return;
    head.flags &= ~4;
    const payload = new Uint8Array(pick(prng, [0, 1, 100, 4000, 16_384]));
    prng.fill(payload);
    const count = pick(prng, [1, 2, 10, 60]);
    const more = Array.from({ length: count }, () => made(9, 0, head.streamId, payload));
    // Some header blocks never end.
    if (prng.chance(0.6)) more[count - 1]!.flags = 4;
    frames.splice(at + 1, 0, ...more);
  },
  splice: (prng, frames, recordings) => {
    const other = parse(pick(prng, recordings).bytes);
    const from = prng.below(other.length + 1);
    insert(prng, frames, ...other.slice(from, from + prng.between(1, 5)));
  },
  headers: (prng, frames) => {
    const frame = frames.find((each) => each.type === 1 && prng.chance(0.5));
    if (frame === undefined) return;
    frame.flags = 4 | (frame.flags & 1);
    setPayload(frame, randomBlock(prng));
  },
  message: (prng, frames) => {
    const frame = frames.find((each) => each.type === 0 && prng.chance(0.5));
    if (frame === undefined || frame.payload.length < 5) return;
    frame.payload[0] = pick(prng, [0, 1, 2, 255]);
    const length = pick(prng, [0, 1, frame.payload.length, 2_097_152, 2_097_153, 2 ** 32 - 1]);
    frame.payload.set(uint32(length), 1);
  },
  settings: (prng, frames) => {
    const pairs: number[] = [];
    for (let i = prng.between(1, 4); i > 0; i--) {
      const value = pick(prng, [0, 1, 100, 16_384, 65_535, 2 ** 24, 2 ** 31 - 1, 2 ** 32 - 1]);
      pairs.push(0, prng.below(8), ...uint32(value));
    }
    insert(prng, frames, made(4, prng.chance(0.1) ? 1 : 0, 0, pairs));
  },
  window: (prng, frames) => {
    const streamId = pick(prng, [0, 1, 3, 5, some(prng, frames).streamId]);
    const bytes = pick(prng, [0, 1, 65_535, 2 ** 20, 2 ** 31 - 1, 2 ** 32 - 1]);
    insert(prng, frames, made(8, 0, streamId, uint32(bytes)));
  },
  reset: (prng, frames) => {
    insert(prng, frames, made(3, 0, some(prng, frames).streamId, uint32(prng.below(16))));
  },
  ping: (prng, frames) => {
    insert(prng, frames, made(6, prng.below(2), 0, [1, 2, 3, 4, 5, 6, 7, 8]));
  },
  goaway: (prng, frames) => {
    insert(prng, frames, made(7, 0, 0, [...uint32(prng.below(10)), ...uint32(prng.below(14))]));
  },
  alien: (prng, frames) => {
    const payload = new Uint8Array(prng.below(40));
    prng.fill(payload);
    insert(prng, frames, made(prng.below(256), prng.below(256), prng.below(8), payload));
  },
};

const toBuffer = (bytes: ArrayLike<number>): Buffer => Buffer.from(bytes);

function made(type: number, flags: number, streamId: number, payload: ArrayLike<number>): Frame {
  const bytes = new Uint8Array(payload);
  return { type, flags, streamId, payload: bytes, length: bytes.length };
}

/** A frame of the list; one that is not in it when the list is empty. */
function some(prng: Prng, frames: readonly Frame[]): Frame {
  return frames.length === 0 ? made(4, 0, 0, []) : pick(prng, frames);
}

function insert(prng: Prng, frames: Frame[], ...more: readonly Frame[]): void {
  const copies = more.map((frame) => ({ ...frame, payload: frame.payload.slice() }));
  frames.splice(prng.below(frames.length + 1), 0, ...copies);
}

function setPayload(frame: Frame, payload: Uint8Array): void {
  frame.payload = payload;
  frame.length = payload.length;
}

/** A request head that is nearly right, or far from it. */
function randomBlock(prng: Prng): Uint8Array {
  const paths = ["Range", "RangeStream", "Put", "Txn"].map((name) => `/etcdserverpb.KV/${name}`);
  const more = ["/etcdserverpb.Watch/Watch", "/test.Collector/Collect", "/version", "/", "*", ""];
  const fields: FieldInput[] = [
    [":method", pick(prng, ["POST", "POST", "POST", "GET", "OPTIONS", "CONNECT", ""])],
    [":scheme", pick(prng, ["http", "https", ""])],
    [":path", pick(prng, [...paths, ...more])],
    [":authority", pick(prng, ["localhost", "a b", ""])],
    ["content-type", pick(prng, ["application/grpc", "application/grpc+proto", "text/plain"])],
    ["te", pick(prng, ["trailers", "gzip"])],
    ["grpc-timeout", pick(prng, ["1m", "10m", "5S", "99999999H", "0n", "-1S", "1"])],
    ["grpc-encoding", pick(prng, ["gzip", "identity", "br"])],
    ["content-length", pick(prng, ["0", "5", "-1", "99999999999999999999"])],
    ["x-bin", pick(prng, ["AAAA", "A", "%%"])],
    ["token", "t".repeat(pick(prng, [0, 10, 5000]))],
    ["Upper", "case"],
    ["connection", "close"],
    ["x", "\u0000\n"],
    ["client-api-version", pick(prng, ["3.7", "\u00ff"])],
  ];
  const kept = fields.filter((_, i) => prng.chance(i < 6 ? 0.95 : 0.2));
  if (prng.chance(0.1)) kept.reverse();
  if (prng.chance(0.1)) kept.push(...kept);
  const block = encodeConstantBlock(kept);
  return prng.chance(0.2) ? changeBytes(prng, block) : block;
}

/** Flips, overwrites, removes, repeats or moves some bytes. */
function changeBytes(prng: Prng, bytes: Uint8Array): Uint8Array {
  let result: Uint8Array = bytes.slice();
  for (let i = prng.between(1, 4); i > 0; i--) {
    if (result.length === 0) return result;
    const at = prng.below(result.length);
    const end = Math.min(result.length, at + prng.between(1, pick(prng, [1, 4, 64])));
    switch (prng.below(5)) {
      case 0:
        result[at]! ^= 1 << prng.below(8);
        break;
      case 1:
        prng.fill(result.subarray(at, end));
        break;
      case 2:
        result = new Uint8Array(Buffer.concat([result.subarray(0, at), result.subarray(end)]));
        break;
      case 3:
        result = new Uint8Array(Buffer.concat([result.subarray(0, end), result.subarray(at)]));
        break;
      default:
        result = result.slice(0, end);
    }
  }
  return result;
}

/** How often each frame type stands in what would be sent; 256 counts, by type. */
export function countTypes(bytes: Uint8Array, counts: number[]): void {
  for (const { type } of parse(bytes)) counts[type] = (counts[type] ?? 0) + 1;
}
