import { bareIds } from "../arguments.ts";
import { DataFileError, type Directive } from "../data-file.ts";
import { deliver } from "./deliver.ts";
import type { Environment, Selection } from "./environment.ts";
import { processAppend, processApply, processReady } from "./process.ts";
import type { TestNode } from "./test-node.ts";

/**
 * Passes after which nodes are said to talk for ever. Twenty are many; a log that was compacted
 * before it was applied never settles, in the library neither.
 */
const PASSES_MAX = 1_000;

/** `stabilize [ID…] [log-level=LEVEL]`: until these nodes have nothing to do. */
export function stabilize(environment: Environment, directive: Directive): void {
  const { output, nodes } = environment;
  const ids = bareIds(directive);
  const chosen = ids.length === 0 ? [...nodes] : ids.map((id) => environment.node(id));
  const level = output.level;
  try {
    for (const { key, values } of directive.args) {
      if (key === "log-level") for (const value of values) output.setLevel(value);
    }
    let passes = 0;
    while (pass(environment, chosen)) {
      passes += 1;
      if (passes === PASSES_MAX) throw new DataFileError(`line ${directive.line}: no end in sight`);
    }
  } finally {
    output.setLevel(level);
  }
}

/** Each kind of work for all nodes before the next kind; true when there was some. */
function pass(environment: Environment, nodes: readonly TestNode[]): boolean {
  const { output } = environment;
  let isBusy = false;
  const doWork = (node: TestNode, heading: string, work: () => void): void => {
    isBusy = true;
    output.write(`> ${node.id} ${heading}\n`);
    output.indented(work);
  };
  for (const node of nodes) {
    if (!node.raw.hasReady()) continue;
    doWork(node, "handling Ready", () => processReady(environment, node));
  }
  for (const node of nodes) {
    const selection: Selection = { to: node.id, type: null, isDropped: false };
    if (!environment.hasMessages(selection)) continue;
    doWork(node, "receiving messages", () => deliver(environment, selection));
  }
  for (const node of nodes) {
    if (node.appendWork.length === 0) continue;
    doWork(node, "processing append thread", () => {
      while (node.appendWork.length > 0) processAppend(environment, node);
    });
  }
  for (const node of nodes) {
    if (node.applyWork.length === 0) continue;
    doWork(node, "processing apply thread", () => {
      while (node.applyWork.length > 0) processApply(environment, node);
    });
  }
  return isBusy;
}
