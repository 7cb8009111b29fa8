import { hex } from "../logger.ts";
import { Message, MessageType } from "../message.ts";
import type { Progress } from "../tracker/progress.ts";
import { NONE } from "../types.ts";
import type { Raft } from "../core/raft.ts";
import { sendAppend } from "./replication.ts";

/** Leadership is to go to `peer` (thesis, 3.10): when its log is complete it campaigns at once. */
export function transferRequested(raft: Raft, peer: Progress): void {
  const { logger } = raft;
  const [own, to] = [`${hex(raft.id)} [term ${raft.term}]`, hex(peer.id)];
  if (peer.isLearner) {
    logger.debug(`${hex(raft.id)} is learner. Ignored transferring leadership`);
    return;
  }
  if (raft.transferee === peer.id) {
    logger.info(
      `${own} transfer leadership to ${to} is in progress, ignores request to same node ${to}`,
    );
    return;
  }
  if (raft.transferee !== NONE) {
    const before = hex(raft.transferee);
    raft.transferee = NONE;
    logger.info(`${own} abort previous transferring leadership to ${before}`);
  }
  if (peer.id === raft.id) {
    logger.debug(`${hex(raft.id)} is already leader. Ignored transferring leadership to self`);
    return;
  }
  logger.info(`${own} starts to transfer leadership to ${to}`);
  // It has one election timeout to succeed.
  raft.electionElapsed = 0;
  raft.transferee = peer.id;
  if (peer.match !== raft.log.lastIndex()) {
    sendAppend(raft, peer, true);
    return;
  }
  sendTimeoutNow(raft, peer.id);
  logger.info(
    `${hex(raft.id)} sends MsgTimeoutNow to ${to} immediately as ${to} already has up-to-date log`,
  );
}

/** Tells a member to campaign at once. */
export function sendTimeoutNow(raft: Raft, to: bigint): void {
  raft.send(new Message(MessageType.timeoutNow, to));
}
