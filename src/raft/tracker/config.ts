import { JointConfig } from "../quorum/joint.ts";
import { describeIds, MajorityConfig } from "../quorum/majority.ts";
import type { ConfState } from "../types.ts";

/** Who votes and who learns. Immutable; ids ascending, each once. */
export interface TrackerConfig {
  readonly voters: JointConfig;
  readonly learners: readonly bigint[];
  /** Outgoing voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly bigint[];
  /** The leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

/** The configuration of a node that has not heard of any. */
export const EMPTY_CONFIG: TrackerConfig = {
  voters: new JointConfig(MajorityConfig.empty),
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

/** `voters=(1 2)&&(1 3) learners=(4) learners_next=(3) autoleave` (raft.md B26). */
export function describeConfig(config: TrackerConfig): string {
  let text = `voters=${config.voters}`;
  if (config.learners.length > 0) text += ` learners=${describeIds(config.learners)}`;
  if (config.learnersNext.length > 0) text += ` learners_next=${describeIds(config.learnersNext)}`;
  if (config.autoLeave) text += " autoleave";
  return text;
}

/** The configuration as snapshots carry it. */
export function toConfState(config: TrackerConfig): ConfState {
  return {
    voters: config.voters.incoming.ids,
    learners: config.learners,
    votersOutgoing: config.voters.outgoing.ids,
    learnersNext: config.learnersNext,
    autoLeave: config.autoLeave,
  };
}
