import { type ChangeOutcome, Changer } from "../confchange/changer.ts";
import { describeConfig } from "../tracker/config.ts";
import { describeProgressMap, ProgressTracker } from "../tracker/tracker.ts";
import { CommandError, parseBool, valueOf } from "./arguments.ts";
import { parseConfChanges } from "./conf-change-text.ts";
import { DataFileError, type Directive } from "./data-file.ts";
import type { Interpreter } from "./replay.ts";

const INFLIGHT_MAX = 10;

/** The commands of the `confchange` files (raft.md 19.5), on a configuration of their own. */
export function confchangeCommands(): Interpreter {
  const tracker = new ProgressTracker({ inflightMax: INFLIGHT_MAX, inflightBytesMax: 0 });
  // Rises with every command, so that `next` of a member tells when it came.
  let lastIndex = 0;
  return (directive) => {
    const { config, progressMap, limits } = tracker;
    const changer = new Changer({ config, progress: progressMap, limits, lastIndex });
    lastIndex += 1;
    const outcome = change(changer, directive);
    if ("error" in outcome) return outcome.error;
    tracker.switchTo(outcome.config, outcome.progress);
    return `${describeConfig(outcome.config)}\n${describeProgressMap(outcome.progress)}`;
  };
}

function change(changer: Changer, directive: Directive): ChangeOutcome {
  const { command, input, line } = directive;
  try {
    const changes = parseConfChanges(input);
    switch (command) {
      case "simple":
        return changer.simple(changes);
      case "enter-joint":
        return changer.enterJoint(parseBool(valueOf(directive, "autoleave") ?? "false"), changes);
      case "leave-joint":
        if (changes.length > 0) return { error: "this command takes no input" };
        return changer.leaveJoint();
      default:
        throw new DataFileError(`line ${line}: unknown command ${command}`);
    }
  } catch (error) {
    if (error instanceof CommandError) return { error: error.message };
    throw error;
  }
}
