import { totalEncodedBytes, totalPayloadBytes } from "../log/sizes.ts";
import { Message, MessageType } from "../message.ts";
import { describeConfig } from "../tracker/config.ts";
import { type Entry, EntryType, NO_DATA, NONE, type Snapshot, StateType } from "../types.ts";
import { releaseUncommitted } from "../leader/append.ts";
import { stepLeader } from "../leader/leader.ts";
import type { Raft } from "./raft.ts";

/** The application has applied `entries`. */
export function entriesApplied(raft: Raft, entries: readonly Entry[]): void {
  if (entries.length === 0) return;
  appliedTo(raft, entries[entries.length - 1]!.index, totalEncodedBytes(entries));
  releaseUncommitted(raft, totalPayloadBytes(entries));
}

/** Storage holds the snapshot, and the application its state. */
export function snapshotApplied(raft: Raft, { metadata }: Snapshot): void {
  raft.log.unstable.stableSnapshotTo(metadata.index);
  appliedTo(raft, metadata.index, 0);
}

function appliedTo(raft: Raft, index: number, bytes: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, bytes);
  const { config } = raft.tracker;
  if (!config.autoLeave || applied < raft.pendingConfIndex) return;
  if (raft.state !== StateType.leader) return;
  leaveJoint(raft);
}

/**
 * Proposes to leave the joint configuration. Dropped while leadership is being transferred: what is
 * applied next tries again, or the next leader does.
 */
function leaveJoint(raft: Raft): void {
  const proposal = new Message(MessageType.prop, NONE);
  proposal.entries = [{ type: EntryType.confChangeV2, term: 0, index: 0, data: NO_DATA }];
  const error = stepLeader(raft, proposal);
  const config = describeConfig(raft.tracker.config);
  if (error === null) {
    raft.logger.info(`initiating automatic transition out of joint configuration ${config}`);
  } else {
    raft.logger.debug(
      `not initiating automatic transition out of joint configuration ${config}: ${error}`,
    );
  }
}
