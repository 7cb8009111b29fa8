import type { ConfigDraft } from "./draft.ts";

/** What is wrong with a configuration, in etcd's words; undefined when it is sound. */
export function findViolation(draft: ConfigDraft): string | undefined {
  return (
    findMissingProgress(draft) ??
    findMisplacedLearnerNext(draft) ??
    findMisplacedLearner(draft) ??
    findJointLeftover(draft)
  );
}

function findMissingProgress(draft: ConfigDraft): string | undefined {
  for (const ids of [draft.incoming, draft.outgoing, draft.learners, draft.learnersNext]) {
    for (const id of ids) if (!draft.progress.has(id)) return `no progress for ${id}`;
  }
  return undefined;
}

function findMisplacedLearnerNext(draft: ConfigDraft): string | undefined {
  for (const id of draft.learnersNext) {
    if (!draft.outgoing.has(id)) return `${id} is in LearnersNext, but not Voters[1]`;
    if (draft.progress.get(id)!.isLearner) {
      return `${id} is in LearnersNext, but is already marked as learner`;
    }
  }
  return undefined;
}

function findMisplacedLearner(draft: ConfigDraft): string | undefined {
  for (const id of draft.learners) {
    if (draft.outgoing.has(id)) return `${id} is in Learners and Voters[1]`;
    if (draft.incoming.has(id)) return `${id} is in Learners and Voters[0]`;
    if (!draft.progress.get(id)!.isLearner) {
      return `${id} is in Learners, but is not marked as learner`;
    }
  }
  return undefined;
}

function findJointLeftover(draft: ConfigDraft): string | undefined {
  if (draft.isJoint) return undefined;
  if (draft.learnersNext.size > 0) return "cfg.LearnersNext must be nil when not joint";
  return draft.autoLeave ? "AutoLeave must be false when not joint" : undefined;
}
