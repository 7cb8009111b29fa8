import { assert } from "../../base/assert.ts";
import { crc32cUpdate } from "../../base/crc32c.ts";
import type { Disk } from "../../platform/disk.ts";
import type { Entry } from "../../raft/types.ts";
import { RecordType, WORD_BYTES } from "./format.ts";

/** Records gather in buffers of this size; a record that is longer gets one of its own. */
const CHUNK_BYTES = 1024 * 1024;

/** Buffers kept for the next records; more are left to the collector after a burst. */
const IDLE_CHUNKS_MAX = 4;

/** Length word, record fields and padding around a payload, at most. */
const FRAME_OVERHEAD_BYTES = WORD_BYTES + 2 + 6 + 6 + 7;

/** Fields of an entry around its data, at most. */
const ENTRY_OVERHEAD_BYTES = 2 + 9 + 9 + 6;

/** Bytes of a chunk that belong at `offset` of a segment. */
export interface Run {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  /** The chunk is full: it can be used again once this run is written. */
  readonly last: boolean;
}

/**
 * Frames records, with the checksum chain, straight into buffers that the disk thread can see.
 *
 * Invariant: `offset` is that of the next frame in the segment and a multiple of 8; the bytes of
 * runs that were taken do not change until `recycle`.
 */
export class FrameWriter {
  readonly #disk: Disk;
  #idle: Uint8Array[] = [];
  /** Empty until the first record. */
  #chunk: Uint8Array = new Uint8Array(0);
  /** Next byte to write, and first byte not taken yet. */
  #at = 0;
  #from = 0;
  #runs: Run[] = [];
  #crc: number;
  #offset: number;

  /** Continues a segment at `offset` with the chain value `crc`. */
  constructor(disk: Disk, position: { readonly crc: number; readonly offset: number }) {
    this.#disk = disk;
    this.#crc = position.crc;
    this.#offset = position.offset;
  }

  get offset(): number {
    return this.#offset;
  }

  /** The running checksum after the last record. */
  get crc(): number {
    return this.#crc;
  }

  /** Appends an entry record; the data is copied. */
  entry(entry: Entry): void {
    const data = entry.data;
    const length = data.length;
    this.#reserve(length + ENTRY_OVERHEAD_BYTES + FRAME_OVERHEAD_BYTES);
    const head =
      (entry.type === 0 ? 0 : 2) +
      2 +
      varintBytes(entry.term) +
      varintBytes(entry.index) +
      (length === 0 ? 0 : 1 + varintBytes(length));
    const bytes = this.#chunk;
    const body = this.#bodyAt(head + length);
    let at = body;
    if (entry.type !== 0) {
      bytes[at++] = 0x08;
      bytes[at++] = entry.type;
    }
    bytes[at++] = 0x10;
    at = putVarint(bytes, at, entry.term);
    bytes[at++] = 0x18;
    at = putVarint(bytes, at, entry.index);
    if (length !== 0) {
      bytes[at++] = 0x22;
      at = putVarint(bytes, at, length);
      bytes.set(data, at);
    }
    this.#finish(RecordType.entry, body, head + length);
  }

  /** Appends a record of any type but Crc. */
  record(type: number, payload: Uint8Array): void {
    assert(type !== RecordType.crc && payload.length > 0, "a record with a payload");
    this.#reserve(payload.length + FRAME_OVERHEAD_BYTES);
    const body = this.#bodyAt(payload.length);
    this.#chunk.set(payload, body);
    this.#finish(type, body, payload.length);
  }

  /** Appends the Crc record that begins a segment: the chain value so far, which stays. */
  crcRecord(): void {
    this.#reserve(FRAME_OVERHEAD_BYTES);
    let at = this.#at + WORD_BYTES;
    this.#chunk[at++] = 0x08;
    this.#chunk[at++] = RecordType.crc;
    this.#chunk[at++] = 0x10;
    at = putVarint(this.#chunk, at, this.#crc);
    this.#close(at);
  }

  /** What was framed since the last call, in file order; the caller writes it, then recycles. */
  takeRuns(): Run[] {
    this.#seal(false);
    const runs = this.#runs;
    this.#runs = [];
    return runs;
  }

  /** The run is written: its chunk may be used again. */
  recycle(run: Run): void {
    if (run.last && run.bytes.length === CHUNK_BYTES && this.#idle.length < IDLE_CHUNKS_MAX) {
      this.#idle.push(run.bytes);
    }
  }

  /** The next frame begins a new segment. Everything before must have been taken. */
  startSegment(): void {
    assert(this.#from === this.#at && this.#runs.length === 0, "frames of the old segment left");
    this.#offset = 0;
  }

  /** Where the payload begins if its record's checksum takes five bytes. */
  #bodyAt(length: number): number {
    return this.#at + WORD_BYTES + 2 + 6 + 1 + varintBytes(length);
  }

  /** Puts the record's fields before a payload written at `body`, and closes the frame. */
  #finish(type: number, body: number, length: number): void {
    const bytes = this.#chunk;
    this.#crc = crc32cUpdate(this.#crc, bytes, body, body + length);
    let at = this.#at + WORD_BYTES;
    bytes[at++] = 0x08;
    bytes[at++] = type;
    bytes[at++] = 0x10;
    at = putVarint(bytes, at, this.#crc);
    bytes[at++] = 0x1a;
    at = putVarint(bytes, at, length);
    // One checksum in 16 is shorter than five bytes.
    if (at !== body) bytes.copyWithin(at, body, body + length);
    this.#close(at + length);
  }

  /** Length word, and padding of the record that ends at `end`. */
  #close(end: number): void {
    const bytes = this.#chunk;
    const begin = this.#at;
    const length = end - begin - WORD_BYTES;
    const padding = (WORD_BYTES - (length % WORD_BYTES)) % WORD_BYTES;
    bytes[begin] = length;
    bytes[begin + 1] = length >>> 8;
    bytes[begin + 2] = length >>> 16;
    bytes[begin + 3] = length >>> 24;
    bytes[begin + 4] = 0;
    bytes[begin + 5] = 0;
    bytes[begin + 6] = 0;
    bytes[begin + 7] = padding === 0 ? 0 : 0x80 | padding;
    for (let at = end; at < end + padding; at++) bytes[at] = 0;
    this.#at = end + padding;
    this.#offset += this.#at - begin;
  }

  #reserve(length: number): void {
    if (this.#chunk.length - this.#at >= length) return;
    if (this.#chunk.length > 0) this.#seal(true);
    const idle = length <= CHUNK_BYTES ? this.#idle.pop() : undefined;
    this.#chunk = idle ?? this.#disk.sharedBuffer(Math.max(CHUNK_BYTES, length));
    this.#at = 0;
    this.#from = 0;
  }

  #seal(last: boolean): void {
    const length = this.#at - this.#from;
    if (length === 0 && !last) return;
    const offset = this.#offset - length;
    this.#runs.push({ bytes: this.#chunk, start: this.#from, end: this.#at, offset, last });
    this.#from = this.#at;
  }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  let bytes = 4;
  for (let rest = Math.floor(value / 0x1000_0000); rest > 0; rest = Math.floor(rest / 0x80)) {
    bytes++;
  }
  return bytes;
}

/** Returns the position after it. */
function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x8000_0000) {
    bytes[next++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}
