import { assert } from "../base/assert.ts";
import type { ProposeRefusal, RaftNode, ReadState, Ready } from "./node.ts";
import { type Entry, EntryType, type HardState } from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];
const NO_READS: readonly ReadState[] = [];
const NO_DATA = new Uint8Array(0);

/** What a log of one starts from. */
export interface LogOfOneOptions {
  readonly id: bigint;
  /** As read from the log; zeros for a new one. */
  readonly hardState: HardState;
  /** All entries of the log that are not yet applied, in order, without gaps. */
  readonly entries: readonly Entry[];
  /** Index of the last entry already applied; entries up to it are not delivered again. */
  readonly appliedIndex: number;
  /**
   * Payload bytes of proposed entries that are not applied yet, beyond which proposals are refused.
   */
  readonly unappliedBytesMax: number;
}

/**
 * Raft with one voter: the rules of `raft.md` that are left when nobody else votes. It campaigns by
 * itself, commits what its own disk confirmed, and answers read indexes at once.
 *
 * Invariant: appliedIndex <= handedIndex <= commitIndex <= stableIndex <= lastIndex.
 */
export class LogOfOne implements RaftNode {
  readonly id: bigint;
  term: number;
  leader = 0n;
  lastIndex: number;
  commitIndex: number;
  appliedIndex: number;

  readonly #unappliedBytesMax: number;
  #unappliedBytes = 0;
  #vote: bigint;
  /** A vote for oneself counts once it is durable. */
  #campaignTerm = -1;
  #stableIndex: number;
  /** Index of the empty entry with which this term of leadership began. */
  #termStartIndex = Number.POSITIVE_INFINITY;
  #handedIndex: number;
  /** Entries from handedIndex + 1 on, first at #logFrom. */
  #log: Entry[];
  #logFrom = 0;
  /** Entries not yet handed out for persistence: those above this index. */
  #offeredIndex: number;
  #savedTerm: number;
  #savedVote: bigint;
  #savedCommit: number;
  #reads: ReadState[] = [];

  constructor(options: LogOfOneOptions) {
    this.id = options.id;
    this.term = options.hardState.term;
    this.#vote = options.hardState.vote;
    this.appliedIndex = options.appliedIndex;
    this.#log = [...options.entries];
    this.lastIndex = this.#log.at(-1)?.index ?? options.appliedIndex;
    assert(
      this.lastIndex === options.appliedIndex + this.#log.length,
      "log of one: entries follow the applied index without gaps",
    );
    // With one voter everything durable is committed (figure 8 cannot happen without a second log).
    this.commitIndex = Math.min(options.hardState.commit, this.lastIndex);
    this.#handedIndex = options.appliedIndex;
    this.#stableIndex = this.lastIndex;
    this.#offeredIndex = this.lastIndex;
    this.#savedTerm = options.hardState.term;
    this.#savedVote = options.hardState.vote;
    this.#savedCommit = options.hardState.commit;
    this.#unappliedBytesMax = options.unappliedBytesMax;
    for (const entry of this.#log) this.#unappliedBytes += entry.data.length;
    assert(this.commitIndex >= options.appliedIndex, "log of one: applied is committed");
  }

  tick(): void {
    if (this.leader === 0n && this.#campaignTerm !== this.term) this.campaign();
  }

  /** Starts an election, which is won when the vote is durable (raft.md 5). */
  campaign(): void {
    this.term += 1;
    this.#vote = this.id;
    this.#campaignTerm = this.term;
  }

  propose(data: Uint8Array): ProposeRefusal | null {
    if (this.leader === 0n) return "no leader";
    if (this.#unappliedBytes > 0 && this.#unappliedBytes + data.length > this.#unappliedBytesMax) {
      return "uncommitted limit";
    }
    this.#append(data);
    return null;
  }

  readIndex(context: number): boolean {
    if (!this.#committedInTerm()) return false;
    this.#reads.push({ context, index: this.commitIndex });
    return true;
  }

  /**
   * With one voter nobody else acknowledges writes, and this member only those it has applied: the
   * applied state has all of them, whatever is committed and still waits.
   */
  readNow(): boolean {
    return this.appliedIndex >= this.#termStartIndex;
  }

  hasReady(): boolean {
    return (
      this.#offeredIndex < this.lastIndex ||
      this.#handedIndex < this.commitIndex ||
      this.#reads.length > 0 ||
      this.#hardStateChanged()
    );
  }

  ready(): Ready {
    const mustSync =
      this.#offeredIndex < this.lastIndex ||
      this.term !== this.#savedTerm ||
      this.#vote !== this.#savedVote;
    const entries = this.#takeUnstable();
    const committed = this.#takeCommitted();
    const hardState = this.#takeHardState();
    const readStates = this.#reads.length === 0 ? NO_READS : this.#reads;
    if (this.#reads.length > 0) this.#reads = [];
    return { hardState, entries, committed, readStates, mustSync };
  }

  appended(index: number, term: number): void {
    // An acknowledgement of an older term may name entries that were replaced since (raft.md S11).
    if (term !== this.term) return;
    assert(index <= this.lastIndex, "log of one: acknowledged beyond the log");
    if (index > this.#stableIndex) this.#stableIndex = index;
    if (this.leader === 0n && this.#campaignTerm === this.term) {
      this.leader = this.id;
      this.#append(NO_DATA);
      this.#termStartIndex = this.lastIndex;
      return;
    }
    if (this.leader === this.id && this.#stableIndex > this.commitIndex) {
      this.commitIndex = this.#stableIndex;
    }
  }

  applied(index: number, payloadBytes: number): void {
    assert(index <= this.#handedIndex, "log of one: applied what was not handed out");
    this.appliedIndex = index;
    this.#unappliedBytes -= payloadBytes;
  }

  /** Payload bytes proposed and not yet released. */
  get unappliedBytes(): number {
    return this.#unappliedBytes;
  }

  #append(data: Uint8Array): void {
    this.lastIndex += 1;
    this.#unappliedBytes += data.length;
    this.#log.push({ type: EntryType.normal, term: this.term, index: this.lastIndex, data });
  }

  /** A leader knows what is committed only after it committed an entry of its own term (S5). */
  #committedInTerm(): boolean {
    return this.commitIndex >= this.#termStartIndex;
  }

  #hardStateChanged(): boolean {
    return (
      this.term !== this.#savedTerm ||
      this.#vote !== this.#savedVote ||
      this.commitIndex !== this.#savedCommit
    );
  }

  #takeHardState(): HardState | null {
    if (!this.#hardStateChanged()) return null;
    this.#savedTerm = this.term;
    this.#savedVote = this.#vote;
    this.#savedCommit = this.commitIndex;
    return { term: this.term, vote: this.#vote, commit: this.commitIndex };
  }

  #takeUnstable(): readonly Entry[] {
    if (this.#offeredIndex === this.lastIndex) return NO_ENTRIES;
    const from = this.#logFrom + (this.#offeredIndex - this.#handedIndex);
    const entries = this.#log.slice(from);
    this.#offeredIndex = this.lastIndex;
    return entries;
  }

  #takeCommitted(): readonly Entry[] {
    const count = this.commitIndex - this.#handedIndex;
    if (count === 0) return NO_ENTRIES;
    const committed = this.#log.slice(this.#logFrom, this.#logFrom + count);
    this.#logFrom += count;
    this.#handedIndex = this.commitIndex;
    if (this.#logFrom === this.#log.length || this.#logFrom > 4096) {
      this.#log = this.#log.slice(this.#logFrom);
      this.#logFrom = 0;
    }
    return committed;
  }
}
