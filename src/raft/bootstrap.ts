import { assert } from "../base/assert.ts";
import { ConfChangeTransition, ConfChangeType } from "./conf-change.ts";
import { encodeConfChange } from "./conf-change-codec.ts";
import { applyConfChange } from "./core/membership.ts";
import type { Raft } from "./core/raft.ts";
import { becomeFollower } from "./core/roles.ts";
import { type Entry, NO_DATA, NONE } from "./types.ts";

/** One of the first members of a group. */
export interface Peer {
  readonly id: bigint;
  /** Of the application: travels in the entry that adds the member. */
  readonly context: Uint8Array;
}

/**
 * Gives a new group its first entries: each adds a member, all are committed (raft.md B25). Every
 * member does so by itself with the same peers in the same order, and delivers the entries to its
 * application; the core knows the members at once, so that one of them can campaign.
 * @throws AssertionError when there are no peers, or a log.
 */
export function bootstrapRaft(raft: Raft, peers: readonly Peer[]): void {
  assert(peers.length > 0, "must provide at least one peer to Bootstrap");
  assert(raft.log.lastIndex() === 0, "can't bootstrap a nonempty Storage");
  becomeFollower(raft, 1, NONE);
  const entries: Entry[] = peers.map(({ id, context }, at) => {
    const change = { id: 0n, type: ConfChangeType.addNode, nodeId: id, context };
    const { type, data } = encodeConfChange(change);
    return { type, term: 1, index: at + 1, data };
  });
  raft.log.append(entries);
  raft.log.commitTo(entries.length);
  for (const { id: nodeId } of peers) {
    const changes = [{ type: ConfChangeType.addNode, nodeId }];
    applyConfChange(raft, { transition: ConfChangeTransition.auto, changes, context: NO_DATA });
  }
}
