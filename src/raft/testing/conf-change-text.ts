import { type ConfChangeSingle, ConfChangeType } from "../conf-change.ts";
import { CommandError, parseUint } from "./arguments.ts";

const TYPES: Readonly<Record<string, ConfChangeType>> = {
  v: ConfChangeType.addNode,
  l: ConfChangeType.addLearnerNode,
  r: ConfChangeType.removeNode,
  u: ConfChangeType.updateNode,
};

/** `v1 l2 r3 u4`, or nothing. @throws CommandError for another word. */
export function parseConfChanges(text: string): readonly ConfChangeSingle[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  return trimmed.split(" ").map((word) => {
    if (word.length < 2) throw new CommandError(`unknown token ${word}`);
    const type = TYPES[word[0]!];
    if (type === undefined) throw new CommandError(`unknown input: ${word}`);
    return { type, nodeId: parseUint(word.slice(1)) };
  });
}
