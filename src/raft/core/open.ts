import type { RaftConfig } from "../config.ts";
import { RaftLog } from "../log/raft-log.ts";
import { hex } from "../logger.ts";
import { NONE } from "../types.ts";
import { restoreConfState } from "./membership.ts";
import { Raft } from "./raft.ts";
import { becomeFollower } from "./roles.ts";
import { checkedSettings } from "./settings.ts";

/**
 * A member as its storage has it: a follower that knows of no leader.
 * @throws AssertionError for a configuration, or a storage, that cannot be.
 */
export function openRaft(config: RaftConfig): Raft {
  const settings = checkedSettings(config);
  const { storage, applied = 0 } = config;
  const { hardState, confState } = storage.initialState();
  const log = new RaftLog({
    storage,
    logger: settings.logger,
    applyingBytesMax: settings.committedBytesPerReadyMax,
  });
  const raft = new Raft(config.id, settings, log);
  restoreConfState(raft, confState);
  const { term, vote, commit } = hardState;
  if (term !== 0 || vote !== NONE || commit !== 0) raft.loadHardState(hardState);
  if (applied > 0) log.appliedTo(applied, 0);
  becomeFollower(raft, raft.term, NONE);
  const voters = raft.tracker.voterIds.map(hex).join(",");
  settings.logger.info(
    `newRaft ${hex(raft.id)} [peers: [${voters}], term: ${raft.term}, ` +
      `commit: ${log.committed}, applied: ${log.applied}, lastindex: ${log.lastIndex()}, ` +
      `lastterm: ${log.lastTerm()}]`,
  );
  return raft;
}
