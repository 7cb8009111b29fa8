import { JointConfig } from "../quorum/joint.ts";
import { MajorityConfig, sortIds } from "../quorum/majority.ts";
import type { TrackerConfig } from "../tracker/config.ts";
import { Inflights } from "../tracker/inflights.ts";
import { Progress } from "../tracker/progress.ts";
import type { InflightLimits, ProgressMap } from "../tracker/tracker.ts";

/** What a change starts from. */
export interface ChangeBase {
  readonly config: TrackerConfig;
  readonly progress: ProgressMap;
  readonly limits: InflightLimits;
  /** Last index of the log: where replication to a new member is tried first. */
  readonly lastIndex: number;
}

/** A configuration while it changes: copies of sets and progress, a refusal leaves no trace. */
export class ConfigDraft {
  readonly incoming: Set<bigint>;
  outgoing: Set<bigint>;
  readonly learners: Set<bigint>;
  readonly learnersNext: Set<bigint>;
  readonly progress = new Map<bigint, Progress>();
  autoLeave: boolean;
  readonly #limits: InflightLimits;
  readonly #lastIndex: number;

  constructor({ config, progress, limits, lastIndex }: ChangeBase) {
    this.incoming = new Set(config.voters.incoming.ids);
    this.outgoing = new Set(config.voters.outgoing.ids);
    this.learners = new Set(config.learners);
    this.learnersNext = new Set(config.learnersNext);
    this.autoLeave = config.autoLeave;
    this.#limits = limits;
    this.#lastIndex = lastIndex;
    for (const [id, each] of progress) this.progress.set(id, each.clone());
  }

  get isJoint(): boolean {
    return this.outgoing.size > 0;
  }

  /** Adds a voter, or promotes a learner. */
  makeVoter(id: bigint): void {
    const progress = this.progress.get(id);
    this.incoming.add(id);
    if (progress === undefined) {
      this.#addProgress(id, false);
      return;
    }
    progress.isLearner = false;
    this.learners.delete(id);
    this.learnersNext.delete(id);
  }

  /**
   * Adds a learner, or demotes a voter. One that still votes in the outgoing half cannot be counted
   * as a learner yet: it waits in learnersNext.
   */
  makeLearner(id: bigint): void {
    const progress = this.progress.get(id);
    if (progress === undefined) {
      this.learners.add(id);
      this.#addProgress(id, true);
      return;
    }
    if (progress.isLearner) return;
    this.remove(id);
    this.progress.set(id, progress);
    if (this.outgoing.has(id)) {
      this.learnersNext.add(id);
    } else {
      progress.isLearner = true;
      this.learners.add(id);
    }
  }

  /** Removes a member; while it votes in the outgoing half it is replicated to. */
  remove(id: bigint): void {
    if (!this.progress.has(id)) return;
    this.incoming.delete(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    if (!this.outgoing.has(id)) this.progress.delete(id);
  }

  /** Ends the joint phase: learnersNext become learners, who is in neither half is forgotten. */
  leaveJoint(): void {
    for (const id of this.learnersNext) {
      this.learners.add(id);
      const progress = this.progress.get(id);
      if (progress !== undefined) progress.isLearner = true;
    }
    this.learnersNext.clear();
    for (const id of this.outgoing) {
      if (!this.incoming.has(id) && !this.learners.has(id)) this.progress.delete(id);
    }
    this.outgoing.clear();
    this.autoLeave = false;
  }

  /** The configuration as it stands. */
  toConfig(): TrackerConfig {
    const incoming = new MajorityConfig(this.incoming);
    const outgoing = this.isJoint ? new MajorityConfig(this.outgoing) : MajorityConfig.empty;
    return {
      voters: new JointConfig(incoming, outgoing),
      learners: sortIds(this.learners),
      learnersNext: sortIds(this.learnersNext),
      autoLeave: this.autoLeave,
    };
  }

  /**
   * A new member counts as recently active, so that a check of the quorum right after the change
   * does not take it for lost.
   */
  #addProgress(id: bigint, isLearner: boolean): void {
    const { inflightMax, inflightBytesMax } = this.#limits;
    const inflights = new Inflights(inflightMax, inflightBytesMax);
    const next = Math.max(this.#lastIndex, 1);
    this.progress.set(id, new Progress({ id, next, isLearner, inflights }));
  }
}
