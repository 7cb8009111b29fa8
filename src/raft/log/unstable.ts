import { assert } from "../../base/assert.ts";
import type { RaftLogger } from "../logger.ts";
import { type Entry, NO_ENTRIES, type Snapshot } from "../types.ts";
import { endWithin } from "./sizes.ts";
import { TERM_UNKNOWN } from "./storage.ts";

/**
 * The end of the log that storage does not hold for certain: entries from `offset` on, and a
 * snapshot that came from the leader. Below `offsetInProgress` they were handed out for
 * persistence, once each; they stay here until that is acknowledged.
 *
 * Invariant: offset <= offsetInProgress <= offset + entries.length.
 */
export class Unstable {
  offset: number;
  offsetInProgress: number;
  snapshot: Snapshot | null = null;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  readonly #logger: RaftLogger;

  /** `offset`: the index behind the last stored one. */
  constructor(offset: number, logger: RaftLogger) {
    this.offset = offset;
    this.offsetInProgress = offset;
    this.#logger = logger;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The last index held here, 0 when there is none. */
  lastIndex(): number {
    if (this.#entries.length > 0) return this.offset + this.#entries.length - 1;
    return this.snapshot === null ? 0 : this.snapshot.metadata.index;
  }

  /** The term at `index`, TERM_UNKNOWN when storage has to be asked. */
  term(index: number): number {
    if (index >= this.offset) {
      const at = index - this.offset;
      return at < this.#entries.length ? this.#entries[at]!.term : TERM_UNKNOWN;
    }
    const metadata = this.snapshot?.metadata;
    return metadata !== undefined && metadata.index === index ? metadata.term : TERM_UNKNOWN;
  }

  /** Entries [low, high) cut to `maxBytes`, in a list of the caller's own. */
  slice(low: number, high: number, maxBytes: number): Entry[] {
    const start = low - this.offset;
    const end = high - this.offset;
    assert(start >= 0 && start <= end && end <= this.#entries.length, "unstable: out of bounds");
    return this.#entries.slice(start, endWithin(this.#entries, start, end, maxBytes));
  }

  get hasNextEntries(): boolean {
    return this.#entries.length > this.offsetInProgress - this.offset;
  }

  /** Entries not yet handed out for persistence. */
  nextEntries(): readonly Entry[] {
    if (!this.hasNextEntries) return NO_ENTRIES;
    return this.#entries.slice(this.offsetInProgress - this.offset);
  }

  /** The snapshot unless it was handed out for persistence. */
  nextSnapshot(): Snapshot | null {
    return this.#snapshotInProgress ? null : this.snapshot;
  }

  /** All there is was handed out. */
  acceptInProgress(): void {
    this.offsetInProgress = this.offset + this.#entries.length;
    if (this.snapshot !== null) this.#snapshotInProgress = true;
  }

  /**
   * Storage holds everything up to the entry (`index`, `term`), and no write is under way that
   * replaces any of it.
   */
  stableTo(index: number, term: number): void {
    const found = this.term(index);
    if (found === TERM_UNKNOWN) {
      this.#logger.info(`entry at index ${index} missing from unstable log; ignoring`);
    } else if (index < this.offset) {
      this.#logger.info(`entry at index ${index} matched unstable snapshot; ignoring`);
    } else if (found !== term) {
      this.#logger.info(
        `entry at (index,term)=(${index},${term}) mismatched with entry at ` +
          `(${index},${found}) in unstable log; ignoring`,
      );
    } else {
      this.#dropTo(index + 1);
    }
  }

  /** Storage holds the snapshot up to `index`. */
  stableSnapshotTo(index: number): void {
    if (this.snapshot?.metadata.index !== index) return;
    this.snapshot = null;
    this.#snapshotInProgress = false;
  }

  /** Begins anew behind `snapshot`. */
  restore(snapshot: Snapshot): void {
    this.offset = snapshot.metadata.index + 1;
    this.offsetInProgress = this.offset;
    this.#entries = [];
    this.snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Puts `entries[start…]` in place of everything from the index of the first of them on. */
  truncateAndAppend(entries: readonly Entry[], start: number): void {
    const from = entries[start]!.index;
    const next = this.offset + this.#entries.length;
    assert(from <= next, "unstable: a gap in the log");
    if (from < next) this.#truncate(from);
    for (let at = start; at < entries.length; at += 1) this.#entries.push(entries[at]!);
  }

  #truncate(from: number): void {
    if (from <= this.offset) {
      this.#logger.info(`replace the unstable entries from index ${from}`);
      this.#entries = [];
      this.offset = from;
      this.offsetInProgress = from;
      return;
    }
    this.#logger.info(`truncate the unstable entries before index ${from}`);
    this.#entries.length = from - this.offset;
    if (this.offsetInProgress > from) this.offsetInProgress = from;
  }

  #dropTo(offset: number): void {
    const count = offset - this.offset;
    if (count === this.#entries.length) this.#entries = [];
    else this.#entries.splice(0, count);
    this.offset = offset;
    if (this.offsetInProgress < offset) this.offsetInProgress = offset;
  }
}
