import { type ConfChangeSingle, ConfChangeType } from "../conf-change.ts";
import type { TrackerConfig } from "../tracker/config.ts";
import type { ProgressMap } from "../tracker/tracker.ts";
import { type ChangeBase, ConfigDraft } from "./draft.ts";
import { findViolation } from "./invariants.ts";

/** A changed configuration with the progress of its members. */
export interface Changed {
  readonly config: TrackerConfig;
  readonly progress: ProgressMap;
}

/** A change, or why it is not allowed in etcd's words; then nothing changed. */
export type ChangeOutcome = Changed | { readonly error: string };

/**
 * Computes configurations (raft.md 10). Nothing of the base is touched: the caller switches to the
 * outcome, or does not.
 */
export class Changer {
  readonly #base: ChangeBase;

  constructor(base: ChangeBase) {
    this.#base = base;
  }

  /** At most one voter added or removed, any number of learners; not while joint. */
  simple(changes: readonly ConfChangeSingle[]): ChangeOutcome {
    return this.#change((draft) => {
      if (draft.isJoint) return "can't apply simple config change in joint config";
      const error = applyChanges(draft, changes);
      if (error !== undefined) return error;
      const before = new Set(this.#base.config.voters.incoming.ids);
      return countChanged(draft.incoming, before) > 1
        ? "more than one voter changed without entering joint config"
        : undefined;
    });
  }

  /** Any change: the present voters become the outgoing half, the changed ones the incoming. */
  enterJoint(autoLeave: boolean, changes: readonly ConfChangeSingle[]): ChangeOutcome {
    return this.#change((draft) => {
      if (draft.isJoint) return "config is already joint";
      if (draft.incoming.size === 0) return "can't make a zero-voter config joint";
      draft.outgoing = new Set(draft.incoming);
      draft.autoLeave = autoLeave;
      return applyChanges(draft, changes);
    });
  }

  /** Ends the joint phase: the incoming voters decide alone. */
  leaveJoint(): ChangeOutcome {
    return this.#change((draft) => {
      if (!draft.isJoint) return "can't leave a non-joint config";
      draft.leaveJoint();
      return undefined;
    });
  }

  #change(change: (draft: ConfigDraft) => string | undefined): ChangeOutcome {
    const draft = new ConfigDraft(this.#base);
    const error = findViolation(draft) ?? change(draft) ?? findViolation(draft);
    if (error !== undefined) return { error };
    return { config: draft.toConfig(), progress: draft.progress };
  }
}

/** Applies changes to the incoming half and the learners; what is wrong, or undefined. */
function applyChanges(
  draft: ConfigDraft,
  changes: readonly ConfChangeSingle[],
): string | undefined {
  for (const { type, nodeId } of changes) {
    // The applier neutralises a change it refuses by setting the id to zero.
    if (nodeId === 0n) continue;
    switch (type) {
      case ConfChangeType.addNode:
        draft.makeVoter(nodeId);
        break;
      case ConfChangeType.addLearnerNode:
        draft.makeLearner(nodeId);
        break;
      case ConfChangeType.removeNode:
        draft.remove(nodeId);
        break;
      case ConfChangeType.updateNode:
        break;
      default:
        return `unexpected conf type ${String(type)}`;
    }
  }
  return draft.incoming.size === 0 ? "removed all voters" : undefined;
}

/** How many ids are in one of the sets and not in the other. */
function countChanged(a: ReadonlySet<bigint>, b: ReadonlySet<bigint>): number {
  let common = 0;
  for (const id of a) if (b.has(id)) common += 1;
  return a.size + b.size - 2 * common;
}
