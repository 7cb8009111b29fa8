import { crc32cUpdate } from "../../base/crc32c.ts";
import type { Disk, FileId } from "../../platform/disk.ts";
import { RecordType, SECTOR_BYTES, WORD_BYTES } from "./format.ts";
import type { WalErrorCode } from "./types.ts";
import { WalError } from "./types.ts";

/** Read at a time; grows for a longer record. */
const WINDOW_BYTES = 256 * 1024;

/** One segment to read; the file is open. */
export interface ReadableSegment {
  readonly path: string;
  readonly file: FileId;
}

/** "torn": the last segment ends in the middle of a write that was never acknowledged. */
export type Ending = "clean" | "torn";

const DAMAGED =
  "Restore this member from a backup, or remove it from the cluster and add it anew; " +
  "its other files stay untouched.";

/**
 * Reads the records of consecutive segments, verifying frames and the checksum chain; judges as
 * etcd does what is a torn tail and what is damage, and is stricter where that can be proven:
 * a length word that contradicts its record, padding that contradicts the length, and a zero length
 * word with other bytes in its sector (a sector is written whole or not at all) are damage.
 */
export class RecordReader {
  readonly #disk: Disk;
  readonly #segments: readonly ReadableSegment[];
  #segment = 0;
  #size: number;
  /** Start of the frame that `next` reads, bytes from the start of the segment. */
  #offset = 0;
  /** Start of the record that `next` read last. */
  #recordOffset = 0;
  #crc = 0;
  #window = new Uint8Array(WINDOW_BYTES);
  #windowStart = 0;
  #windowEnd = 0;
  #type = 0;
  #data: Uint8Array = new Uint8Array(0);
  #ending: Ending = "clean";

  constructor(disk: Disk, segments: readonly ReadableSegment[]) {
    this.#disk = disk;
    this.#segments = segments;
    this.#size = disk.sizeSync(segments[0].file);
  }

  /** Of the record read last. */
  get type(): number {
    return this.#type;
  }

  /** Payload of the record read last; valid until the next call of `next`. */
  get data(): Uint8Array {
    return this.#data;
  }

  /** The running checksum after the record read last. */
  get crc(): number {
    return this.#crc;
  }

  /** Where the valid records of the current segment end. */
  get endOffset(): number {
    return this.#offset;
  }

  /** Once `next` returned false. */
  get ending(): Ending {
    return this.#ending;
  }

  /** Reads one record; false at the end of the log. @throws WalError for damage; DiskError. */
  next(): boolean {
    for (;;) {
      if (this.#offset === this.#size) {
        if (!this.#nextSegment()) return false;
        continue;
      }
      if (this.#size - this.#offset < WORD_BYTES) return this.#torn();
      const word = this.#load(this.#offset, WORD_BYTES);
      const low = u32(word, 0);
      const high = u32(word, 4);
      if (low !== 0 || high !== 0) return this.#record(low, high);
      this.#checkZeroWord();
      if (!this.#nextSegment()) return false;
    }
  }

  /** An error that names the record read last. */
  refuse(code: WalErrorCode, message: string, remedy = DAMAGED): WalError {
    return this.#error({ code, message, offset: this.#recordOffset, remedy });
  }

  #record(low: number, high: number): boolean {
    this.#recordOffset = this.#offset;
    const length = (high & 0x00ff_ffff) * 0x1_0000_0000 + low;
    const top = high >>> 24;
    const padding = top >= 0x80 ? top & 7 : 0;
    const wanted = (WORD_BYTES - (length % WORD_BYTES)) % WORD_BYTES;
    const goodTop = wanted === 0 ? 0 : 0x80 | wanted;
    if (top !== goodTop) throw this.#damaged("length word with wrong padding");
    const left = this.#size - this.#offset - WORD_BYTES;
    const available = Math.min(length + padding, left);
    const head = parseHead(this.#load(this.#offset + WORD_BYTES, Math.min(available, 32)));
    if (head !== null && head.recordBytes !== length && this.#isWritten(head.headBytes)) {
      throw this.#damaged("length word and record disagree");
    }
    if (length + padding > left) return this.#torn();
    const bytes = this.#load(this.#offset + WORD_BYTES, length + padding);
    if (head === null || head.recordBytes !== length) {
      return this.#badRecord(bytes, "record does not parse");
    }
    this.#type = head.type;
    this.#data = bytes.subarray(head.headBytes, length);
    if (head.type === RecordType.crc) {
      if (head.headBytes !== length) return this.#badRecord(bytes, "checksum record with payload");
      if (this.#crc !== 0 && this.#crc !== head.crc) throw this.#damaged(this.#mismatch(head.crc));
      this.#crc = head.crc;
    } else {
      const crc = crc32cUpdate(this.#crc, this.#data, 0, this.#data.length);
      if (crc !== head.crc) return this.#badRecord(bytes, this.#mismatch(head.crc));
      this.#crc = crc;
    }
    this.#offset += WORD_BYTES + length + padding;
    return true;
  }

  #mismatch(crc: number): string {
    return `walpb: crc mismatch (record says ${crc.toString(16)})`;
  }

  /** A zero piece, cut at sectors of the file, says that the write never finished. */
  #badRecord(bytes: Uint8Array, reason: string): boolean {
    let fileOffset = this.#offset + WORD_BYTES;
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR_BYTES - (fileOffset % SECTOR_BYTES));
      if (isZero(bytes, at, end)) return this.#torn();
      fileOffset += end - at;
      at = end;
    }
    throw this.#damaged(reason);
  }

  /** True when the sectors that hold the first `bytes` of the record hold something. */
  #isWritten(bytes: number): boolean {
    const begin = this.#offset + WORD_BYTES;
    for (let at = begin; at < begin + bytes; ) {
      const sectorEnd = at - (at % SECTOR_BYTES) + SECTOR_BYTES;
      const end = Math.min(sectorEnd, this.#size);
      const piece = this.#load(at, end - at);
      if (isZero(piece, 0, piece.length)) return false;
      at = sectorEnd;
    }
    return true;
  }

  #checkZeroWord(): void {
    const offset = this.#offset;
    const end = Math.min(this.#size, offset - (offset % SECTOR_BYTES) + SECTOR_BYTES);
    const rest = this.#load(offset, end - offset);
    if (!isZero(rest, 0, rest.length)) {
      this.#recordOffset = offset;
      throw this.#damaged("zero length word before other bytes of its sector");
    }
  }

  #torn(): false {
    this.#recordOffset = this.#offset;
    if (this.#segment < this.#segments.length - 1) {
      throw this.#damaged("segment ends inside a record, yet a later one exists");
    }
    this.#ending = "torn";
    return false;
  }

