/** Facts of etcd's log files (server/storage/wal, api walpb). */

/** Field `type` of a record. */
export const RecordType = { metadata: 1, entry: 2, state: 3, crc: 4, snapshot: 5 } as const;

/** The length word before each record; frames are multiples of it. */
export const WORD_BYTES = 8;

/** The unit a disk writes whole; the test for torn writes cuts records at its multiples. */
export const SECTOR_BYTES = 512;

/** A file name of the log, taken apart. */
export interface SegmentName {
  readonly name: string;
  /** Rises by 1 from segment to segment. */
  readonly sequence: number;
  /** Index of the first entry that was to come when the segment began. */
  readonly index: number;
}

const NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

/** Both numbers as 16 hexadecimal digits. */
export function segmentName(sequence: number, index: number): string {
  const hex = (value: number): string => value.toString(16).padStart(16, "0");
  return `${hex(sequence)}-${hex(index)}.wal`;
}

/** Null for names that are not segments, and for numbers of 2^53 and more. */
export function parseSegmentName(name: string): SegmentName | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const sequence = Number.parseInt(match[1], 16);
  const index = Number.parseInt(match[2], 16);
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(index)) return null;
  return { name, sequence, index };
}

/** `dir/name` of the directory that holds `path`. */
export function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : trimmed.slice(0, slash);
}
