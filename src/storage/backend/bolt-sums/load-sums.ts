import { type Disk, DiskError, type FileId } from "../../../platform/disk.ts";
import type { PageSums } from "./page-sums.ts";
import {
  crcOf,
  HEAD_BYTES,
  isHead,
  readRecord,
  readRuns,
  RecordKind,
  type SumRecord,
} from "./sum-records.ts";

/**
 * A file that is longer is none of ours: that many bytes per page, and what a database of 16 GiB
 * may have (16 bytes per page), for one that was cut keeps those of what it was until the next
 * commits write them anew.
 */
const PAGE_BYTES_MAX = 64;
const CUT_BYTES_MAX = 64 * 1024 * 1024;

/** Which commit a database file holds. */
export interface CommitId {
  readonly txid: number;
  /** What the meta page bears; 0 when it was written by somebody who keeps no checksums. */
  readonly mark: number;
  readonly endPage: number;
  readonly pageBytes: number;
}

/** Where sums are loaded from and to. */
export interface SumSource {
  readonly disk: Disk;
  readonly path: string;
  /** Empty; filled when the file is of use. */
  readonly sums: PageSums;
}

/** Why a file of sums is of no use. */
export interface UselessSums {
  readonly reason: string;
  /** Nothing is wrong: somebody else wrote the database last, as at each hand-over from etcd. */
  readonly isExpected: boolean;
}

/** A file whose last record of use is that of the commit; more may lie behind it. */
export interface LoadedSums {
  /** Open for writing. */
  readonly file: FileId;
  readonly endBytes: number;
  /** Checksum of the last record of use. */
  readonly crc: number;
}

/**
 * Takes the sums of all pages as of the commit `last`; what was written after it is passed over.
 * Returns why the file is of no use, null when there is none and need not be. Blocks.
 */
export function loadSums(source: SumSource, last: CommitId): LoadedSums | UselessSums | null {
  const { disk, path } = source;
  try {
    if (!disk.existsSync(path)) return last.mark === 0 ? null : useless("there are none");
    if (last.mark === 0) {
      return {
        ...useless("the database was written by somebody who keeps none"),
        isExpected: true,
      };
    }
    const file = disk.openSync(path, { write: true });
    const loaded = loadFrom(file, source, last);
    if (typeof loaded !== "string") return loaded;
    disk.closeSync(file);
    return useless(loaded);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return useless(error.message);
  }
}

function useless(reason: string): UselessSums {
  return { reason, isExpected: false };
}

function loadFrom(file: FileId, source: SumSource, last: CommitId): LoadedSums | string {
  const { disk, sums } = source;
  const size = disk.sizeSync(file);
  if (size > CUT_BYTES_MAX + last.endPage * PAGE_BYTES_MAX) return `the file has ${size} bytes`;
  const bytes = new Uint8Array(size);
  const read = disk.readSync(file, bytes, 0);
  if (read < size || !isHead(bytes, last.pageBytes)) return "the file begins with something else";
  const records: SumRecord[] = [];
  let found = 0;
  let [at, crc] = [HEAD_BYTES, crcOf(bytes.subarray(0, HEAD_BYTES))];
  for (;;) {
    const record = readRecord(bytes, at, crc);
    if (record === null) break;
    records.push(record);
    if (isOf(record, last)) found = records.length;
    at = record.end;
    crc = record.crc;
  }
  if (found === 0) {
    return at < size ? `the file is damaged at byte ${at}` : "they are those of another database";
  }
  for (const record of records.slice(0, found)) readRuns(bytes, record, sums);
  const { end, crc: lastCrc } = records[found - 1]!;
  return { file, endBytes: end, crc: lastCrc };
}

function isOf(record: SumRecord, { txid, mark }: CommitId): boolean {
  return record.kind === RecordKind.commit && record.txid === txid && record.mark === mark;
}
