import { hex } from "../logger.ts";
import { type Message, MessageType } from "../message.ts";
import { RaftError, StateType, stateName } from "../types.ts";
import { voteReceived } from "./election.ts";
import { receiveFromLeader } from "./follower.ts";
import type { Raft } from "./raft.ts";
import { becomeFollower } from "./roles.ts";

/** What a candidate or pre-candidate does with a message of its term. */
export function stepCandidate(raft: Raft, message: Message): RaftError | null {
  switch (message.type) {
    case MessageType.prop:
      raft.logger.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping proposal`);
      return RaftError.proposalDropped;
    case MessageType.app:
    case MessageType.heartbeat:
    case MessageType.snap:
      becomeFollower(raft, message.term, message.from);
      receiveFromLeader(raft, message);
      break;
    case MessageType.preVoteResp:
      // Late answers to the trial do not count in the election, nor the other way round.
      if (raft.state === StateType.preCandidate) voteReceived(raft, message);
      break;
    case MessageType.voteResp:
      if (raft.state === StateType.candidate) voteReceived(raft, message);
      break;
    case MessageType.timeoutNow:
      raft.logger.debug(
        `${hex(raft.id)} [term ${raft.term} state ${stateName(raft.state)}] ` +
          `ignored MsgTimeoutNow from ${hex(message.from)}`,
      );
      break;
    default:
  }
  return null;
}
