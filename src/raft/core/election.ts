import { hex } from "../logger.ts";
import { Message, MessageType, messageTypeName } from "../message.ts";
import { VoteResult } from "../quorum/vote-result.ts";
import { NO_DATA, NONE, StateType } from "../types.ts";
import type { Raft } from "./raft.ts";
import { broadcastAppend } from "../leader/replication.ts";
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from "./roles.ts";

/** Why a member campaigns; the texts travel as the context of its requests. */
export const CampaignType = {
  preElection: "CampaignPreElection",
  election: "CampaignElection",
  /** On the leader's word: members do not wait for its lease to run out. */
  transfer: "CampaignTransfer",
} as const;
export type CampaignType = (typeof CampaignType)[keyof typeof CampaignType];

const TRANSFER_CONTEXT = Uint8Array.from(CampaignType.transfer, (letter) => letter.charCodeAt(0));

/** Campaigns unless this member leads or may not (raft.md 5). */
export function hup(raft: Raft, type: CampaignType): void {
  const { id, logger } = raft;
  if (raft.state === StateType.leader) {
    logger.debug(`${hex(id)} ignoring MsgHup because already leader`);
  } else if (!raft.isPromotable) {
    logger.warning(`${hex(id)} is unpromotable and can not campaign`);
  } else if (raft.log.hasUnappliedConfChange()) {
    // It could win with the quorum of a configuration that is already replaced (raft.md S7).
    logger.warning(
      `${hex(id)} cannot campaign at term ${raft.term} ` +
        "since there are still pending configuration changes to apply",
    );
  } else {
    logger.info(`${hex(id)} is starting a new election at term ${raft.term}`);
    campaign(raft, type);
  }
}

function campaign(raft: Raft, type: CampaignType): void {
  const isTrial = type === CampaignType.preElection;
  if (isTrial) becomePreCandidate(raft);
  else becomeCandidate(raft);
  const term = isTrial ? raft.term + 1 : raft.term;
  const requestType = isTrial ? MessageType.preVote : MessageType.vote;
  for (const id of raft.tracker.voterIds) {
    if (id === raft.id) {
      // The vote for oneself counts, as any other, once it is durable.
      const vote = new Message(answerTo(requestType), id);
      vote.term = term;
      raft.send(vote);
    } else {
      raft.send(voteRequest(raft, id, requestType, term, type));
    }
  }
}

function voteRequest(
  raft: Raft,
  to: bigint,
  requestType: MessageType,
  term: number,
  type: CampaignType,
): Message {
  const request = new Message(requestType, to);
  request.term = term;
  request.index = raft.log.lastIndex();
  request.logTerm = raft.log.lastTerm();
  request.context = type === CampaignType.transfer ? TRANSFER_CONTEXT : NO_DATA;
  raft.logger.info(
    `${hex(raft.id)} [logterm: ${request.logTerm}, index: ${request.index}] sent ` +
      `${messageTypeName(requestType)} request to ${hex(to)} at term ${raft.term}`,
  );
  return request;
}

/** True when the leader itself asked the candidate to campaign. */
export function isTransfer({ context }: Message): boolean {
  if (context.length !== TRANSFER_CONTEXT.length) return false;
  return TRANSFER_CONTEXT.every((byte, at) => byte === context[at]);
}

/** Answers MsgVote and MsgPreVote (raft.md 5, vote rule). Learners vote too, when asked. */
export function voteRequested(raft: Raft, request: Message): void {
  const isReal = request.type === MessageType.vote;
  const mayVote =
    raft.vote === request.from ||
    (raft.vote === NONE && raft.lead === NONE) ||
    (!isReal && request.term > raft.term);
  const response = new Message(answerTo(request.type), request.from);
  if (!mayVote || !raft.log.isUpToDate(request.index, request.logTerm)) {
    raft.logger.info(describeVote(raft, "rejected", "from", request));
    response.term = raft.term;
    response.reject = true;
    raft.send(response);
    return;
  }
  raft.logger.info(describeVote(raft, "cast", "for", request));
  // The term asked about: a candidate that is ahead would ignore an answer of an earlier one.
  response.term = request.term;
  raft.send(response);
  if (!isReal) return;
  raft.electionElapsed = 0;
  raft.vote = request.from;
}

/** How a request for a vote is told in log lines. */
export function describeVote(raft: Raft, verb: string, by: string, request: Message): string {
  return (
    `${hex(raft.id)} ${raft.describeLog()} ${verb} ${messageTypeName(request.type)} ${by} ` +
    `${hex(request.from)} [logterm: ${request.logTerm}, index: ${request.index}] ` +
    `at term ${raft.term}`
  );
}

function answerTo(requestType: MessageType): MessageType {
  return requestType === MessageType.vote ? MessageType.voteResp : MessageType.preVoteResp;
}

/** A member answered the candidacy. */
export function voteReceived(raft: Raft, { type, from, reject }: Message): void {
  const [id, name] = [hex(raft.id), messageTypeName(type)];
  const verdict = reject ? `${name} rejection` : name;
  raft.logger.info(`${id} received ${verdict} from ${hex(from)} at term ${raft.term}`);
  raft.tracker.recordVote(from, !reject);
  const { granted, rejected, result } = raft.tracker.tallyVotes();
  raft.logger.info(`${id} has received ${granted} ${name} votes and ${rejected} vote rejections`);
  if (result === VoteResult.lost) {
    // The term of an answer to a trial is not this member's.
    becomeFollower(raft, raft.term, NONE);
  } else if (result === VoteResult.won) {
    if (raft.state === StateType.preCandidate) {
      campaign(raft, CampaignType.election);
    } else {
      becomeLeader(raft);
      broadcastAppend(raft, true);
    }
  }
}
