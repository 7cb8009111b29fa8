import { CommandError } from "../arguments.ts";
import type { Directive } from "../data-file.ts";
import type { Interpreter } from "../replay.ts";
import { addNodes } from "./add-nodes.ts";
import { deliverMessages } from "./deliver.ts";
import {
  campaign,
  forgetLeader,
  reportUnreachable,
  sendSnapshot,
  setElectionTimeout,
  tickElection,
  tickHeartbeat,
  transferLeadership,
} from "./drive.ts";
import { Environment } from "./environment.ts";
import { compact, raftLog, raftState, status } from "./inspect.ts";
import { processAppendThreads, processApplyThreads, processReadys } from "./process.ts";
import { propose, proposeConfChange } from "./propose.ts";
import { stabilize } from "./stabilize.ts";

type Command = (environment: Environment, directive: Directive) => void;

const COMMANDS: Readonly<Record<string, Command>> = {
  _breakpoint: () => {},
  "add-nodes": addNodes,
  campaign,
  compact,
  "deliver-msgs": deliverMessages,
  "process-ready": processReadys,
  "process-append-thread": processAppendThreads,
  "process-apply-thread": processApplyThreads,
  "log-level": ({ output }, { args }) => output.setLevel(args[0]?.key ?? ""),
  "raft-log": raftLog,
  "raft-state": raftState,
  "set-randomized-election-timeout": setElectionTimeout,
  stabilize,
  status,
  "tick-election": tickElection,
  "tick-heartbeat": tickHeartbeat,
  "transfer-leadership": transferLeadership,
  "forget-leader": forgetLeader,
  "send-snapshot": sendSnapshot,
  propose,
  "propose-conf-change": proposeConfChange,
  "report-unreachable": reportUnreachable,
};

/** The commands of the `interaction` files (raft.md 19.2), by default on a world of their own. */
export function interactionCommands(environment: Environment = new Environment()): Interpreter {
  return (directive) => {
    const error = carryOut(environment, directive);
    const output = environment.output.take() + error;
    return output === "" ? "ok" : output;
  };
}

/** What the command refused, or nothing; that is shown even when all other output is not. */
function carryOut(environment: Environment, directive: Directive): string {
  const command = COMMANDS[directive.command];
  if (command === undefined) return "unknown command";
  try {
    command(environment, directive);
    return "";
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}
