import { majorityIndex } from "./committed-index.ts";
import { majorityVote, type VoteResult } from "./vote-result.ts";

/** What is known of members by id; undefined is nothing. A Map is one. */
export interface Known<T> {
  get(id: bigint): T | undefined;
}

const NO_IDS: readonly bigint[] = [];

/** A set of voters that decides by majority. Immutable. */
export class MajorityConfig {
  /** The set without members: commits everything, wins every vote. */
  static readonly empty: MajorityConfig = new MajorityConfig(NO_IDS);

  /** Ascending, each once. */
  readonly ids: readonly bigint[];

  /** From ids in any order; repeated ones count once. */
  constructor(ids: Iterable<bigint>) {
    this.ids = sortIds(new Set(ids));
  }

  get size(): number {
    return this.ids.length;
  }

  has(id: bigint): boolean {
    return this.ids.includes(id);
  }

  /** The highest index that a majority has acknowledged; members not known count as 0. */
  committedIndex(acked: Known<number>): number {
    return majorityIndex(
      Float64Array.from(this.ids, (id) => acked.get(id) ?? 0),
      this.size,
    );
  }

  /** What the votes known so far decide. */
  voteResult(votes: Known<boolean>): VoteResult {
    let granted = 0;
    let missing = 0;
    for (const id of this.ids) {
      const vote = votes.get(id);
      if (vote === undefined) missing += 1;
      else if (vote) granted += 1;
    }
    return majorityVote(this.size, granted, missing);
  }

  /** `(1 2 a)`: ids in hexadecimal. */
  toString(): string {
    return describeIds(this.ids);
  }
}

/** Ids in a new array, ascending. */
export function sortIds(ids: Iterable<bigint>): bigint[] {
  return [...ids].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** `(1 2 a)`: ids in hexadecimal, in the given order. */
export function describeIds(ids: readonly bigint[]): string {
  return `(${ids.map((id) => id.toString(16)).join(" ")})`;
}
