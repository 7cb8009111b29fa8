/**
 * The payloads of log records: walpb and raftpb messages, by hand because they are few and small.
 * Reading accepts what any etcd wrote (zeros explicit or left out) and nothing else: the checksum
 * does not cover a record's type, so a payload read as the wrong message must be noticed here.
 */
import { assert } from "../../base/assert.ts";
import type { ConfState, Entry, HardState } from "../../raft/types.ts";
import type { WalSnapshot } from "./types.ts";

/** A payload that is not the message its record says. */
export class PayloadError extends Error {
  override readonly name = "PayloadError";
}

const EMPTY: Uint8Array = new Uint8Array(0);

/** Field visitor; `number` and `bigint` read the current varint. */
class FieldReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #low = 0;
  #high = 0;
  #data: Uint8Array = EMPTY;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The tag (field × 8 + wire type) of the next field, its value read; 0 at the end. */
  next(): number {
    if (this.#at === this.#bytes.length) return 0;
    this.#varint();
    const tag = this.number();
    const wireType = tag & 7;
    this.#varint();
    if (wireType === 0) return tag;
    if (wireType !== 2) throw new PayloadError(`wire type ${wireType}`);
    const end = this.#at + this.number();
    if (end > this.#bytes.length) throw new PayloadError("length beyond the end");
    this.#data = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return tag;
  }

  get data(): Uint8Array {
    return this.#data;
  }

  number(): number {
    if (this.#high >= 0x20_0000) throw new PayloadError("number of 2^53 or more");
    return this.#high * 0x1_0000_0000 + this.#low;
  }

  bigint(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at === this.#bytes.length) throw new PayloadError("cut short");
      const byte = this.#bytes[this.#at++];
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new PayloadError("varint of more than ten bytes");
  }
}

function unexpected(tag: number): never {
  throw new PayloadError(`field ${tag >>> 3} of wire type ${tag & 7}`);
}

/** raftpb.Entry; `data` is part of `bytes`. */
export function decodeEntry(bytes: Uint8Array): Entry {
  let type = 0;
  let term = 0;
  let index = 0;
  let data = EMPTY;
  const fields = new FieldReader(bytes);
  for (let tag = fields.next(); tag !== 0; tag = fields.next()) {
    if (tag === 0x08) type = fields.number();
    else if (tag === 0x10) term = fields.number();
    else if (tag === 0x18) index = fields.number();
    else if (tag === 0x22) data = fields.data;
    else unexpected(tag);
  }
  if (type !== 0 && type !== 1 && type !== 2) throw new PayloadError(`entry type ${type}`);
  if (term === 0 || index === 0) throw new PayloadError(`entry of term ${term}, index ${index}`);
  return { type, term, index, data };
}

/** A varint of more bytes is left to `decodeEntry`. */
const PLAIN_VARINT_BYTES = 7;

/**
 * The index of the raftpb.Entry in `bytes[start, end)`, for passing over a million of them; 0 when
 * it is not written as every version does, or is none: `decodeEntry` tells.
 */
export function plainEntryIndex(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 6 || bytes[start] !== 0x08 || bytes[start + 1] > 2) return 0;
  let at = start + 2;
  let index = 0;
  for (let tag = 0x10; tag <= 0x22; tag = tag === 0x18 ? 0x22 : tag + 8) {
    if (tag === 0x22 && at === end) return index;
    if (at >= end || bytes[at++] !== tag) return 0;
    let value = 0;
    const stop = Math.min(end, at + PLAIN_VARINT_BYTES);
    for (let unit = 1; ; unit *= 128) {
      if (at === stop) return 0;
      const byte = bytes[at++];
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) break;
    }
    if (tag === 0x22) return at + value === end ? index : 0;
    if (value === 0) return 0;
    index = value;
  }
  return 0;
}

