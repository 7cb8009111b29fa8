import type { Entry, HardState } from "../../raft/types.ts";
import { PayloadError, decodeEntry, decodeSnapshot, decodeState } from "./codec.ts";
import { RecordType } from "./format.ts";
import type { RecordReader } from "./record-reader.ts";
import type { WalContent, WalSnapshot } from "./types.ts";

/**
 * Entry data is kept in slabs of this size: an array buffer for each entry would cost more than
 * reading it. A slab lives as long as one of its entries; the log drops its entries in order.
 */
const SLAB_BYTES = 256 * 1024;

/** Where reading starts: the log up to `index` is in a snapshot. */
export interface WalStart {
  readonly index: number;
  readonly term: number;
}

/** What `collect` found, with the position at which the log may be continued. */
export interface Collected extends WalContent {
  /** Index of the last entry or snapshot record that was read; names the next segment. */
  readonly lastIndex: number;
  /** All snapshot records, in file order. */
  readonly snapshots: readonly WalSnapshot[];
}

/**
 * Reads the log to its end by etcd's rules: entries up to the start are skipped, a later entry
 * replaces an earlier one of its index and all after it, the last state wins.
 * @throws WalError for damage and for contents that contradict each other.
 */
export function collect(reader: RecordReader, start: WalStart): Collected {
  let metadata: Uint8Array | null = null;
  let hardState: HardState | null = null;
  let snapshotFound = false;
  let lastIndex = 0;
  const entries: Entry[] = [];
  const slabs = new Slabs();
  const snapshots: WalSnapshot[] = [];
  while (reader.next()) {
    switch (reader.type) {
      case RecordType.metadata:
        metadata = sameMetadata(reader, metadata);
        break;
      case RecordType.entry:
        lastIndex = addEntry(reader, start, { entries, slabs });
        break;
      case RecordType.state:
        hardState = decode(reader, decodeState);
        break;
      case RecordType.crc:
        break;
      case RecordType.snapshot: {
        const snapshot = decode(reader, decodeSnapshot);
        snapshots.push(snapshot);
        lastIndex = Math.max(lastIndex, snapshot.index);
        if (snapshot.index === start.index) snapshotFound = matches(reader, snapshot, start);
        break;
      }
      default:
        throw reader.refuse("unexpected-type", `unexpected block type ${reader.type}`);
    }
  }
  if (metadata === null) throw reader.refuse("corrupt", "no metadata record");
  return { metadata, hardState, entries, snapshotFound, lastIndex, snapshots };
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

function addEntry(
  reader: RecordReader,
  start: WalStart,
  into: { entries: Entry[]; slabs: Slabs },
): number {
  const { entries, slabs } = into;
  const entry = decode(reader, decodeEntry);
  if (entry.index > start.index) {
    const position = entry.index - start.index - 1;
    if (position > entries.length) {
      throw reader.refuse(
        "entry-gap",
        `wal: slice bounds out of range: entry ${entry.index} follows ` +
          `${start.index + entries.length}`,
      );
    }
    entries.length = position;
    const { type, term, index, data } = entry;
    entries.push({ type, term, index, data: slabs.keep(data) });
  }
  return entry.index;
}

function matches(reader: RecordReader, snapshot: WalSnapshot, start: WalStart): boolean {
  if (snapshot.term === start.term) return true;
  throw reader.refuse(
    "snapshot-mismatch",
    `wal: snapshot mismatch: term ${snapshot.term} at index ${start.index}, not ${start.term}`,
  );
}
