import { assert } from "../base/assert.ts";
import { quoteBytes } from "./quote.ts";
import { NO_DATA } from "./types.ts";

/** What is done to one member, numbers as in raftpb. */
export const ConfChangeType = {
  addNode: 0,
  removeNode: 1,
  updateNode: 2,
  addLearnerNode: 3,
} as const;
export type ConfChangeType = (typeof ConfChangeType)[keyof typeof ConfChangeType];

/** How a set of changes gets from one configuration to the next, numbers as in raftpb. */
export const ConfChangeTransition = { auto: 0, jointImplicit: 1, jointExplicit: 2 } as const;
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition];

/** One member's change. A `nodeId` of 0n is a change that does nothing. */
export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: bigint;
}

/** One change at a time, without joint configurations. */
export interface ConfChange {
  /** Of the application; the core ignores it. */
  readonly id: bigint;
  readonly type: ConfChangeType;
  readonly nodeId: bigint;
  readonly context: Uint8Array;
}

/** Any number of changes; with none and `auto` it leaves a joint configuration. */
export interface ConfChangeV2 {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  readonly context: Uint8Array;
}

/** The change that leaves a joint configuration; encoded it has no bytes. */
export const LEAVE_JOINT: ConfChangeV2 = {
  transition: ConfChangeTransition.auto,
  changes: [],
  context: NO_DATA,
};

/** The same change in the newer form. */
export function asV2(change: ConfChange): ConfChangeV2 {
  return {
    transition: ConfChangeTransition.auto,
    changes: [{ type: change.type, nodeId: change.nodeId }],
    context: change.context,
  };
}

/** True when `change` leaves a joint configuration. */
export function leavesJoint(change: ConfChangeV2): boolean {
  return change.transition === ConfChangeTransition.auto && change.changes.length === 0;
}

/** True when `change` enters a joint configuration (raft.md B16). */
export function entersJoint(change: ConfChangeV2): boolean {
  return change.transition !== ConfChangeTransition.auto || change.changes.length > 1;
}

/** Whether the joint configuration that `change` enters is left without being asked. */
export function leavesAutomatically(change: ConfChangeV2): boolean {
  assert(change.transition <= ConfChangeTransition.jointExplicit, "unknown transition");
  return change.transition !== ConfChangeTransition.jointExplicit;
}

const TYPE_NAMES = [
  "ConfChangeAddNode",
  "ConfChangeRemoveNode",
  "ConfChangeUpdateNode",
  "ConfChangeAddLearnerNode",
];

const TRANSITION_NAMES = [
  "ConfChangeTransitionAuto",
  "ConfChangeTransitionJointImplicit",
  "ConfChangeTransitionJointExplicit",
];

/** How a change is printed in log lines (raft.md 19.3). */
export function describeConfChange(change: ConfChangeV2): string {
  let text = `transition:${TRANSITION_NAMES[change.transition] ?? change.transition}`;
  for (const { type, nodeId } of change.changes) {
    text += ` changes:{type:${TYPE_NAMES[type] ?? type} node_id:${nodeId}}`;
  }
  if (change.context.length > 0) text += ` context:${quoteBytes(change.context)}`;
  return text;
}
