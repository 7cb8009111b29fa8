import { describeMessage } from "../../describe/message.ts";
import { Message, MessageType } from "../../message.ts";
import { bareIds, CommandError, firstId, parseNumber, parseUint, valueOf } from "../arguments.ts";
import { DataFileError, type Directive } from "../data-file.ts";
import type { Environment } from "./environment.ts";

/** `campaign ID` */
export function campaign(environment: Environment, directive: Directive): void {
  environment.node(firstId(directive)).raw.campaign();
}

/** `tick-election ID`: as many ticks as an election timeout has. */
export function tickElection(environment: Environment, directive: Directive): void {
  const { raw, electionTicks } = environment.node(firstId(directive));
  for (let tick = 0; tick < electionTicks; tick += 1) raw.tick();
}

/** `tick-heartbeat ID`: as many ticks as a heartbeat timeout has. */
export function tickHeartbeat(environment: Environment, directive: Directive): void {
  const { raw, heartbeatTicks } = environment.node(firstId(directive));
  for (let tick = 0; tick < heartbeatTicks; tick += 1) raw.tick();
}

/** `set-randomized-election-timeout ID timeout=TICKS`: in force until the next draw. */
export function setElectionTimeout(environment: Environment, directive: Directive): void {
  const ticks = parseNumber(valueOf(directive, "timeout") ?? "");
  if (ticks === 0) throw new DataFileError(`line ${directive.line}: timeout must not be 0`);
  environment.node(firstId(directive)).raw.core.randomizedElectionTicks = ticks;
}

/** `transfer-leadership from=ID to=ID` */
export function transferLeadership(environment: Environment, directive: Directive): void {
  const from = parseUint(valueOf(directive, "from") ?? "");
  const to = parseUint(valueOf(directive, "to") ?? "");
  environment.node(from).raw.transferLeader(environment.node(to).id);
}

/** `forget-leader ID` */
export function forgetLeader(environment: Environment, directive: Directive): void {
  environment.node(firstId(directive)).raw.forgetLeader();
}

/** `report-unreachable ID PEER` */
export function reportUnreachable(environment: Environment, directive: Directive): void {
  const [id, peer, ...more] = bareIds(directive);
  if (id === undefined || peer === undefined || more.length > 0) {
    throw new CommandError(
      "must specify exactly two node indexes: node on which to report, and reported node",
    );
  }
  environment.node(id).raw.reportUnreachable(environment.node(peer).id);
}

/** `send-snapshot FROM TO`: the newest state, without the core being asked. */
export function sendSnapshot(environment: Environment, directive: Directive): void {
  const [from, to] = bareIds(directive);
  if (from === undefined || to === undefined) {
    throw new DataFileError(`line ${directive.line}: from which node to which?`);
  }
  const { raw, storage } = environment.node(from);
  const message = new Message(MessageType.snap, to);
  message.from = from;
  message.term = raw.core.term;
  message.snapshot = storage.snapshot();
  environment.messages.push(message);
  environment.output.write(describeMessage(message));
}
