import { assert } from "../../base/assert.ts";
import type { RaftLog } from "../log/raft-log.ts";
import { hex, type RaftLogger } from "../logger.ts";
import { Message, MessageType, messageTypeName } from "../message.ts";
import type { ReadState } from "../output/ready.ts";
import { ProgressTracker } from "../tracker/tracker.ts";
import { type HardState, NONE, StateType } from "../types.ts";
import { ReadOnly } from "../leader/read-only.ts";
import type { Settings } from "./settings.ts";

/**
 * The state of one member of a group, and what touches nothing else: sending, and starting over.
 * The rules are functions beside it, one file each. Nobody outside of the core changes it.
 */
export class Raft {
  readonly id: bigint;
  readonly settings: Settings;
  readonly log: RaftLog;
  readonly logger: RaftLogger;
  readonly reads: ReadOnly;
  tracker: ProgressTracker;

  term = 0;
  vote = NONE;
  lead = NONE;
  state: StateType = StateType.follower;
  isLearner = false;

  /** Ticks since a leader was heard of, or, at a leader, since the quorum was last checked. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** Drawn from [electionTicks, 2 * electionTicks) at each reset. */
  randomizedElectionTicks = 0;

  /** Whom leadership is being handed to. */
  transferee = NONE;
  /**
   * No configuration change is proposed while this index is not applied: it is not below that of
   * the last change that was appended (raft.md S6).
   */
  pendingConfIndex = 0;
  /** Payload of the leader's entries that were not applied, as far as it knows. */
  uncommittedBytes = 0;

  /** May leave at once. */
  messages: Message[] = [];
  /** Leave when everything unstable, also what is being written, is durable. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  /** Read requests that wait for the first commit of this term (raft.md B10). */
  parkedReads: Message[] = [];

  constructor(id: bigint, settings: Settings, log: RaftLog) {
    this.id = id;
    this.settings = settings;
    this.log = log;
    this.logger = settings.logger;
    this.reads = new ReadOnly();
    this.tracker = new ProgressTracker(settings.inflightLimits);
  }

  /** Takes over what was persisted. @throws AssertionError when the log does not agree with it. */
  loadHardState({ term, vote, commit }: HardState): void {
    const { committed } = this.log;
    const last = this.log.lastIndex();
    assert(
      commit >= committed && commit <= last,
      `${hex(this.id)} state.commit ${commit} is out of range [${committed}, ${last}]`,
    );
    this.log.committed = commit;
    this.term = term;
    this.vote = vote;
  }

  /** Forgets everything that belongs to a role or to another term (raft.md B2, B15). */
  reset(term: number): void {
    if (this.term !== term) {
      this.term = term;
      this.vote = NONE;
    }
    this.lead = NONE;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    const { electionTicks, random } = this.settings;
    this.randomizedElectionTicks = electionTicks + random(electionTicks);
    this.transferee = NONE;
    this.tracker.resetVotes();
    const last = this.log.lastIndex();
    for (const peer of this.tracker.peers) {
      peer.reset(last + 1);
      if (peer.id === this.id) peer.match = last;
    }
    this.pendingConfIndex = 0;
    this.uncommittedBytes = 0;
    this.reads.reset();
  }

  /**
   * Sends `message` with the next Ready. Answers that promise durability wait for it, also those
   * that this member gives to itself (raft.md 12).
   */
  send(message: Message): void {
    const { type } = message;
    if (message.from === NONE) message.from = this.id;
    if (isOfElection(type)) {
      assert(message.term !== 0, `term should be set when sending ${messageTypeName(type)}`);
    } else {
      assert(message.term === 0, `term should not be set when sending ${messageTypeName(type)}`);
      // What is forwarded to the leader counts as its own: without a term.
      if (type !== MessageType.prop && type !== MessageType.readIndex) message.term = this.term;
    }
    if (promisesDurability(type)) {
      this.messagesAfterAppend.push(message);
      return;
    }
    assert(message.to !== this.id, `message to oneself: ${messageTypeName(type)}`);
    this.messages.push(message);
  }

  /** Passes a client's message on to the leader. */
  forwardToLeader(message: Message): void {
    const forwarded = new Message(message.type, this.lead);
    forwarded.from = message.from;
    forwarded.entries = message.entries;
    this.send(forwarded);
  }

  /** True when this member may campaign: it votes, and has no snapshot to persist. */
  get isPromotable(): boolean {
    const own = this.tracker.progress(this.id);
    return own !== undefined && !own.isLearner && this.log.unstable.snapshot === null;
  }

  /** True when an entry of this term is committed: the leader knows what is committed. */
  get hasCommittedInTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }

  /** `[logterm: 1, index: 2, vote: 3]`, for log lines. */
  describeLog(): string {
    return (
      `[logterm: ${this.log.lastTerm()}, index: ${this.log.lastIndex()}, ` +
      `vote: ${hex(this.vote)}]`
    );
  }
}

function isOfElection(type: MessageType): boolean {
  return (
    type === MessageType.vote ||
    type === MessageType.voteResp ||
    type === MessageType.preVote ||
    type === MessageType.preVoteResp
  );
}

function promisesDurability(type: MessageType): boolean {
  return (
    type === MessageType.appResp ||
    type === MessageType.voteResp ||
    type === MessageType.preVoteResp
  );
}
