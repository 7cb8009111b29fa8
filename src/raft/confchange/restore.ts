import { assert } from "../../base/assert.ts";
import { type ConfChangeSingle, ConfChangeType } from "../conf-change.ts";
import { sortIds } from "../quorum/majority.ts";
import { EMPTY_CONFIG, toConfState } from "../tracker/config.ts";
import type { InflightLimits } from "../tracker/tracker.ts";
import type { ConfState } from "../types.ts";
import { type Changed, type ChangeOutcome, Changer } from "./changer.ts";

/** Where the progress of a restored configuration starts. */
export interface RestoreOptions {
  readonly lastIndex: number;
  readonly limits: InflightLimits;
}

/**
 * The configuration of a snapshot or a restart, reached by the changes that lead to it: the
 * outgoing voters one by one, then everything else as one joint change.
 * @throws AssertionError when `confState` is none that changes can lead to.
 */
export function restore(confState: ConfState, options: RestoreOptions): Changed {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = confState;
  const changes = [
    ...changesOf(ConfChangeType.removeNode, votersOutgoing),
    ...changesOf(ConfChangeType.addNode, voters),
    ...changesOf(ConfChangeType.addLearnerNode, learners),
    ...changesOf(ConfChangeType.addLearnerNode, learnersNext),
  ];
  let now: Changed = { config: EMPTY_CONFIG, progress: new Map() };
  const step = (change: (changer: Changer) => ChangeOutcome): void => {
    const outcome = change(new Changer({ ...now, ...options }));
    assert(!("error" in outcome), "error" in outcome ? outcome.error : "");
    now = outcome;
  };
  const isJoint = votersOutgoing.length > 0;
  const one = isJoint ? changesOf(ConfChangeType.addNode, votersOutgoing) : changes;
  for (const change of one) step((changer) => changer.simple([change]));
  if (isJoint) step((changer) => changer.enterJoint(autoLeave, changes));
  assert(
    isSameConfState(toConfState(now.config), confState),
    "ConfStates not equivalent after sorting",
  );
  return now;
}

function changesOf(type: ConfChangeType, ids: readonly bigint[]): readonly ConfChangeSingle[] {
  return ids.map((nodeId) => ({ type, nodeId }));
}

/** True when both mean the same members; the order of ids is nothing. */
export function isSameConfState(a: ConfState, b: ConfState): boolean {
  return (
    isSameList(a.voters, b.voters) &&
    isSameList(a.learners, b.learners) &&
    isSameList(a.votersOutgoing, b.votersOutgoing) &&
    isSameList(a.learnersNext, b.learnersNext) &&
    a.autoLeave === b.autoLeave
  );
}

function isSameList(a: readonly bigint[], b: readonly bigint[]): boolean {
  const sorted = sortIds(b);
  return a.length === b.length && sortIds(a).every((id, at) => id === sorted[at]);
}
