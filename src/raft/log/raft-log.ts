import { assert } from "../../base/assert.ts";
import type { RaftLogger } from "../logger.ts";
import { type Entry, EntryType, NO_ENTRIES, type Snapshot } from "../types.ts";
import { ApplyWindow } from "./apply-window.ts";
import { totalEncodedBytes } from "./sizes.ts";
import { type Storage, TERM_UNKNOWN } from "./storage.ts";
import { Unstable } from "./unstable.ts";

/** What a log is opened with. */
export interface RaftLogOptions {
  readonly storage: Storage;
  readonly logger: RaftLogger;
  /** Encoded bytes handed out for apply and not acknowledged, softly. */
  readonly applyingBytesMax: number;
}

/**
 * The log as the algorithm sees it (raft.md 14): what storage holds, then what is unstable.
 *
 * Invariant: applied <= applying <= committed <= lastIndex().
 */
export class RaftLog {
  committed: number;
  readonly unstable: Unstable;
  readonly window: ApplyWindow;
  readonly #storage: Storage;
  readonly #logger: RaftLogger;

  constructor({ storage, logger, applyingBytesMax }: RaftLogOptions) {
    this.#storage = storage;
    this.#logger = logger;
    this.committed = storage.firstIndex() - 1;
    this.unstable = new Unstable(storage.lastIndex() + 1, logger);
    this.window = new ApplyWindow(this.committed, applyingBytesMax);
  }

  get applied(): number {
    return this.window.applied;
  }

  firstIndex(): number {
    const { snapshot } = this.unstable;
    return snapshot === null ? this.#storage.firstIndex() : snapshot.metadata.index + 1;
  }

  lastIndex(): number {
    const index = this.unstable.lastIndex();
    return index === 0 ? this.#storage.lastIndex() : index;
  }

  lastTerm(): number {
    const term = this.term(this.lastIndex());
    assert(term !== TERM_UNKNOWN, "raft log: the last term is known");
    return term;
  }

  /** The term at `index`, TERM_UNKNOWN outside [firstIndex - 1, lastIndex]. */
  term(index: number): number {
    const term = this.unstable.term(index);
    if (term !== TERM_UNKNOWN) return term;
    if (index + 1 < this.firstIndex() || index > this.lastIndex()) return TERM_UNKNOWN;
    return this.#storage.term(index);
  }

  /** As `term`, with 0 for unknown, as it is printed. */
  termOrZero(index: number): number {
    return Math.max(this.term(index), 0);
  }

