import type { Raft } from "./core/raft.ts";
import type { TrackerConfig } from "./tracker/config.ts";
import type { Progress } from "./tracker/progress.ts";
import type { ProgressMap } from "./tracker/tracker.ts";
import { type HardState, type SoftState, StateType } from "./types.ts";

/** What a member knows of itself and its group. */
export interface Status extends SoftState, HardState {
  readonly id: bigint;
  readonly applied: number;
  /** Whom leadership is being handed to; `NONE` for nobody. */
  readonly transferee: bigint;
  readonly config: TrackerConfig;
  /** Of all members; empty unless this one leads. Not to be changed. */
  readonly progress: ProgressMap;
}

const NO_PROGRESS: ReadonlyMap<bigint, Progress> = new Map<bigint, Progress>();

/** A snapshot of the state; progress is the live one. */
export function statusOf(raft: Raft): Status {
  const { id, term, vote, lead, state, transferee, log, tracker } = raft;
  return {
    id,
    term,
    vote,
    lead,
    state,
    transferee,
    commit: log.committed,
    applied: log.applied,
    config: tracker.config,
    progress: state === StateType.leader ? tracker.progressMap : NO_PROGRESS,
  };
}
