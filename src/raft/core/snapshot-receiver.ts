import { confStateFields } from "../describe/state.ts";
import { hex } from "../logger.ts";
import { Message, MessageType } from "../message.ts";
import { ProgressTracker } from "../tracker/tracker.ts";
import { type ConfState, NONE, type Snapshot, StateType } from "../types.ts";
import { restoreConfState } from "./membership.ts";
import type { Raft } from "./raft.ts";
import { becomeFollower } from "./roles.ts";

/** The leader sent its state in place of a log prefix (raft.md 11). */
export function snapshotReceived(raft: Raft, { from, snapshot }: Message): void {
  const isRestored = snapshot !== null && restoreSnapshot(raft, snapshot);
  const { index, term } = snapshot?.metadata ?? { index: 0, term: 0 };
  raft.logger.info(
    `${hex(raft.id)} [commit: ${raft.log.committed}] ${isRestored ? "restored" : "ignored"} ` +
      `snapshot [index: ${index}, term: ${term}]`,
  );
  const answer = new Message(MessageType.appResp, from);
  answer.index = isRestored ? raft.log.lastIndex() : raft.log.committed;
  raft.send(answer);
}

/** Begins anew from `snapshot`; false when it is of no use. */
function restoreSnapshot(raft: Raft, snapshot: Snapshot): boolean {
  const { log, logger } = raft;
  const { index, term, confState } = snapshot.metadata;
  if (index <= log.committed) return false;
  if (raft.state !== StateType.follower) {
    logger.warning(`${hex(raft.id)} attempted to restore snapshot as leader; should never happen`);
    becomeFollower(raft, raft.term + 1, NONE);
    return false;
  }
  if (!isMember(raft.id, confState)) {
    logger.warning(
      `${hex(raft.id)} attempted to restore snapshot but it is not in the ConfState ` +
        `${confStateFields(confState)}; should never happen`,
    );
    return false;
  }
  if (log.matchesTerm(index, term)) {
    logger.info(
      `${describe(raft)} fast-forwarded commit to snapshot [index: ${index}, term: ${term}]`,
    );
    log.commitTo(index);
    return false;
  }
  log.restore(snapshot);
  raft.tracker = new ProgressTracker(raft.tracker.limits);
  restoreConfState(raft, confState);
  logger.info(`${describe(raft)} restored snapshot [index: ${index}, term: ${term}]`);
  return true;
}

/** Those who become learners later are outgoing voters until then. */
function isMember(id: bigint, { voters, learners, votersOutgoing }: ConfState): boolean {
  return voters.includes(id) || learners.includes(id) || votersOutgoing.includes(id);
}

function describe({ id, log }: Raft): string {
  return (
    `${hex(id)} [commit: ${log.committed}, lastindex: ${log.lastIndex()}, ` +
    `lastterm: ${log.lastTerm()}]`
  );
}
