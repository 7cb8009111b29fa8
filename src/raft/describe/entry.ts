import { ConfChangeType } from "../conf-change.ts";
import { decodeConfChange } from "../conf-change-codec.ts";
import { quoteBytes } from "../quote.ts";
import { type Entry, EntryType } from "../types.ts";

const TYPE_NAMES: Readonly<Record<EntryType, string>> = {
  [EntryType.normal]: "EntryNormal",
  [EntryType.confChange]: "EntryConfChange",
  [EntryType.confChangeV2]: "EntryConfChangeV2",
};

const LETTERS: Readonly<Record<ConfChangeType, string>> = {
  [ConfChangeType.addNode]: "v",
  [ConfChangeType.removeNode]: "r",
  [ConfChangeType.updateNode]: "u",
  [ConfChangeType.addLearnerNode]: "l",
};

/** `1/12 EntryNormal "data"`, or `1/4 EntryConfChangeV2 v2 l3` (raft.md 19.3). */
export function describeEntry(entry: Entry): string {
  const data = entry.type === EntryType.normal ? quoteBytes(entry.data) : describeChanges(entry);
  const head = `${entry.term}/${entry.index} ${TYPE_NAMES[entry.type]}`;
  return data === "" ? head : `${head} ${data}`;
}

/** Each entry on a line of its own. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join("");
}

/** `v1 l2 r3 u4`; nothing for a change that leaves a joint configuration. */
function describeChanges(entry: Entry): string {
  return decodeConfChange(entry)
    .changes.map(({ type, nodeId }) => `${LETTERS[type] ?? "unknown"}${nodeId}`)
    .join(" ");
}
