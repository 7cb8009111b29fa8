import { assert } from "../../base/assert.ts";
import { hex } from "../logger.ts";
import { EntryType, NO_DATA, NONE, StateType } from "../types.ts";
import { appendOwn } from "../leader/append.ts";
import type { Raft } from "./raft.ts";

/** Follows `lead`, NONE when it is not known who leads, in `term`. */
export function becomeFollower(raft: Raft, term: number, lead: bigint): void {
  raft.reset(term);
  raft.lead = lead;
  raft.state = StateType.follower;
  raft.logger.info(`${hex(raft.id)} became follower at term ${raft.term}`);
}

/** Enters the next term and votes for itself. */
export function becomeCandidate(raft: Raft): void {
  assert(raft.state !== StateType.leader, "invalid transition [leader -> candidate]");
  raft.reset(raft.term + 1);
  raft.vote = raft.id;
  raft.state = StateType.candidate;
  raft.logger.info(`${hex(raft.id)} became candidate at term ${raft.term}`);
}

/** Asks before it campaigns: term, vote and timer stay as they are (thesis, 9.6). */
export function becomePreCandidate(raft: Raft): void {
  assert(raft.state !== StateType.leader, "invalid transition [leader -> pre-candidate]");
  raft.tracker.resetVotes();
  raft.lead = NONE;
  raft.state = StateType.preCandidate;
  raft.logger.info(`${hex(raft.id)} became pre-candidate at term ${raft.term}`);
}

/** Begins to lead with an empty entry, whose commit tells what is committed (paper, section 8). */
export function becomeLeader(raft: Raft): void {
  assert(raft.state !== StateType.follower, "invalid transition [follower -> leader]");
  raft.reset(raft.term);
  raft.lead = raft.id;
  raft.state = StateType.leader;
  const own = raft.tracker.progress(raft.id);
  assert(own !== undefined, "a leader is a member");
  own.becomeReplicate();
  own.recentActive = true;
  // There may be a configuration change among the entries that are not applied yet.
  raft.pendingConfIndex = raft.log.lastIndex();
  const isAccepted = appendOwn(raft, [
    { type: EntryType.normal, term: 0, index: 0, data: NO_DATA },
  ]);
  assert(isAccepted, "empty entry was dropped");
  raft.logger.info(`${hex(raft.id)} became leader at term ${raft.term}`);
}
