import { assert } from "../../base/assert.ts";
import { totalPayloadBytes } from "../log/sizes.ts";
import { TERM_UNKNOWN } from "../log/storage.ts";
import { hex } from "../logger.ts";
import { Message, MessageType } from "../message.ts";
import { type Progress, ProgressState } from "../tracker/progress.ts";
import { type Entry, NO_ENTRIES } from "../types.ts";
import type { Raft } from "../core/raft.ts";

/**
 * Sends `peer` what it lacks and the commit index (raft.md L1 to L3): entries within the limits, or
 * a snapshot where the log does not reach back so far. Without entries only if `sendIfEmpty`. True
 * when something was sent.
 */
export function sendAppend(raft: Raft, peer: Progress, sendIfEmpty: boolean): boolean {
  if (peer.isPaused) return false;
  const { log } = raft;
  const previous = peer.next - 1;
  const previousTerm = log.term(previous);
  if (previousTerm === TERM_UNKNOWN) return sendSnapshot(raft, peer);
  const entries = entriesFor(raft, peer);
  if (entries === null) return sendIfEmpty && sendSnapshot(raft, peer);
  if (entries.length === 0 && !sendIfEmpty) return false;
  const message = new Message(MessageType.app, peer.id);
  message.index = previous;
  message.logTerm = previousTerm;
  message.entries = entries;
  message.commit = log.committed;
  raft.send(message);
  peer.sentEntries(entries.length, totalPayloadBytes(entries));
  peer.sentCommit(log.committed);
  return true;
}

/**
 * None while the window is full: should all of it be lost, an append without entries still gets an
 * answer and frees it. Null when they are compacted.
 */
function entriesFor(raft: Raft, peer: Progress): readonly Entry[] | null {
  if (peer.state === ProgressState.replicate && peer.inflights.isFull) return NO_ENTRIES;
  return raft.log.entriesFrom(peer.next, raft.settings.bytesPerMessageMax);
}

function sendSnapshot(raft: Raft, peer: Progress): boolean {
  const { log, logger } = raft;
  const [own, to] = [hex(raft.id), hex(peer.id)];
  if (!peer.recentActive) {
    logger.debug(`ignore sending snapshot to ${to} since it is not recently active`);
    return false;
  }
  const snapshot = log.snapshot();
  if (snapshot === null) {
    logger.debug(
      `${own} failed to send snapshot to ${to} because snapshot is temporarily unavailable`,
    );
    return false;
  }
  const { index, term } = snapshot.metadata;
  assert(index > 0, "need non-empty snapshot");
  logger.debug(
    `${own} [firstindex: ${log.firstIndex()}, commit: ${log.committed}] ` +
      `sent snapshot[index: ${index}, term: ${term}] to ${to} [${peer}]`,
  );
  peer.becomeSnapshot(index);
  logger.debug(`${own} paused sending replication messages to ${to} [${peer}]`);
  const message = new Message(MessageType.snap, peer.id);
  message.snapshot = snapshot;
  raft.send(message);
  return true;
}

/** Sends every peer what it lacks; `sendIfEmpty`: at least the commit index. */
export function broadcastAppend(raft: Raft, sendIfEmpty: boolean): void {
  for (const peer of raft.tracker.peers) {
    if (peer.id !== raft.id) sendAppend(raft, peer, sendIfEmpty);
  }
}

/**
 * The commit index goes along no further than the peer is known to hold the log: it may hold other
 * entries behind (raft.md L7).
 */
export function broadcastHeartbeat(raft: Raft): void {
  const context = raft.reads.context();
  for (const peer of raft.tracker.peers) {
    if (peer.id === raft.id) continue;
    const message = new Message(MessageType.heartbeat, peer.id);
    message.commit = Math.min(peer.match, raft.log.committed);
    message.context = context;
    raft.send(message);
    peer.sentCommit(message.commit);
  }
}

/** Commits what a quorum holds, if its last entry is of this term (paper, 5.4.2). */
export function maybeCommit(raft: Raft): boolean {
  return raft.log.maybeCommit(raft.tracker.committed(), raft.term);
}