/** raftpb.HardState. */
export function decodeState(bytes: Uint8Array): HardState {
  let term = 0;
  let vote = 0n;
  let commit = 0;
  const fields = new FieldReader(bytes);
  for (let tag = fields.next(); tag !== 0; tag = fields.next()) {
    if (tag === 0x08) term = fields.number();
    else if (tag === 0x10) vote = fields.bigint();
    else if (tag === 0x18) commit = fields.number();
    else unexpected(tag);
  }
  if (term === 0 && (vote !== 0n || commit !== 0)) {
    throw new PayloadError("a vote or commit in term 0");
  }
  return { term, vote, commit };
}

/** walpb.Snapshot. */
export function decodeSnapshot(bytes: Uint8Array): WalSnapshot {
  let index = 0;
  let term = 0;
  let confState: ConfState | null = null;
  const fields = new FieldReader(bytes);
  for (let tag = fields.next(); tag !== 0; tag = fields.next()) {
    if (tag === 0x08) index = fields.number();
    else if (tag === 0x10) term = fields.number();
    else if (tag === 0x1a) confState = decodeConfState(fields.data);
    else unexpected(tag);
  }
  return { index, term, confState };
}

/** Numbers of the four id lists of raftpb.ConfState. */
const CONF_LISTS = ["voters", "learners", "votersOutgoing", "learnersNext"] as const;

function decodeConfState(bytes: Uint8Array): ConfState {
  const lists: bigint[][] = [[], [], [], []];
  let autoLeave = false;
  const fields = new FieldReader(bytes);
  for (let tag = fields.next(); tag !== 0; tag = fields.next()) {
    const field = tag >>> 3;
    if (tag === 0x28) autoLeave = fields.number() !== 0;
    else if ((tag & 7) === 0 && field >= 1 && field <= 4) lists[field - 1].push(fields.bigint());
    else unexpected(tag);
  }
  const [voters, learners, votersOutgoing, learnersNext] = lists;
  return { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

/** walpb.Metadata. */
export function decodeMetadataFields(bytes: Uint8Array): { nodeId: bigint; clusterId: bigint } {
  let nodeId = 0n;
  let clusterId = 0n;
  const fields = new FieldReader(bytes);
  for (let tag = fields.next(); tag !== 0; tag = fields.next()) {
    if (tag === 0x08) nodeId = fields.bigint();
    else if (tag === 0x10) clusterId = fields.bigint();
    else unexpected(tag);
  }
  return { nodeId, clusterId };
}

/** Appends the varint of an unsigned 64-bit number. */
function pushVarint(out: number[], value: bigint): void {
  assert(value >= 0n && value < 1n << 64n, "a varint of 64 bits");
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  out.push(Number(rest));
}

/** walpb.Metadata as etcd 3.7 writes it. */
export function encodeMetadata(ids: { nodeId: bigint; clusterId: bigint }): Uint8Array {
  const out = [0x08];
  pushVarint(out, ids.nodeId);
  out.push(0x10);
  pushVarint(out, ids.clusterId);
  return Uint8Array.from(out);
}

/** raftpb.HardState as etcd 3.7 writes it: zeros are left out. */
export function encodeState(state: HardState): Uint8Array {
  const out: number[] = [];
  for (const [tag, value] of [
    [0x08, BigInt(state.term)],
    [0x10, state.vote],
    [0x18, BigInt(state.commit)],
  ] as const) {
    if (value === 0n) continue;
    out.push(tag);
    pushVarint(out, value);
  }
  return Uint8Array.from(out);
}

/** walpb.Snapshot as etcd 3.7 writes it: zeros are written. */
export function encodeSnapshot(snapshot: WalSnapshot): Uint8Array {
  const out = [0x08];
  pushVarint(out, BigInt(snapshot.index));
  out.push(0x10);
  pushVarint(out, BigInt(snapshot.term));
  if (snapshot.confState !== null) {
    const conf: number[] = [];
    CONF_LISTS.forEach((list, i) => {
      for (const id of snapshot.confState![list]) {
        conf.push((i + 1) * 8);
        pushVarint(conf, id);
      }
    });
    conf.push(0x28, snapshot.confState.autoLeave ? 1 : 0);
    out.push(0x1a);
    pushVarint(out, BigInt(conf.length));
    for (const byte of conf) out.push(byte);
  }
  return Uint8Array.from(out);
}
