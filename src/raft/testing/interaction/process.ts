import { describeMessage, describeStorageWork } from "../../describe/message.ts";
import { describeReady } from "../../describe/ready.ts";
import { type Message, MessageType } from "../../message.ts";
import type { HardState } from "../../types.ts";
import { isLocalThread } from "../../types.ts";
import { bareIds } from "../arguments.ts";
import type { Directive } from "../data-file.ts";
import type { Environment } from "./environment.ts";
import type { TestNode } from "./test-node.ts";

/** Something that is done for one node at a time, and how its heading calls it. */
interface Step {
  readonly heading: string;
  run(environment: Environment, node: TestNode): void;
}

const READY: Step = { heading: "handling Ready", run: processReady };
const APPEND: Step = { heading: "processing append thread", run: processAppend };
const APPLY: Step = { heading: "processing apply thread", run: processApply };

/** `process-ready ID…` */
export function processReadys(environment: Environment, directive: Directive): void {
  forEachNode(environment, directive, READY);
}

/** `process-append-thread ID…`: one piece of work each. */
export function processAppendThreads(environment: Environment, directive: Directive): void {
  forEachNode(environment, directive, APPEND);
}

/** `process-apply-thread ID…`: one piece of work each. */
export function processApplyThreads(environment: Environment, directive: Directive): void {
  forEachNode(environment, directive, APPLY);
}

/** With several nodes each gets a heading. */
function forEachNode(environment: Environment, directive: Directive, step: Step): void {
  const { output } = environment;
  const ids = bareIds(directive);
  for (const id of ids) {
    const node = environment.node(id);
    if (ids.length === 1) {
      step.run(environment, node);
      continue;
    }
    output.write(`> ${id} ${step.heading}\n`);
    output.indented(() => step.run(environment, node));
  }
}

/**
 * Takes a Ready, prints it and does what it asks for; in asynchronous mode the storage work waits
 * for the threads.
 */
export function processReady({ output, messages }: Environment, node: TestNode): void {
  const ready = node.raw.ready();
  output.write(describeReady(ready));
  if (!node.isAsync) {
    node.persist(ready);
    node.apply(ready.committedEntries);
  }
  for (const message of ready.messages) {
    if (!isLocalThread(message.to)) messages.push(message);
    else if (message.type === MessageType.storageAppend) node.appendWork.push(message);
    else node.applyWork.push(message);
  }
  if (!node.isAsync) node.raw.advance();
}

/** The append thread does one piece of work; the answers go out when it is durable. */
export function processAppend(environment: Environment, node: TestNode): void {
  const work = node.appendWork.shift();
  if (work === undefined) {
    environment.output.write("no append work to perform");
    return;
  }
  announce(environment, work);
  const { entries, snapshot } = work;
  node.persist({ hardState: hardStateOf(work), entries, snapshot });
  respond(environment, work);
}

/** The apply thread does one piece of work. */
export function processApply(environment: Environment, node: TestNode): void {
  const work = node.applyWork.shift();
  if (work === undefined) {
    environment.output.write("no apply work to perform");
    return;
  }
  announce(environment, work);
  node.apply(work.entries);
  respond(environment, work);
}

function announce({ output }: Environment, work: Message): void {
  output.write(`Processing:\n${describeStorageWork(work)}\n`);
}

function respond({ output, messages }: Environment, { responses }: Message): void {
  output.write("Responses:\n");
  for (const response of responses) output.write(`${describeMessage(response)}\n`);
  messages.push(...responses);
}

/** A storage message without term, vote and commit leaves the hard state alone. */
function hardStateOf({ term, vote, commit }: Message): HardState | null {
  return term === 0 && vote === 0n && commit === 0 ? null : { term, vote, commit };
}
