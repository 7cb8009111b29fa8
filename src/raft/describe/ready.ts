import type { ReadState, Ready } from "../output/ready.ts";
import { describeEntries } from "./entry.ts";
import { describeMessage } from "./message.ts";
import { describeHardState, describeSnapshot, describeSoftState } from "./state.ts";

/** All of a Ready, a line each (raft.md 19.3); `<empty Ready>` without end of line when empty. */
export function describeReady(ready: Ready): string {
  let text = "";
  const { softState, hardState, readStates, snapshot } = ready;
  if (softState !== null) text += `${describeSoftState(softState)}\n`;
  if (hardState !== null) text += `HardState ${describeHardState(hardState)}\n`;
  if (readStates.length > 0) text += `ReadStates ${describeReadStates(readStates)}\n`;
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries)}`;
  if (snapshot !== null) text += `Snapshot ${describeSnapshot(snapshot)}\n`;
  if (ready.committedEntries.length > 0) {
    text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  }
  if (ready.messages.length > 0) {
    text += `Messages:\n${ready.messages.map((each) => `${describeMessage(each)}\n`).join("")}`;
  }
  return text === "" ? "<empty Ready>" : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

/** As Go prints a list of index and bytes: `[{11 [97 98]}]`. */
function describeReadStates(states: readonly ReadState[]): string {
  const each = states.map(({ index, context }) => `{${index} [${context.join(" ")}]}`);
  return `[${each.join(" ")}]`;
}
