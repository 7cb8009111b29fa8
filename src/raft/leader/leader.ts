import { assert } from "../../base/assert.ts";
import { hex } from "../logger.ts";
import { type Message, MessageType } from "../message.ts";
import { type Progress, ProgressState } from "../tracker/progress.ts";
import { NONE, RaftError } from "../types.ts";
import { appendOwn } from "./append.ts";
import { appendAnswered } from "./append-answers.ts";
import { gateConfChanges } from "../core/membership.ts";
import type { Raft } from "../core/raft.ts";
import { readAtLeader, readsConfirmed } from "./read-index.ts";
import { broadcastAppend, broadcastHeartbeat, sendAppend } from "./replication.ts";
import { becomeFollower } from "../core/roles.ts";
import { transferRequested } from "./transfer.ts";

/** What a leader does with a message of its term. */
export function stepLeader(raft: Raft, message: Message): RaftError | null {
  switch (message.type) {
    case MessageType.beat:
      broadcastHeartbeat(raft);
      return null;
    case MessageType.checkQuorum:
      checkQuorum(raft);
      return null;
    case MessageType.prop:
      return propose(raft, message);
    case MessageType.readIndex:
      readAtLeader(raft, message);
      return null;
    case MessageType.forgetLeader:
      return null;
    default:
      stepAboutPeer(raft, message);
      return null;
  }
}

/** A leader that a quorum was silent to cannot know whether it still leads. */
function checkQuorum(raft: Raft): void {
  const { tracker, logger, id } = raft;
  if (!tracker.quorumActive()) {
    logger.warning(`${hex(id)} stepped down to follower since quorum is not active`);
    becomeFollower(raft, raft.term, NONE);
  }
  for (const peer of tracker.peers) if (peer.id !== id) peer.recentActive = false;
}

function propose(raft: Raft, { entries }: Message): RaftError | null {
  assert(entries.length > 0, "stepped empty MsgProp");
  if (raft.tracker.progress(raft.id) === undefined) return RaftError.proposalDropped;
  if (raft.transferee !== NONE) {
    raft.logger.debug(
      `${hex(raft.id)} [term ${raft.term}] transfer leadership to ${hex(raft.transferee)} ` +
        "is in progress; dropping proposal",
    );
    return RaftError.proposalDropped;
  }
  if (!appendOwn(raft, gateConfChanges(raft, entries))) return RaftError.proposalDropped;
  broadcastAppend(raft, true);
  return null;
}

/** Messages that say something about the member they name. */
function stepAboutPeer(raft: Raft, message: Message): void {
  const peer = raft.tracker.progress(message.from);
  if (peer === undefined) {
    raft.logger.debug(`${hex(raft.id)} no progress available for ${hex(message.from)}`);
    return;
  }
  switch (message.type) {
    case MessageType.appResp:
      appendAnswered(raft, peer, message);
      return;
    case MessageType.heartbeatResp:
      heartbeatAnswered(raft, peer, message);
      return;
    case MessageType.snapStatus:
      snapshotReported(raft, peer, message.reject);
      return;
    case MessageType.unreachable:
      unreachableReported(raft, peer);
      return;
    case MessageType.transferLeader:
      transferRequested(raft, peer);
      return;
    default:
  }
}

/**
 * A peer that lacks entries is sent some, also with its window full: should all of it be lost, the
 * answer to the append without entries frees it.
 */
function heartbeatAnswered(raft: Raft, peer: Progress, { from, context }: Message): void {
  peer.recentActive = true;
  peer.isFlowPaused = false;
  if (peer.match < raft.log.lastIndex() || peer.state === ProgressState.probe) {
    sendAppend(raft, peer, true);
  }
  readsConfirmed(raft, from, context);
}

/** Either way the peer has to answer, this or a heartbeat, before entries are sent again. */
function snapshotReported(raft: Raft, peer: Progress, isFailed: boolean): void {
  if (peer.state !== ProgressState.snapshot) return;
  if (isFailed) peer.pendingSnapshot = 0;
  peer.becomeProbe();
  raft.logger.debug(
    `${hex(raft.id)} snapshot ${isFailed ? "failed" : "succeeded"}, ` +
      `resumed sending replication messages to ${hex(peer.id)} [${peer}]`,
  );
  peer.isFlowPaused = true;
}

/** What was sent without waiting for answers is likely lost. */
function unreachableReported(raft: Raft, peer: Progress): void {
  if (peer.state === ProgressState.replicate) peer.becomeProbe();
  raft.logger.debug(
    `${hex(raft.id)} failed to send message to ${hex(peer.id)} ` +
      `because it is unreachable [${peer}]`,
  );
}
