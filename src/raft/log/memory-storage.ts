import { assert } from "../../base/assert.ts";
import {
  type ConfState,
  type Entry,
  EntryType,
  type HardState,
  NO_DATA,
  NONE,
  type Snapshot,
} from "../types.ts";
import { endWithin } from "./sizes.ts";
import { type Storage, StorageError, TERM_UNKNOWN } from "./storage.ts";

const EMPTY_CONF_STATE: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/**
 * Storage in memory, for tests and for users who persist by other means and keep the log's end here
 * (as etcd does). The first entry of the list stands for the last compacted one.
 */
export class MemoryStorage implements Storage {
  #hardState: HardState = { term: 0, vote: NONE, commit: 0 };
  #snapshot: Snapshot = {
    data: NO_DATA,
    metadata: { confState: EMPTY_CONF_STATE, index: 0, term: 0 },
  };
  #entries: Entry[] = [marker(0, 0)];

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.metadata.confState };
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  entries(low: number, high: number, maxBytes: number): readonly Entry[] | null {
    const offset = this.#offset();
    if (low <= offset) return null;
    assert(high <= this.lastIndex() + 1, `entries' hi(${high}) is out of bound`);
    const start = low - offset;
    return this.#entries.slice(start, endWithin(this.#entries, start, high - offset, maxBytes));
  }

  term(index: number): number {
    const at = index - this.#offset();
    return at >= 0 && at < this.#entries.length ? this.#entries[at]!.term : TERM_UNKNOWN;
  }

  firstIndex(): number {
    return this.#offset() + 1;
  }

  lastIndex(): number {
    return this.#offset() + this.#entries.length - 1;
  }

  snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** Puts `snapshot` in place of everything; refused when it is not newer. */
  applySnapshot(snapshot: Snapshot): StorageError | null {
    const { index, term } = snapshot.metadata;
    if (index <= this.#snapshot.metadata.index) return StorageError.snapshotOutOfDate;
    this.#snapshot = snapshot;
    this.#entries = [marker(index, term)];
    return null;
  }

  /** Remembers the application's state at `index`; `confState` null keeps the last one. */
  createSnapshot(index: number, confState: ConfState | null, data: Uint8Array): Snapshot | null {
    if (index <= this.#snapshot.metadata.index) return null;
    assert(index <= this.lastIndex(), `snapshot ${index} is out of bound`);
    this.#snapshot = {
      data,
      metadata: {
        confState: confState ?? this.#snapshot.metadata.confState,
        index,
        term: this.term(index),
      },
    };
    return this.#snapshot;
  }

  /** Forgets the entries up to `index`, inclusive. @throws AssertionError beyond the log. */
  compact(index: number): StorageError | null {
    const offset = this.#offset();
    if (index <= offset) return StorageError.compacted;
    assert(index <= this.lastIndex(), `compact ${index} is out of bound`);
    const last = this.#entries[index - offset]!;
    this.#entries = [marker(last.index, last.term), ...this.#entries.slice(index - offset + 1)];
    return null;
  }

  /**
   * Adds `entries`, in place of every stored one with an index not below theirs.
   * @throws AssertionError for a gap.
   */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const offset = this.#offset();
    const first = entries[0]!.index;
    const start = Math.max(offset + 1 - first, 0);
    if (start >= entries.length) return;
    const at = first + start - offset;
    assert(at <= this.#entries.length, "missing log entry");
    this.#entries.length = at;
    for (let from = start; from < entries.length; from += 1) this.#entries.push(entries[from]!);
  }

  #offset(): number {
    return this.#entries[0]!.index;
  }
}

function marker(index: number, term: number): Entry {
  return { type: EntryType.normal, term, index, data: NO_DATA };
}
