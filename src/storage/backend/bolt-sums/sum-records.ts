import { crc32cUpdate } from "../../../base/crc32c.ts";
import { readU32, readU64, writeU32, writeU64 } from "../bolt-pages/format.ts";
import { pageSum } from "./page-sum.ts";
import type { PageSums } from "./page-sums.ts";

/** The format of the file of page checksums, docs/bolt.md. All numbers are little-endian. */

/** "skeinsum", version, page size, probe, CRC-32C of the 20 bytes before. */
export const HEAD_BYTES = 24;
/** Kind, bytes of runs, txid 8, mark. */
const RECORD_HEAD_BYTES = 20;
const CRC_BYTES = 4;
/** First page, number of pages; then a sum for each. */
const RUN_HEAD_BYTES = 8;
const MAGIC = "skeinsum";
/** 2: sums of pages are made of those of their sectors. */
const VERSION = 2;

/** What a record is. */
export const RecordKind = {
  /** Sums that count only with what follows. */
  part: 1,
  /** With it the file holds the sums of all pages of one commit. */
  commit: 2,
} as const;

/** What stands before the runs of a record. */
export interface RecordHead {
  readonly kind: number;
  /** Transaction number of the commit that it belongs to. */
  readonly txid: number;
  /** What the meta page of that commit bears; 0 in parts. */
  readonly mark: number;
}

/** A record as it was read. */
export interface SumRecord extends RecordHead {
  readonly runsStart: number;
  readonly runsEnd: number;
  /** Where the next one begins. */
  readonly end: number;
  /** What the checksum of the next one continues. */
  readonly crc: number;
}

/** The first bytes of a file; its last four are what the first record's checksum continues. */
export function encodeHead(pageBytes: number): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  for (let i = 0; i < MAGIC.length; i++) head[i] = MAGIC.charCodeAt(i);
  writeU32(head, 8, VERSION);
  writeU32(head, 12, pageBytes);
  // Differs where words are read in another byte order.
  writeU32(head, 16, pageSum(head.slice(0, 16)));
  writeU32(head, 20, crc32cUpdate(0, head, 0, 20));
  return head;
}

/** The checksum that a head or a record ends with. */
export function crcOf(bytes: Uint8Array): number {
  return readU32(bytes, bytes.length - CRC_BYTES);
}

/** Whether `bytes` begin as files for pages of that size do. */
export function isHead(bytes: Uint8Array, pageBytes: number): boolean {
  const wanted = encodeHead(pageBytes);
  return bytes.length >= HEAD_BYTES && wanted.every((byte, at) => bytes[at] === byte);
}

/** The runs of the pages `ids`, ascending, whose sums are known. */
export function runsOf(ids: readonly number[], sums: PageSums): Uint8Array {
  const runs = new Uint8Array(ids.length * (RUN_HEAD_BYTES + 4));
  let at = 0;
  for (let i = 0; i < ids.length;) {
    const first = ids[i]!;
    const head = at;
    at += RUN_HEAD_BYTES;
    let count = 0;
    for (; ids[i] === first + count; i++, count++, at += 4) writeU32(runs, at, sums.get(ids[i]!));
    writeU32(runs, head, first);
    writeU32(runs, head + 4, count);
  }
  return runs.subarray(0, at);
}

/** One run with pages [first, end), those without a sum included. */
export function runOf(first: number, end: number, sums: PageSums): Uint8Array {
  const run = new Uint8Array(RUN_HEAD_BYTES + (end - first) * 4);
  writeU32(run, 0, first);
  writeU32(run, 4, end - first);
  for (let id = first; id < end; id++) {
    writeU32(run, RUN_HEAD_BYTES + (id - first) * 4, sums.get(id));
  }
  return run;
}

/** A record whose checksum continues `crc`; the last four bytes are that checksum. */
export function encodeRecord(head: RecordHead, runs: Uint8Array, crc: number): Uint8Array {
  const record = new Uint8Array(RECORD_HEAD_BYTES + runs.length + CRC_BYTES);
  writeU32(record, 0, head.kind);
  writeU32(record, 4, runs.length);
  writeU64(record, 8, head.txid);
  writeU32(record, 16, head.mark);
  record.set(runs, RECORD_HEAD_BYTES);
  const crcAt = record.length - CRC_BYTES;
  writeU32(record, crcAt, crc32cUpdate(crc, record, 0, crcAt));
  return record;
}

/** The record at `at`, after one with checksum `crc`; null when it is cut off or damaged. */
export function readRecord(bytes: Uint8Array, at: number, crc: number): SumRecord | null {
  const runsStart = at + RECORD_HEAD_BYTES;
  if (runsStart > bytes.length) return null;
  const runsEnd = runsStart + readU32(bytes, at + 4);
  const end = runsEnd + CRC_BYTES;
  if (end > bytes.length) return null;
  const found = crc32cUpdate(crc, bytes, at, runsEnd);
  if (found !== readU32(bytes, runsEnd)) return null;
  const [kind, txid] = [readU32(bytes, at), readU64(bytes, at + 8)];
  return { kind, txid, mark: readU32(bytes, at + 16), runsStart, runsEnd, end, crc: found };
}

/** Takes the sums of a record; what its checksum covers is as it was written. */
export function readRuns(bytes: Uint8Array, record: SumRecord, sums: PageSums): void {
  for (let at = record.runsStart; at < record.runsEnd;) {
    const first = readU32(bytes, at);
    const count = readU32(bytes, at + 4);
    at += RUN_HEAD_BYTES;
    for (let id = first; id < first + count; id++, at += 4) sums.set(id, readU32(bytes, at));
  }
}
