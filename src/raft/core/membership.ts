import { assert } from "../../base/assert.ts";
import {
  type ConfChangeV2,
  describeConfChange,
  entersJoint,
  leavesAutomatically,
  leavesJoint,
} from "../conf-change.ts";
import { decodeConfChange } from "../conf-change-codec.ts";
import { type Changed, type ChangeOutcome, Changer } from "../confchange/changer.ts";
import { restore } from "../confchange/restore.ts";
import { hex } from "../logger.ts";
import { describeConfig, toConfState } from "../tracker/config.ts";
import { type ConfState, type Entry, EntryType, NO_DATA, NONE, StateType } from "../types.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend, maybeCommit } from "../leader/replication.ts";
import { becomeFollower } from "./roles.ts";

const EMPTY_ENTRY: Entry = { type: EntryType.normal, term: 0, index: 0, data: NO_DATA };

/**
 * Proposed entries with every configuration change that is not allowed now replaced by an empty
 * entry, so that indexes stay as foreseen (raft.md 6). What passes is pending from here on.
 */
export function gateConfChanges(raft: Raft, entries: readonly Entry[]): readonly Entry[] {
  let gated: Entry[] | null = null;
  for (let at = 0; at < entries.length; at += 1) {
    const entry = entries[at]!;
    if (entry.type === EntryType.normal) continue;
    const change = decodeConfChange(entry);
    const reason = raft.settings.disableConfChangeValidation ? null : refusalOf(raft, change);
    if (reason === null) {
      raft.pendingConfIndex = raft.log.lastIndex() + at + 1;
      continue;
    }
    raft.logger.info(
      `${hex(raft.id)} ignoring conf change ${describeConfChange(change)} ` +
        `at config ${describeConfig(raft.tracker.config)}: ${reason}`,
    );
    gated ??= [...entries];
    gated[at] = EMPTY_ENTRY;
  }
  return gated ?? entries;
}

function refusalOf(raft: Raft, change: ConfChangeV2): string | null {
  const { applied } = raft.log;
  if (raft.pendingConfIndex > applied) {
    return (
      `possible unapplied conf change at index ${raft.pendingConfIndex} ` +
      `(applied to ${applied})`
    );
  }
  const { isJoint } = raft.tracker.config.voters;
  const wantsToLeave = change.changes.length === 0;
  if (isJoint && !wantsToLeave) return "must transition out of joint config first";
  if (!isJoint && wantsToLeave) return "not in joint state; refusing empty conf change";
  return null;
}

/**
 * Switches to the configuration that `change` leads to: its entry was applied.
 * @throws AssertionError for a change that is not possible: the gate lets none through.
 */
export function applyConfChange(raft: Raft, change: ConfChangeV2): ConfState {
  const { tracker, log } = raft;
  const changer = new Changer({
    config: tracker.config,
    progress: tracker.progressMap,
    limits: tracker.limits,
    lastIndex: log.lastIndex(),
  });
  const outcome = changed(changer, change);
  assert(!("error" in outcome), "error" in outcome ? outcome.error : "");
  return switchTo(raft, outcome);
}

function changed(changer: Changer, change: ConfChangeV2): ChangeOutcome {
  if (leavesJoint(change)) return changer.leaveJoint();
  if (!entersJoint(change)) return changer.simple(change.changes);
  return changer.enterJoint(leavesAutomatically(change), change.changes);
}

/** Takes over the configuration of a snapshot or of a restart, with new progress for everybody. */
export function restoreConfState(raft: Raft, confState: ConfState): void {
  const { limits } = raft.tracker;
  switchTo(raft, restore(confState, { lastIndex: raft.log.lastIndex(), limits }));
}

function switchTo(raft: Raft, { config, progress }: Changed): ConfState {
  const { tracker } = raft;
  tracker.switchTo(config, progress);
  raft.logger.info(`${hex(raft.id)} switched to configuration ${describeConfig(config)}`);
  const own = tracker.progress(raft.id);
  raft.isLearner = own !== undefined && own.isLearner;
  const confState = toConfState(config);
  if (raft.state !== StateType.leader) return confState;
  if (own === undefined || raft.isLearner) {
    if (raft.settings.stepDownOnRemoval) becomeFollower(raft, raft.term, NONE);
  } else if (confState.voters.length > 0) {
    continueAtLeader(raft);
  }
  return confState;
}

/** The quorum may be another one now, and new members need the log. */
function continueAtLeader(raft: Raft): void {
  if (maybeCommit(raft)) broadcastAppend(raft, true);
  else broadcastAppend(raft, false);
  if (raft.transferee !== NONE && !raft.tracker.config.voters.has(raft.transferee)) {
    raft.transferee = NONE;
  }
}
