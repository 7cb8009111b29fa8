import { hex } from "../logger.ts";
import { Message, MessageType } from "../message.ts";
import { NO_DATA, NONE } from "../types.ts";
import type { Raft } from "../core/raft.ts";
import { broadcastHeartbeat } from "./replication.ts";

/** A read request at the leader (raft.md 9). */
export function readAtLeader(raft: Raft, request: Message): void {
  if (raft.tracker.isSingleton) {
    answer(raft, request, raft.log.committed);
  } else if (raft.hasCommittedInTerm) {
    confirm(raft, request);
  } else {
    raft.parkedReads.push(request);
  }
}

/** The first entry of the term is committed: requests that waited for it go on. */
export function releaseParkedReads(raft: Raft): void {
  if (raft.parkedReads.length === 0) return;
  if (!raft.hasCommittedInTerm) {
    raft.logger.error(
      "pending MsgReadIndex should be released only after first commit in current term",
    );
    return;
  }
  const parked = raft.parkedReads;
  raft.parkedReads = [];
  for (const request of parked) confirm(raft, request);
}

/** With a lease the leader knows that it leads; else a round of heartbeats has to tell. */
function confirm(raft: Raft, request: Message): void {
  if (raft.settings.isLeaseBased) {
    answer(raft, request, raft.log.committed);
    return;
  }
  raft.reads.add(request, raft.log.committed);
  raft.reads.acknowledge(raft.id, raft.reads.context());
  broadcastHeartbeat(raft);
}

/** A member answered a heartbeat: every read that a quorum confirmed now is answered. */
export function readsConfirmed(raft: Raft, from: bigint, context: Uint8Array): void {
  if (raft.settings.isLeaseBased || context.length === 0) return;
  raft.reads.acknowledge(from, context);
  for (const { message, index } of raft.reads.takeConfirmed(raft.tracker.config.voters)) {
    answer(raft, message, index);
  }
}

function answer(raft: Raft, request: Message, index: number): void {
  if (request.from === NONE || request.from === raft.id) {
    raft.readStates.push({ index, context: request.entries[0]?.data ?? NO_DATA });
    return;
  }
  const response = new Message(MessageType.readIndexResp, request.from);
  response.index = index;
  response.entries = request.entries;
  raft.send(response);
}

/** A read request at a follower goes to the leader; nobody answers it without one. */
export function readAtFollower(raft: Raft, request: Message): void {
  if (raft.lead === NONE) {
    raft.logger.info(`${hex(raft.id)} no leader at term ${raft.term}; dropping index reading msg`);
    return;
  }
  raft.forwardToLeader(request);
}

/** The leader answered a read request of this member. */
export function readAnswered(raft: Raft, { from, index, entries }: Message): void {
  if (entries.length !== 1) {
    raft.logger.error(
      `${hex(raft.id)} invalid format of MsgReadIndexResp from ${hex(from)}, ` +
        `entries count: ${entries.length}`,
    );
    return;
  }
  raft.readStates.push({ index, context: entries[0]!.data });
}
