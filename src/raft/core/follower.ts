import { hex } from "../logger.ts";
import { type Message, MessageType } from "../message.ts";
import { NONE, RaftError } from "../types.ts";
import { CampaignType, hup } from "./election.ts";
import { appendReceived, heartbeatReceived } from "./log-receiver.ts";
import type { Raft } from "./raft.ts";
import { readAnswered, readAtFollower } from "../leader/read-index.ts";
import { snapshotReceived } from "./snapshot-receiver.ts";

/** What a follower does with a message of its term. */
export function stepFollower(raft: Raft, message: Message): RaftError | null {
  switch (message.type) {
    case MessageType.prop:
      return forwardProposal(raft, message);
    case MessageType.app:
    case MessageType.heartbeat:
    case MessageType.snap:
      raft.electionElapsed = 0;
      raft.lead = message.from;
      receiveFromLeader(raft, message);
      break;
    case MessageType.transferLeader:
      forwardTransfer(raft, message);
      break;
    case MessageType.forgetLeader:
      forgetLeader(raft);
      break;
    case MessageType.timeoutNow:
      raft.logger.info(
        `${hex(raft.id)} [term ${raft.term}] received MsgTimeoutNow from ` +
          `${hex(message.from)} and starts an election to get leadership.`,
      );
      // No trial first: the leader is well, and wants it.
      hup(raft, CampaignType.transfer);
      break;
    case MessageType.readIndex:
      readAtFollower(raft, message);
      break;
    case MessageType.readIndexResp:
      readAnswered(raft, message);
      break;
    default:
  }
  return null;
}

/** What a leader sends to replicate its log. */
export function receiveFromLeader(raft: Raft, message: Message): void {
  if (message.type === MessageType.app) appendReceived(raft, message);
  else if (message.type === MessageType.heartbeat) heartbeatReceived(raft, message);
  else snapshotReceived(raft, message);
}

function forwardProposal(raft: Raft, message: Message): RaftError | null {
  if (raft.lead === NONE) {
    raft.logger.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
    return RaftError.proposalDropped;
  }
  if (raft.settings.disableProposalForwarding) {
    raft.logger.info(
      `${hex(raft.id)} not forwarding to leader ${hex(raft.lead)} at term ${raft.term}; ` +
        "dropping proposal",
    );
    return RaftError.proposalDropped;
  }
  raft.forwardToLeader(message);
  return null;
}

function forwardTransfer(raft: Raft, message: Message): void {
  if (raft.lead === NONE) {
    raft.logger.info(
      `${hex(raft.id)} no leader at term ${raft.term}; dropping leader transfer msg`,
    );
    return;
  }
  raft.forwardToLeader(message);
}

/** Lets this member vote before the leader's lease has run out; its next message ends that. */
function forgetLeader(raft: Raft): void {
  if (raft.settings.isLeaseBased) {
    raft.logger.error("ignoring MsgForgetLeader due to ReadOnlyLeaseBased");
    return;
  }
  if (raft.lead === NONE) return;
  raft.logger.info(`${hex(raft.id)} forgetting leader ${hex(raft.lead)} at term ${raft.term}`);
  raft.lead = NONE;
}
