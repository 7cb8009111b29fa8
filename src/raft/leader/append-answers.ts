import { hex } from "../logger.ts";
import type { Message } from "../message.ts";
import { type Progress, ProgressState } from "../tracker/progress.ts";
import type { Raft } from "../core/raft.ts";
import { releaseParkedReads } from "./read-index.ts";
import { broadcastAppend, maybeCommit, sendAppend } from "./replication.ts";
import { sendTimeoutNow } from "./transfer.ts";

/** A peer answered an append or a snapshot; this member answers its own appends too. */
export function appendAnswered(raft: Raft, peer: Progress, answer: Message): void {
  peer.recentActive = true;
  if (answer.reject) rejected(raft, peer, answer);
  else accepted(raft, peer, answer.index);
}

/**
 * The peer's log parts from this one before the anchor. Its hint is an entry it holds, with a term:
 * nothing of ours with a higher term can be in front of it (raft.md L5).
 */
function rejected(raft: Raft, peer: Progress, answer: Message): void {
  const { index, rejectHint, logTerm } = answer;
  const { logger, log } = raft;
  const [own, from] = [hex(raft.id), hex(peer.id)];
  logger.debug(
    `${own} received MsgAppResp(rejected, hint: (index ${rejectHint}, term ${logTerm})) ` +
      `from ${from} for index ${index}`,
  );
  const hint = logTerm > 0 ? log.lastIndexWithTermUpTo(rejectHint, logTerm) : rejectHint;
  if (!peer.maybeDecreaseTo(index, hint)) return;
  logger.debug(`${own} decreased progress of ${from} to [${peer}]`);
  if (peer.state === ProgressState.replicate) peer.becomeProbe();
  sendAppend(raft, peer, true);
}

function accepted(raft: Raft, peer: Progress, index: number): void {
  // An answer that is no news still shows that a probed peer can be sent to without waiting.
  const isNews = peer.maybeUpdate(index);
  if (!isNews && !(peer.match === index && peer.state === ProgressState.probe)) return;
  resume(raft, peer, index);
  const isSelf = peer.id === raft.id;
  if (maybeCommit(raft)) {
    releaseParkedReads(raft);
    broadcastAppend(raft, true);
  } else if (!isSelf && peer.canBumpCommit(raft.log.committed)) {
    sendAppend(raft, peer, true);
  }
  if (isSelf) return;
  while (sendAppend(raft, peer, false));
  if (peer.id === raft.transferee && peer.match === raft.log.lastIndex()) {
    raft.logger.info(
      `${hex(raft.id)} sent MsgTimeoutNow to ${hex(peer.id)} after received MsgAppResp`,
    );
    sendTimeoutNow(raft, peer.id);
  }
}

/** Whatever snapshot the peer took: it is enough when the log reaches back to it. */
function resume(raft: Raft, peer: Progress, index: number): void {
  switch (peer.state) {
    case ProgressState.probe:
      peer.becomeReplicate();
      return;
    case ProgressState.replicate:
      peer.inflights.freeTo(index);
      return;
    case ProgressState.snapshot:
      if (peer.match + 1 < raft.log.firstIndex()) return;
      raft.logger.debug(
        `${hex(raft.id)} recovered from needing snapshot, ` +
          `resumed sending replication messages to ${hex(peer.id)} [${peer}]`,
      );
      peer.becomeProbe();
      peer.becomeReplicate();
  }
}
