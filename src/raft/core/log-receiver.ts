import { hex } from "../logger.ts";
import { Message, MessageType } from "../message.ts";
import type { Raft } from "./raft.ts";

/** Takes entries over from the leader, or says where the logs may agree (raft.md L6). */
export function appendReceived(raft: Raft, message: Message): void {
  const { log } = raft;
  const { index, logTerm, entries } = message;
  const answer = new Message(MessageType.appResp, message.from);
  if (index < log.committed) {
    answer.index = log.committed;
  } else if (log.appendBehind(index, logTerm, entries)) {
    const last = index + entries.length;
    // What follows in this log may be another leader's.
    log.commitTo(Math.min(message.commit, last));
    answer.index = last;
  } else {
    reject(raft, message, answer);
  }
  raft.send(answer);
}

/** The leader's log has no higher term than `logTerm` before the anchor: none can match. */
function reject(raft: Raft, { from, index, logTerm }: Message, answer: Message): void {
  const { log } = raft;
  raft.logger.debug(
    `${hex(raft.id)} [logterm: ${log.termOrZero(index)}, index: ${index}] ` +
      `rejected MsgApp [logterm: ${logTerm}, index: ${index}] from ${hex(from)}`,
  );
  const hint = log.lastIndexWithTermUpTo(Math.min(index, log.lastIndex()), logTerm);
  answer.index = index;
  answer.reject = true;
  answer.rejectHint = hint;
  answer.logTerm = log.termOrZero(hint);
}

/** The leader is alive, and this much of the log that it knows to be here is committed. */
export function heartbeatReceived(raft: Raft, { from, commit, context }: Message): void {
  raft.log.commitTo(commit);
  const answer = new Message(MessageType.heartbeatResp, from);
  answer.context = context;
  raft.send(answer);
}