  matchesTerm(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** True when a log that ends with (`index`, `term`) is at least as current as this one. */
  isUpToDate(index: number, term: number): boolean {
    const lastTerm = this.lastTerm();
    return term > lastTerm || (term === lastTerm && index >= this.lastIndex());
  }

  /** Entries from `low` to the end within `maxBytes`; null when compacted. */
  entriesFrom(low: number, maxBytes: number): readonly Entry[] | null {
    const last = this.lastIndex();
    return low > last ? NO_ENTRIES : this.slice(low, last + 1, maxBytes);
  }

  /**
   * Entries [low, high) within `maxBytes`, at least one; null when `low` is compacted.
   * @throws AssertionError when `high` is beyond the log.
   */
  slice(low: number, high: number, maxBytes: number): readonly Entry[] | null {
    assert(low <= high, `raft log: invalid slice ${low} > ${high}`);
    if (low < this.firstIndex()) return null;
    assert(high <= this.lastIndex() + 1, "raft log: slice out of bounds");
    const { offset } = this.unstable;
    if (low >= offset) return this.unstable.slice(low, high, maxBytes);
    const cut = Math.min(high, offset);
    const stored = this.#storage.entries(low, cut, maxBytes);
    if (stored === null || high <= offset || stored.length < cut - low) return stored;
    const room = maxBytes - totalEncodedBytes(stored);
    if (room <= 0) return stored;
    const rest = this.unstable.slice(offset, high, room);
    // The one entry that always passes does so only where there is none before it.
    if (rest.length === 1 && totalEncodedBytes(rest) > room) return stored;
    return [...stored, ...rest];
  }

  /** Appends at or behind the committed index; returns the last index. */
  append(entries: readonly Entry[], start = 0): number {
    if (start < entries.length) {
      const after = entries[start]!.index - 1;
      assert(
        after >= this.committed,
        `after(${after}) is out of range [committed(${this.committed})]`,
      );
      this.unstable.truncateAndAppend(entries, start);
    }
    return this.lastIndex();
  }

  /**
   * Takes the entries behind (`previous`, `previousTerm`) over, from the first that differs on.
   * False when this log has no such anchor.
   * @throws AssertionError when a committed entry would be replaced.
   */
  appendBehind(previous: number, previousTerm: number, entries: readonly Entry[]): boolean {
    if (!this.matchesTerm(previous, previousTerm)) return false;
    const start = this.#firstDifferent(entries);
    if (start === entries.length) return true;
    const { index } = entries[start]!;
    assert(
      index > this.committed,
      `entry ${index} conflict with committed entry [committed(${this.committed})]`,
    );
    this.append(entries, start);
    return true;
  }

  #firstDifferent(entries: readonly Entry[]): number {
    for (let at = 0; at < entries.length; at += 1) {
      const { index, term } = entries[at]!;
      if (this.matchesTerm(index, term)) continue;
      if (index <= this.lastIndex()) {
        this.#logger.info(
          `found conflict at index ${index} ` +
            `[existing term: ${this.termOrZero(index)}, conflicting term: ${term}]`,
        );
      }
      return at;
    }
    return entries.length;
  }

  /**
   * The largest index up to `index` where this log can match another one, of which only one entry
   * with `term` behind it is known: the terms of a log never fall (raft.md L5, L6). An index whose
   * term is not known any more counts.
   */
  lastIndexWithTermUpTo(index: number, term: number): number {
    let at = index;
    while (at > 0) {
      const own = this.term(at);
      if (own === TERM_UNKNOWN || own <= term) return at;
      at -= 1;
    }
    return 0;
  }

  /** Never goes back. @throws AssertionError when the log does not reach so far. */
  commitTo(index: number): void {
    if (index <= this.committed) return;
    assert(
      index <= this.lastIndex(),
      `tocommit(${index}) is out of range [lastIndex(${this.lastIndex()})]. ` +
        "Was the raft log corrupted, truncated, or lost?",
    );
    this.committed = index;
  }

  /** Commits up to `index` if that is news and the entry there has `term` (paper, 5.4.2). */
  maybeCommit(index: number, term: number): boolean {
    if (index <= this.committed || term === 0 || !this.matchesTerm(index, term)) return false;
    this.commitTo(index);
    return true;
  }

  /** Everything before `snapshot` is forgotten for it. */
  restore(snapshot: Snapshot): void {
    const { index, term } = snapshot.metadata;
    this.#logger.info(
      `log [${this.toString()}] starts to restore snapshot [index: ${index}, term: ${term}]`,
    );
    this.committed = index;
    this.unstable.restore(snapshot);
  }

  /** The snapshot to send: the one just received, else storage's newest, null while it has none. */
  snapshot(): Snapshot | null {
    return this.unstable.snapshot ?? this.#storage.snapshot();
  }

  /** True while committed entries wait to be handed out for apply. */
  hasNextCommitted(allowUnstable: boolean): boolean {
    if (this.window.isPaused || this.unstable.snapshot !== null) return false;
    return this.window.applying < this.#appliableTo(allowUnstable);
  }

  /**
   * Committed entries to apply next, within the window. While a snapshot waits to be persisted
   * there are none. `allowUnstable`: also those whose durability was not acknowledged.
   */
  nextCommitted(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommitted(allowUnstable)) return NO_ENTRIES;
    const high = this.#appliableTo(allowUnstable) + 1;
    const entries = this.slice(this.window.applying + 1, high, this.window.room);
    assert(entries !== null, "raft log: unapplied entries were compacted");
    return entries;
  }

  /** `entries` of nextCommitted were handed out. */
  acceptApplying(entries: readonly Entry[], allowUnstable: boolean): void {
    const last = entries[entries.length - 1]!.index;
    const isCut = last < this.#appliableTo(allowUnstable);
    this.window.accept(last, totalEncodedBytes(entries), isCut);
  }

  /** Entries up to `index`, `bytes` encoded of those handed out, are applied. */
  appliedTo(index: number, bytes: number): void {
    assert(
      index <= this.committed && index >= this.applied,
      `applied(${index}) is out of range [prevApplied(${this.applied}), ` +
        `committed(${this.committed})]`,
    );
    this.window.appliedTo(index, bytes);
  }

  /** True when a configuration change is committed and not applied. */
  hasUnappliedConfChange(): boolean {
    let low = this.applied + 1;
    while (low <= this.committed) {
      const entries = this.slice(low, this.committed + 1, this.window.bytesMax);
      assert(entries !== null && entries.length > 0, "raft log: unapplied entries were compacted");
      for (const { type } of entries) if (type !== EntryType.normal) return true;
      low += entries.length;
    }
    return false;
  }

  #appliableTo(allowUnstable: boolean): number {
    if (allowUnstable) return this.committed;
    return Math.min(this.committed, this.unstable.offset - 1);
  }

  /** As log lines show it (raft.md 14). */
  toString(): string {
    const { unstable, window } = this;
    return (
      `committed=${this.committed}, applied=${window.applied}, applying=${window.applying}, ` +
      `unstable.offset=${unstable.offset}, ` +
      `unstable.offsetInProgress=${unstable.offsetInProgress}, ` +
      `len(unstable.Entries)=${unstable.length}`
    );
  }
}
