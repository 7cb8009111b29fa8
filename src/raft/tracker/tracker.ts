import { assert } from "../../base/assert.ts";
import { majorityIndex } from "../quorum/committed-index.ts";
import { sortIds } from "../quorum/majority.ts";
import { jointVote, majorityVote, VoteResult } from "../quorum/vote-result.ts";
import { EMPTY_CONFIG, type TrackerConfig } from "./config.ts";
import type { Progress } from "./progress.ts";

/** Every peer that is replicated to, oneself included. */
export type ProgressMap = ReadonlyMap<bigint, Progress>;

/** Limits of the window of messages under way to each peer. */
export interface InflightLimits {
  readonly inflightMax: number;
  /** Payload bytes; 0 is no limit. */
  readonly inflightBytesMax: number;
}

/** Votes counted, learners left out. */
export interface VoteTally {
  readonly granted: number;
  readonly rejected: number;
  readonly result: VoteResult;
}

/**
 * The present configuration with the progress of every peer and the votes of the election under
 * way. What a leader asks for with each message is answered without allocation.
 */
export class ProgressTracker {
  readonly limits: InflightLimits;
  #config: TrackerConfig = EMPTY_CONFIG;
  #progress: ProgressMap = new Map<bigint, Progress>();
  #peers: readonly Progress[] = [];
  #voters: readonly bigint[] = [];
  /** Progress of the voters of either half, resolved once per configuration. */
  #incoming: readonly Progress[] = [];
  #outgoing: readonly Progress[] = [];
  /** Room for the sort of acknowledged indexes. */
  #acked = new Float64Array(0);
  readonly #votes = new Map<bigint, boolean>();

  constructor(limits: InflightLimits) {
    this.limits = limits;
  }

  get config(): TrackerConfig {
    return this.#config;
  }

  /** By id; `peers` is the same in order. */
  get progressMap(): ProgressMap {
    return this.#progress;
  }

  /** Every peer, oneself included, ascending by id: the order of all broadcasts. */
  get peers(): readonly Progress[] {
    return this.#peers;
  }

  /** Voters of either half, ascending: whom an election asks. */
  get voterIds(): readonly bigint[] {
    return this.#voters;
  }

  /** Undefined when `id` is not a member. */
  progress(id: bigint): Progress | undefined {
    return this.#progress.get(id);
  }

  /** Takes over a configuration with the progress of all its members. */
  switchTo(config: TrackerConfig, progress: ProgressMap): void {
    const of = (id: bigint): Progress => {
      const found = progress.get(id);
      assert(found !== undefined, `no progress for ${id}`);
      return found;
    };
    this.#config = config;
    this.#progress = progress;
    this.#peers = sortIds(progress.keys()).map(of);
    this.#voters = config.voters.ids();
    this.#incoming = config.voters.incoming.ids.map(of);
    this.#outgoing = config.voters.outgoing.ids.map(of);
    this.#acked = new Float64Array(Math.max(this.#incoming.length, this.#outgoing.length));
  }

  /** True when one voter decides alone. */
  get isSingleton(): boolean {
    return this.#incoming.length === 1 && this.#outgoing.length === 0;
  }

  /** The highest index that both halves hold durably. */
  committed(): number {
    const incoming = this.#matched(this.#incoming);
    const outgoing = this.#matched(this.#outgoing);
    return incoming < outgoing ? incoming : outgoing;
  }

  /** True when a quorum was heard of since activity was last forgotten. */
  quorumActive(): boolean {
    const incoming = majorityVote(this.#incoming.length, countActive(this.#incoming), 0);
    const outgoing = majorityVote(this.#outgoing.length, countActive(this.#outgoing), 0);
    return jointVote(incoming, outgoing) === VoteResult.won;
  }

  /** What members said in the election under way, for inspection. */
  get votes(): ReadonlyMap<bigint, boolean> {
    return this.#votes;
  }

  /** A new election: nobody has voted. */
  resetVotes(): void {
    this.#votes.clear();
  }

  /** The first vote of a member counts, whatever it says later. */
  recordVote(id: bigint, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  /** Counts the votes and says what they decide. */
  tallyVotes(): VoteTally {
    let granted = 0;
    let rejected = 0;
    for (const { id, isLearner } of this.#peers) {
      const vote = this.#votes.get(id);
      if (isLearner || vote === undefined) continue;
      if (vote) granted += 1;
      else rejected += 1;
    }
    return { granted, rejected, result: this.#config.voters.voteResult(this.#votes) };
  }

  #matched(half: readonly Progress[]): number {
    const acked = this.#acked;
    for (let at = 0; at < half.length; at += 1) acked[at] = half[at]!.match;
    return majorityIndex(acked, half.length);
  }
}

function countActive(half: readonly Progress[]): number {
  let active = 0;
  for (const { recentActive } of half) if (recentActive) active += 1;
  return active;
}

/** One line per peer, `1: StateProbe match=0 next=1`, ascending, each with its end of line. */
export function describeProgressMap(progress: ProgressMap): string {
  return sortIds(progress.keys())
    .map((id) => `${id}: ${progress.get(id)}\n`)
    .join("");
}
