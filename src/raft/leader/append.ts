import { totalPayloadBytes } from "../log/sizes.ts";
import { hex } from "../logger.ts";
import { Message, MessageType } from "../message.ts";
import type { Entry } from "../types.ts";
import type { Raft } from "../core/raft.ts";

/**
 * Appends entries at the leader, with this term and the indexes behind the last; false when the
 * quota of uncommitted bytes refuses them. The leader's own acknowledgement is a message that waits
 * for its disk as any follower's does.
 */
export function appendOwn(raft: Raft, proposed: readonly Entry[]): boolean {
  if (!addUncommitted(raft, totalPayloadBytes(proposed))) {
    raft.logger.warning(
      `${hex(raft.id)} appending new entries to log would exceed uncommitted entry size limit; ` +
        "dropping proposal",
    );
    return false;
  }
  let index = raft.log.lastIndex();
  const { term } = raft;
  const entries: Entry[] = [];
  for (const { type, data } of proposed) {
    index += 1;
    entries.push({ type, term, index, data });
  }
  raft.log.append(entries);
  const acknowledgement = new Message(MessageType.appResp, raft.id);
  acknowledgement.index = index;
  raft.send(acknowledgement);
  return true;
}

/**
 * One proposal above the limit passes where there is no other, and one without data always: a new
 * leader's first entry and the end of a joint configuration are never refused (raft.md 16).
 */
function addUncommitted(raft: Raft, bytes: number): boolean {
  const sum = raft.uncommittedBytes + bytes;
  if (raft.uncommittedBytes > 0 && bytes > 0 && sum > raft.settings.uncommittedBytesMax) {
    return false;
  }
  raft.uncommittedBytes = sum;
  return true;
}

/** Entries with this payload were applied. Those of earlier terms were never counted. */
export function releaseUncommitted(raft: Raft, bytes: number): void {
  raft.uncommittedBytes = Math.max(raft.uncommittedBytes - bytes, 0);
}
