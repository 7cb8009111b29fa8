import type { Sliced } from "../../base/sliced.ts";
import type { Entry, HardState } from "../../raft/types.ts";
import {
  PayloadError,
  decodeEntry,
  decodeSnapshot,
  decodeState,
  plainEntryIndex,
} from "./codec.ts";
import { RecordType } from "./format.ts";
import type { RecordReader } from "./record-reader.ts";
import type { WalContent, WalError, WalSnapshot, WalStart } from "./types.ts";

/**
 * Entry data is kept in slabs of this size: an array buffer for each entry would cost more than
 * reading it. A slab lives as long as one of its entries; the log drops its entries in order.
 */
const SLAB_BYTES = 256 * 1024;
/** Bytes of records between two pauses: half a millisecond. */
const PAUSE_BYTES = 256 * 1024;

/** Where reading starts, when only the log itself can tell. */
export interface StartChoice {
  /** Entries up to it have had their effect: they are read, and not kept. */
  readonly appliedIndex: number;
  /** Is told the newest snapshot that may be started from; may throw. */
  choose(newest: WalSnapshot | undefined): WalStart;
}

/** All that one pass over the log yields. */
export interface LogScan {
  readonly metadata: Uint8Array;
  /** The newest; null when none was written. */
  readonly hardState: HardState | null;
  /** Those after the index that was asked for. */
  readonly entries: readonly Entry[];
  /** Index of the last entry; 0 when there is none. */
  readonly lastEntry: number;
  /** Index of the last entry or snapshot record; names the next segment. */
  readonly lastIndex: number;
  /** All snapshot records, in file order. */
  readonly snapshots: readonly WalSnapshot[];
  /** Where entries up to an index are missing; null when none are. */
  readonly gap: EntryGap | null;
}

/** Missing entries; they are no loss where a snapshot stands for them. */
interface EntryGap {
  readonly upTo: number;
  readonly error: WalError;
}

/** What a log holds from a start on, with the position at which it may be continued. */
export interface Collected extends WalContent {
  /** Index of the last entry or snapshot record that was read; names the next segment. */
  readonly lastIndex: number;
}

/**
 * Reads the log to its end by etcd's rules: a later entry replaces an earlier one of its index and
 * all after it, the last state wins. Entries up to `appliedIndex` are checked and not kept.
 * @throws WalError for damage.
 */
export function* scanLog(reader: RecordReader, appliedIndex: number): Sliced<LogScan> {
  let metadata: Uint8Array | null = null;
  let hardState: HardState | null = null;
  let snapshotIndex = 0;
  const entries = new Entries(reader, appliedIndex);
  const snapshots: WalSnapshot[] = [];
  let bytesUntilPause = PAUSE_BYTES;
  while (reader.next()) {
    switch (reader.type) {
      case RecordType.metadata:
        metadata = sameMetadata(reader, metadata);
        break;
      case RecordType.entry:
        entries.add();
        snapshotIndex = 0;
        break;
      case RecordType.state:
        hardState = decode(reader, decodeState);
        break;
      case RecordType.crc:
        break;
      case RecordType.snapshot: {
        const snapshot = decode(reader, decodeSnapshot);
        snapshots.push(snapshot);
        snapshotIndex = Math.max(snapshotIndex, snapshot.index);
        break;
      }
      default:
        throw reader.refuse("unexpected-type", `unexpected block type ${reader.type}`);
    }
    bytesUntilPause -= reader.dataEnd - reader.dataStart;
    if (bytesUntilPause > 0) continue;
    bytesUntilPause = PAUSE_BYTES;
    yield;
  }
  if (metadata === null) throw reader.refuse("corrupt", "no metadata record");
  const { kept, last: lastEntry, gap } = entries;
  const lastIndex = Math.max(lastEntry, snapshotIndex);
  return { metadata, hardState, entries: kept, lastEntry, lastIndex, snapshots, gap };
}

/** Snapshots that may be started from: those up to the commit index. */
export function validOf({ snapshots, hardState }: LogScan): WalSnapshot[] {
  const commit = hardState?.commit ?? 0;
  return snapshots.filter((snapshot) => snapshot.index <= commit);
}

/** What was read, from `start` on. @throws WalError when it contradicts that. */
export function contentFrom(reader: RecordReader, scan: LogScan, start: WalStart): Collected {
  const { metadata, hardState, entries, lastIndex, gap } = scan;
  const same = scan.snapshots.filter(({ index }) => index === start.index);
  for (const { term } of same) {
    if (term === start.term) continue;
    throw reader.refuse(
      "snapshot-mismatch",
      `wal: snapshot mismatch: term ${term} at index ${start.index}, not ${start.term}`,
    );
  }
  if (gap !== null && gap.upTo > start.index) throw gap.error;
  const lastEntryIndex = Math.max(scan.lastEntry, start.index);
  const snapshotFound = same.length > 0;
  return { start, metadata, hardState, entries, snapshotFound, lastEntryIndex, lastIndex };
}

function decode<T>(reader: RecordReader, decoder: (bytes: Uint8Array) => T): T {
  try {
    return decoder(reader.data);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    throw reader.refuse("corrupt", `record of type ${reader.type}: ${error.message}`);
  }
}

function sameMetadata(reader: RecordReader, known: Uint8Array | null): Uint8Array {
  if (known === null) return reader.data.slice();
  const same = known.length === reader.data.length && known.every((b, i) => b === reader.data[i]);
  if (!same) {
    throw reader.refuse(
      "metadata-conflict",
      "wal: conflicting metadata found",
      "Segments of two members are mixed in one directory: separate them.",
    );
  }
  return known;
}

class Slabs {
  #slab = new Uint8Array(0);
  #used = 0;

  /** A copy of `bytes`. */
  keep(bytes: Uint8Array): Uint8Array {
    if (bytes.length > SLAB_BYTES / 4) return bytes.slice();
    if (this.#used + bytes.length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const copy = this.#slab.subarray(this.#used, this.#used + bytes.length);
    copy.set(bytes);
    this.#used += bytes.length;
    return copy;
  }
}

/** The entries of a log, as they come. */
class Entries {
  readonly kept: Entry[] = [];
  last = 0;
  gap: EntryGap | null = null;
  readonly #reader: RecordReader;
  readonly #appliedIndex: number;
  readonly #slabs = new Slabs();

  constructor(reader: RecordReader, appliedIndex: number) {
    this.#reader = reader;
    this.#appliedIndex = appliedIndex;
  }

  /** Takes the entry that the reader is at. */
  add(): void {
    const reader = this.#reader;
    const index = plainEntryIndex(reader.window, reader.dataStart, reader.dataEnd);
    if (index === 0 || index > this.#appliedIndex) this.#keep(decode(reader, decodeEntry));
    else this.#passed(index);
  }

  #keep(entry: Entry): void {
    const { type, term, index, data } = entry;
    const position = index - this.#appliedIndex - 1;
    this.#passed(index);
    // Beyond a gap nothing is of use.
    if (position < 0 || position > this.kept.length) return;
    this.kept.length = position;
    this.kept.push({ type, term, index, data: this.#slabs.keep(data) });
  }

  #passed(index: number): void {
    if (index > this.last + 1 && (this.gap === null || this.gap.upTo < index)) {
      const message = `wal: slice bounds out of range: entry ${index} follows ${this.last}`;
      this.gap = { upTo: index - 1, error: this.#reader.refuse("entry-gap", message) };
    }
    this.last = index;
  }
}
