import { Message, MessageType } from "../message.ts";
import { NONE, StateType } from "../types.ts";
import type { Raft } from "./raft.ts";
import { step } from "./step.ts";

/** One step of logical time. */
export function tick(raft: Raft): void {
  if (raft.state === StateType.leader) tickLeader(raft);
  else tickOther(raft);
}

function tickOther(raft: Raft): void {
  raft.electionElapsed += 1;
  if (raft.electionElapsed < raft.randomizedElectionTicks || !raft.isPromotable) return;
  raft.electionElapsed = 0;
  stepLocal(raft, MessageType.hup);
}

function tickLeader(raft: Raft): void {
  raft.heartbeatElapsed += 1;
  raft.electionElapsed += 1;
  if (raft.electionElapsed >= raft.settings.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.settings.checkQuorum) stepLocal(raft, MessageType.checkQuorum);
    // A transfer that took so long is given up: this member leads on.
    raft.transferee = NONE;
  }
  if (raft.state !== StateType.leader) return;
  if (raft.heartbeatElapsed < raft.settings.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  stepLocal(raft, MessageType.beat);
}

function stepLocal(raft: Raft, type: MessageType): void {
  const message = new Message(type, NONE);
  message.from = raft.id;
  step(raft, message);
}
