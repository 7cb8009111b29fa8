import type { Message } from "../../message.ts";
import { isLocalThread } from "../../types.ts";
import type { MessageType } from "../../message.ts";
import { DataFileError } from "../data-file.ts";
import { Output } from "./output.ts";
import type { TestNode } from "./test-node.ts";

/** Which messages are taken from the network. */
export interface Selection {
  readonly to: bigint;
  /** Null for all. */
  readonly type: MessageType | null;
  /** To be thrown away: what a node says to itself or to its threads never is. */
  readonly isDropped: boolean;
}

/** The world of one file: nodes, the messages under way between them, what is printed. */
export class Environment {
  readonly output = new Output();
  /** Node n has id n + 1. */
  readonly nodes: TestNode[] = [];
  /** In the order in which they were sent. */
  messages: Message[] = [];

  /** @throws DataFileError when there is none. */
  node(id: bigint): TestNode {
    const node = this.nodes[Number(id) - 1];
    if (node === undefined) throw new DataFileError(`there is no node ${id}`);
    return node;
  }

  /** True when `take` would return something. */
  hasMessages(selection: Selection): boolean {
    return this.messages.some((message) => isSelected(message, selection));
  }

  /** Takes messages off the network; the rest keeps its order. */
  take(selection: Selection): readonly Message[] {
    const taken = this.messages.filter((message) => isSelected(message, selection));
    this.messages = this.messages.filter((message) => !isSelected(message, selection));
    return taken;
  }
}

function isSelected(message: Message, { to, type, isDropped }: Selection): boolean {
  if (message.to !== to || (isDropped && isWithinNode(message))) return false;
  return type === null || message.type === type;
}

/** Threads and their core talk in memory: such messages cannot be lost. */
function isWithinNode({ from, to }: Message): boolean {
  return from === to || isLocalThread(from) || isLocalThread(to);
}
