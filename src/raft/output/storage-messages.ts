import type { Raft } from "../core/raft.ts";
import { Message, MessageType } from "../message.ts";
import { type Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, type Snapshot } from "../types.ts";
import type { Ready } from "./ready.ts";

/** Make this durable, then deliver the responses (raft.md B28). */
export function storageAppend(
  raft: Raft,
  { entries, hardState, snapshot }: Pick<Ready, "entries" | "hardState" | "snapshot">,
): Message {
  const message = new Message(MessageType.storageAppend, LOCAL_APPEND_THREAD);
  message.from = raft.id;
  message.entries = entries;
  if (hardState !== null) {
    message.term = hardState.term;
    message.vote = hardState.vote;
    message.commit = hardState.commit;
  }
  message.snapshot = snapshot;
  const responses = [...raft.messagesAfterAppend];
  if (raft.log.unstable.length > 0 || snapshot !== null) {
    responses.push(storageAppendResponse(raft, snapshot));
  }
  message.responses = responses;
  return message;
}

/**
 * Everything handed out so far is durable. It names the end of the log whenever any of it is
 * unstable, and the term: an answer of an older term acknowledges no entries (raft.md S11), so a
 * later one, of a term that lasts, has to do it for them.
 */
export function storageAppendResponse(raft: Raft, snapshot: Snapshot | null): Message {
  const message = new Message(MessageType.storageAppendResp, raft.id);
  message.from = LOCAL_APPEND_THREAD;
  message.term = raft.term;
  if (raft.log.unstable.length > 0) {
    message.index = raft.log.lastIndex();
    message.logTerm = raft.log.lastTerm();
  }
  message.snapshot = snapshot;
  return message;
}

/** Apply these, then deliver the response. Committed entries belong to no term. */
export function storageApply(raft: Raft, entries: readonly Entry[]): Message {
  const message = new Message(MessageType.storageApply, LOCAL_APPLY_THREAD);
  message.from = raft.id;
  message.entries = entries;
  message.responses = [storageApplyResponse(raft, entries)];
  return message;
}

/** The entries are applied. */
export function storageApplyResponse(raft: Raft, entries: readonly Entry[]): Message {
  const message = new Message(MessageType.storageApplyResp, raft.id);
  message.from = LOCAL_APPLY_THREAD;
  message.entries = entries;
  return message;
}
