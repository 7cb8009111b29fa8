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

/** What the operator of a damaged log can do. */
export const DAMAGED =
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
  readonly #head = new RecordHead();
  #type = 0;
  #dataStart = 0;
  #dataEnd = 0;
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
    return this.#window.subarray(this.#dataStart, this.#dataEnd);
  }

  /** The bytes that hold it, from `dataStart` to `dataEnd`. */
  get window(): Uint8Array {
    return this.#window;
  }

  get dataStart(): number {
    return this.#dataStart;
  }

  get dataEnd(): number {
    return this.#dataEnd;
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
      const at = this.#load(this.#offset, WORD_BYTES);
      const low = u32(this.#window, at);
      const high = u32(this.#window, at + 4);
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
    const padding = (WORD_BYTES - (length % WORD_BYTES)) % WORD_BYTES;
    if (high >>> 24 !== (padding === 0 ? 0 : 0x80 | padding)) {
      throw this.#damaged("length word with wrong padding");
    }
    const begin = this.#offset + WORD_BYTES;
    const left = this.#size - begin;
    const head = this.#head;
    const headAt = this.#load(begin, Math.min(length + padding, left, HEAD_BYTES_MAX));
    head.parse(this.#window, headAt, headAt + Math.min(length, left, HEAD_BYTES_MAX));
    const agree = head.valid && head.recordBytes === length;
    if (head.valid && !agree && this.#isWritten(head.headBytes)) {
      throw this.#damaged("length word and record disagree");
    }
    if (length + padding > left) return this.#torn();
    const at = this.#load(begin, length + padding);
    if (!agree) return this.#badRecord(at, length + padding, "record does not parse");
    const dataAt = at + head.headBytes;
    if (head.type === RecordType.crc) {
      if (head.headBytes !== length) {
        return this.#badRecord(at, length + padding, "checksum record with payload");
      }
      if (this.#crc !== 0 && this.#crc !== head.crc) throw this.#damaged(this.#mismatch(head.crc));
      this.#crc = head.crc;
    } else {
      const crc = crc32cUpdate(this.#crc, this.#window, dataAt, at + length);
      if (crc !== head.crc) {
        return this.#badRecord(at, length + padding, this.#mismatch(head.crc));
      }
      this.#crc = crc;
    }
    this.#type = head.type;
    this.#dataStart = dataAt;
    this.#dataEnd = at + length;
    this.#offset = begin + length + padding;
    return true;
  }

  #mismatch(crc: number): string {
    return `walpb: crc mismatch (record says ${crc.toString(16)})`;
  }

  /** A zero piece, cut at sectors of the file, says that the write never finished. */
  #badRecord(at: number, bytes: number, reason: string): boolean {
    const begin = this.#offset + WORD_BYTES;
    for (let done = 0; done < bytes;) {
      const piece = Math.min(bytes - done, SECTOR_BYTES - ((begin + done) % SECTOR_BYTES));
      if (isZero(this.#window, at + done, at + done + piece)) return this.#torn();
      done += piece;
    }
    throw this.#damaged(reason);
  }

  /** True when the sectors that hold the first `bytes` of the record hold something. */
  #isWritten(bytes: number): boolean {
    const begin = this.#offset + WORD_BYTES;
    for (let offset = begin; offset < begin + bytes;) {
      const sectorEnd = offset - (offset % SECTOR_BYTES) + SECTOR_BYTES;
      const piece = Math.min(sectorEnd, this.#size) - offset;
      const at = this.#load(offset, piece);
      if (isZero(this.#window, at, at + piece)) return false;
      offset = sectorEnd;
    }
    return true;
  }

  #checkZeroWord(): void {
    const offset = this.#offset;
    const piece = Math.min(this.#size - offset, SECTOR_BYTES - (offset % SECTOR_BYTES));
    const at = this.#load(offset, piece);
    if (isZero(this.#window, at, at + piece)) return;
    this.#recordOffset = offset;
    throw this.#damaged("zero length word before other bytes of its sector");
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
    const at = this.#size < WORD_BYTES ? -1 : this.#load(0, WORD_BYTES);
    if (at < 0 || isZero(this.#window, at, at + WORD_BYTES)) {
      throw this.#damaged("segment without head");
    }
    return true;
  }

  /**
   * Brings `bytes` of the current segment from `offset` into the window and returns where they
   * begin there; the caller checked that the file has them.
   */
  #load(offset: number, bytes: number): number {
    if (offset < this.#windowStart || offset + bytes > this.#windowEnd) {
      if (bytes > this.#window.length) this.#window = new Uint8Array(bytes);
      const { file } = this.#segments[this.#segment];
      const read = this.#disk.readSync(file, this.#window, offset);
      this.#windowStart = offset;
      this.#windowEnd = offset + read;
      if (read < bytes) throw this.#damaged("file became shorter while it was read");
    }
    return offset - this.#windowStart;
  }

  #damaged(message: string): WalError {
    return this.#error({
      code: "corrupt",
      message,
      offset: this.#recordOffset,
      remedy: DAMAGED,
    });
  }

  #error(what: { code: WalErrorCode; message: string; offset: number; remedy: string }): WalError {
    return new WalError({ ...what, file: this.#segments[this.#segment].path });
  }
}

/** Tag, type, tag, checksum, tag and length, at most. */
export const HEAD_BYTES_MAX = 2 + 6 + 6;

/** The fields of a record before its payload, in the order every version writes. */
export class RecordHead {
  type = 0;
  crc = 0;
  /** Bytes before the payload, and of the whole record. */
  headBytes = 0;
  recordBytes = 0;
  /** False when the bytes are no such fields; the others mean nothing then. */
  valid = false;
  /** Where the varint read last ends. */
  #at = 0;

  /** Reads `bytes[start, end)`, which may be cut off behind the longest head. */
  parse(bytes: Uint8Array, start: number, end: number): void {
    this.valid = false;
    if (end - start < 4 || bytes[start] !== 0x08 || bytes[start + 2] !== 0x10) return;
    this.type = bytes[start + 1];
    this.crc = this.#varint32(bytes, start + 3, end);
    if (this.type >= 0x80 || this.crc < 0) return;
    // Only checksum records have no payload; in others an absent tag is a damaged one.
    const hasPayload = this.#at < end && bytes[this.#at] === 0x1a;
    if (!hasPayload && this.type !== RecordType.crc) return;
    const length = hasPayload ? this.#varint32(bytes, this.#at + 1, end) : 0;
    if (length < 0) return;
    this.headBytes = this.#at - start;
    this.recordBytes = this.headBytes + length;
    this.valid = true;
  }

  /** -1 when it is cut short or not below 2^32. */
  #varint32(bytes: Uint8Array, start: number, end: number): number {
    let value = 0;
    const stop = Math.min(end, start + 5);
    for (let at = start, scale = 1; at < stop; at++, scale *= 0x80) {
      value += (bytes[at] & 0x7f) * scale;
      if (bytes[at] >= 0x80) continue;
      this.#at = at + 1;
      return value < 0x1_0000_0000 ? value : -1;
    }
    return -1;
  }
}

/** Little-endian. */
export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}
