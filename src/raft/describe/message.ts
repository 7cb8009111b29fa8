import { type Message, messageTypeName } from "../message.ts";
import { LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, NONE } from "../types.ts";
import { describeEntry } from "./entry.ts";
import { describeSnapshot } from "./state.ts";

/**
 * A message as logs and golden files print it, without end of line (raft.md 19.3):
 * `1->2 MsgApp Term:1 Log:1/11 Commit:11 Entries:[1/12 EntryNormal "x"]`.
 */
export function describeMessage(message: Message): string {
  return describeHead(message, "") + describeResponses(message, "");
}

/** The same, leaving out what is to be delivered when its work is done. */
export function describeStorageWork(message: Message): string {
  return describeHead(message, "");
}

function describeHead(message: Message, indent: string): string {
  const { from, to, type, term, logTerm, index, commit, vote, snapshot } = message;
  let text = `${indent}${describeEnd(from)}->${describeEnd(to)} ${messageTypeName(type)}`;
  text += ` Term:${term} Log:${logTerm}/${index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (commit !== 0) text += ` Commit:${commit}`;
  if (vote !== NONE) text += ` Vote:${vote}`;
  text += describeEntryList(message, indent);
  if (snapshot !== null && snapshot.metadata.index !== 0) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  }
  return text;
}

/** One entry stays on the line, several get lines of their own. */
function describeEntryList({ entries }: Message, indent: string): string {
  if (entries.length === 0) return "";
  if (entries.length === 1) return ` Entries:[${describeEntry(entries[0]!)}]`;
  const lines = entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`);
  return ` Entries:[${lines.join("")}\n${indent}]`;
}

function describeResponses({ responses }: Message, indent: string): string {
  if (responses.length === 0) return "";
  const inner = `${indent}  `;
  const lines = responses.map(
    (each) => `\n${describeHead(each, inner)}${describeResponses(each, inner)}`,
  );
  return ` Responses:[${lines.join("")}\n${indent}]`;
}

function describeEnd(id: bigint): string {
  switch (id) {
    case NONE:
      return "None";
    case LOCAL_APPEND_THREAD:
      return "AppendThread";
    case LOCAL_APPLY_THREAD:
      return "ApplyThread";
    default:
      return id.toString(16);
  }
}
