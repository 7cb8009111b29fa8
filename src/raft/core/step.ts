import { hex } from "../logger.ts";
import { Message, MessageType, messageTypeName } from "../message.ts";
import { NONE, type RaftError, StateType } from "../types.ts";
import { entriesApplied, snapshotApplied } from "./applied.ts";
import { stepCandidate } from "./candidate.ts";
import { CampaignType, describeVote, hup, isTransfer, voteRequested } from "./election.ts";
import { stepFollower } from "./follower.ts";
import { stepLeader } from "../leader/leader.ts";
import type { Raft } from "./raft.ts";
import { becomeFollower } from "./roles.ts";

/**
 * Takes one message in: the rules about terms first (raft.md 4), then what every role does alike,
 * then what the present role does.
 */
export function step(raft: Raft, message: Message): RaftError | null {
  const { term } = message;
  // Local and forwarded messages have term 0.
  if (term !== 0 && term !== raft.term) {
    if (term < raft.term) {
      stepOlderTerm(raft, message);
      return null;
    }
    if (isWithinLease(raft, message)) return null;
    enterTermOf(raft, message);
  }
  switch (message.type) {
    case MessageType.hup:
      hup(raft, raft.settings.preVote ? CampaignType.preElection : CampaignType.election);
      return null;
    case MessageType.storageAppendResp:
      if (message.index !== 0) raft.log.unstable.stableTo(message.index, message.logTerm);
      if (message.snapshot !== null) snapshotApplied(raft, message.snapshot);
      return null;
    case MessageType.storageApplyResp:
      entriesApplied(raft, message.entries);
      return null;
    case MessageType.vote:
    case MessageType.preVote:
      voteRequested(raft, message);
      return null;
    default:
      return stepRole(raft, message);
  }
}

function stepRole(raft: Raft, message: Message): RaftError | null {
  switch (raft.state) {
    case StateType.leader:
      return stepLeader(raft, message);
    case StateType.follower:
      return stepFollower(raft, message);
    default:
      return stepCandidate(raft, message);
  }
}

/**
 * True for a request for votes while the leader was heard of within an election timeout: it may
 * come from a member that was removed or partitioned (paper, end of section 6).
 */
function isWithinLease(raft: Raft, message: Message): boolean {
  if (message.type !== MessageType.vote && message.type !== MessageType.preVote) return false;
  const { checkQuorum, electionTicks } = raft.settings;
  if (!checkQuorum || raft.lead === NONE || raft.electionElapsed >= electionTicks) return false;
  if (isTransfer(message)) return false;
  raft.logger.info(
    `${describeVote(raft, "ignored", "from", message)}: lease is not expired ` +
      `(remaining ticks: ${electionTicks - raft.electionElapsed})`,
  );
  return true;
}

/** A trial election, asked or granted, changes nobody's term. */
function enterTermOf(raft: Raft, message: Message): void {
  const { type, from, term } = message;
  if (type === MessageType.preVote) return;
  if (type === MessageType.preVoteResp && !message.reject) return;
  raft.logger.info(
    `${hex(raft.id)} [term: ${raft.term}] received a ${messageTypeName(type)} message ` +
      `with higher term from ${hex(from)} [term: ${term}]`,
  );
  const isLeaders =
    type === MessageType.app || type === MessageType.heartbeat || type === MessageType.snap;
  becomeFollower(raft, term, isLeaders ? from : NONE);
}

function stepOlderTerm(raft: Raft, message: Message): void {
  const { type } = message;
  const { checkQuorum, preVote } = raft.settings;
  const isReplication = type === MessageType.heartbeat || type === MessageType.app;
  if (isReplication && (checkQuorum || preVote)) {
    // Neither could this member win, nor would the group come to its term: the sender, told of it,
    // steps down, and a new common term begins.
    raft.send(new Message(MessageType.appResp, message.from));
  } else if (type === MessageType.preVote) {
    // Silence would be a deadlock: the one is behind in its term, the other in its log.
    raft.logger.info(describeVote(raft, "rejected", "from", message));
    const answer = new Message(MessageType.preVoteResp, message.from);
    answer.term = raft.term;
    answer.reject = true;
    raft.send(answer);
  } else if (type === MessageType.storageAppendResp) {
    appendedInOlderTerm(raft, message);
  } else {
    raft.logger.info(
      `${hex(raft.id)} [term: ${raft.term}] ignored a ${messageTypeName(type)} message ` +
        `with lower term from ${hex(message.from)} [term: ${message.term}]`,
    );
  }
}

/**
 * The entries may have been replaced since by others, and those by the same ones again: what is
 * durable now may be replaced by a write still under way (raft.md S11). A snapshot stays valid.
 */
function appendedInOlderTerm(raft: Raft, { type, term, index, snapshot }: Message): void {
  if (index !== 0) {
    raft.logger.info(
      `${hex(raft.id)} [term: ${raft.term}] ignored entry appends from a ` +
        `${messageTypeName(type)} message with lower term [term: ${term}]`,
    );
  }
  if (snapshot !== null) snapshotApplied(raft, snapshot);
}
