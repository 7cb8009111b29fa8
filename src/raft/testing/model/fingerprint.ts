import type { Message } from "../../message.ts";
import type { Entry } from "../../types.ts";
import type { AsyncSeat } from "../async-seat.ts";

/** Everything that decides what a message does, as a text. */
export function messageText(message: Message): string {
  const { type, from, to, term, logTerm, index, entries, commit, snapshot } = message;
  const { reject, rejectHint, context, vote, responses } = message;
  const fields = [type, from, to, term, logTerm, index, commit, reject, rejectHint, vote, context];
  const shot = snapshot === null ? "" : `${snapshot.metadata.index}/${snapshot.metadata.term}`;
  return `${fields.join()}|${entries.map(entryText).join()}|${shot}|${responses
    .map(messageText)
    .join(";")}`;
}

/** An entry as a text: its place, and what is in it. */
export function entryText({ type, term, index, data }: Entry): string {
  return `${term}/${index}/${type}/${data.join(".")}`;
}

/**
 * Everything that decides how a member goes on, as a text; but for its timers: in the model any of
 * them may run out at any time.
 */
export function memberText(seat: AsyncSeat): string {
  const { core } = seat.node;
  const { log, tracker } = core;
  const { hardState, confState } = seat.storage.initialState();
  const peers = tracker.peers.map((peer) =>
    [
      peer.id,
      peer.match,
      peer.next,
      peer.state,
      peer.pendingSnapshot,
      peer.recentActive,
      peer.isFlowPaused,
      peer.isLearner,
      peer.commitSent,
      peer.inflights.lastIndexes().join("."),
    ].join(),
  );
  return [
    [core.term, core.vote, core.lead, core.state, core.transferee, core.pendingConfIndex].join(),
    [log.committed, log.window.applying, log.applied].join(),
    [log.unstable.offset, log.unstable.offsetInProgress].join(),
    entriesOf(seat).map(entryText).join(),
    String(tracker.config.voters) + tracker.config.learners.join() + tracker.config.autoLeave,
    peers.join(";"),
    [...tracker.votes].toString(),
    [hardState.term, hardState.vote, hardState.commit].join(),
    [...confState.voters, "-", ...confState.votersOutgoing].join(),
    durableEntriesOf(seat).map(entryText).join(),
    seat.writes.map(messageText).join(";"),
  ].join("|");
}

/** The log as the member sees it. */
export function entriesOf({ node }: AsyncSeat): readonly Entry[] {
  const { log } = node.core;
  return log.entriesFrom(log.firstIndex(), Infinity)!;
}

/** The log as it would be after a crash. */
export function durableEntriesOf({ storage }: AsyncSeat): readonly Entry[] {
  const last = storage.lastIndex();
  return last === 0 ? [] : storage.entries(1, last + 1, Infinity)!;
}
