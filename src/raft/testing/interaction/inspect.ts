import { describeEntries } from "../../describe/entry.ts";
import { describeProgressMap } from "../../tracker/tracker.ts";
import { stateName, StateType, UNLIMITED } from "../../types.ts";
import { CommandError, firstId, parseUint } from "../arguments.ts";
import type { Directive } from "../data-file.ts";
import type { Environment } from "./environment.ts";

/** `raft-log ID`: what is stored. */
export function raftLog(environment: Environment, directive: Directive): void {
  const { storage } = environment.node(firstId(directive));
  const first = storage.firstIndex();
  const last = storage.lastIndex();
  if (last < first) {
    environment.output.write(`log is empty: first index=${first}, last index=${last}`);
    return;
  }
  environment.output.write(describeEntries(storage.entries(first, last + 1, UNLIMITED)!));
}

/** `compact ID INDEX`: forgets the log up to the index, then prints it. */
export function compact(environment: Environment, directive: Directive): void {
  const { storage } = environment.node(firstId(directive));
  const error = storage.compact(Number(parseUint(directive.args[1]?.key ?? "")));
  if (error !== null) throw new CommandError(error);
  raftLog(environment, directive);
}

/** `raft-state`: role, vote right, term and leader as each node sees them. */
export function raftState({ output, nodes }: Environment): void {
  for (const { id, raw } of nodes) {
    const { state, term, lead, tracker } = raw.core;
    const right = tracker.config.voters.has(id) ? "(Voter)" : "(Non-Voter)";
    output.write(`${id}: ${stateName(state)} ${right} Term:${term} Lead:${lead}\n`);
  }
}

/** `status ID`: the progress of all peers; nothing but at a leader. */
export function status(environment: Environment, directive: Directive): void {
  const { state, tracker } = environment.node(firstId(directive)).raw.core;
  if (state !== StateType.leader) return;
  environment.output.write(describeProgressMap(tracker.progressMap));
}