  #nextSegment(): boolean {
    if (this.#segment === this.#segments.length - 1) return false;
    this.#segment++;
    this.#offset = 0;
    this.#recordOffset = 0;
    this.#windowStart = 0;
    this.#windowEnd = 0;
    this.#size = this.#disk.sizeSync(this.#segments[this.#segment].file);
    const word = this.#size < WORD_BYTES ? null : this.#load(0, WORD_BYTES);
    if (word === null || isZero(word, 0, WORD_BYTES)) throw this.#damaged("segment without head");
    return true;
  }

  /** `bytes` of the current segment from `offset`; the caller checked that they exist. */
  #load(offset: number, bytes: number): Uint8Array {
    if (offset < this.#windowStart || offset + bytes > this.#windowEnd) {
      if (bytes > this.#window.length) this.#window = new Uint8Array(bytes);
      const { file } = this.#segments[this.#segment];
      const read = this.#disk.readSync(file, this.#window, offset);
      this.#windowStart = offset;
      this.#windowEnd = offset + read;
      if (read < bytes) throw this.#damaged("file became shorter while it was read");
    }
    const from = offset - this.#windowStart;
    return this.#window.subarray(from, from + bytes);
  }

  #damaged(message: string): WalError {
    return this.#error({
      code: "corrupt", message, offset: this.#recordOffset, remedy: DAMAGED,
    });
  }

  #error(what: { code: WalErrorCode; message: string; offset: number; remedy: string }): WalError {
    return new WalError({ ...what, file: this.#segments[this.#segment].path });
  }
}

interface Head {
  readonly type: number;
  readonly crc: number;
  /** Bytes before the payload, and of the whole record. */
  readonly headBytes: number;
  readonly recordBytes: number;
}

/** The fields of a record before its payload, in the order every version writes; or null. */
function parseHead(bytes: Uint8Array): Head | null {
  if (bytes.length < 4 || bytes[0] !== 0x08 || bytes[1] >= 0x80 || bytes[2] !== 0x10) return null;
  const crc = varint32(bytes, 3);
  if (crc === null) return null;
  // Only checksum records have no payload; in others an absent tag is a damaged one.
  if (bytes[1] === RecordType.crc && bytes[crc.end] !== 0x1a) {
    return { type: bytes[1], crc: crc.value, headBytes: crc.end, recordBytes: crc.end };
  }
  if (bytes[crc.end] !== 0x1a) return null;
  const length = varint32(bytes, crc.end + 1);
  if (length === null) return null;
  const recordBytes = length.end + length.value;
  return { type: bytes[1], crc: crc.value, headBytes: length.end, recordBytes };
}

function varint32(bytes: Uint8Array, start: number): { value: number; end: number } | null {
  let value = 0;
  for (let i = 0; i < 5 && start + i < bytes.length; i++) {
    const byte = bytes[start + i];
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value < 2 ** 32 ? { value, end: start + i + 1 } : null;
  }
  return null;
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0
  );
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}
