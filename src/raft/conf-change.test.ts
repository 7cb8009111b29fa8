import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asV2,
  ConfChangeTransition,
  ConfChangeType,
  describeConfChange,
  entersJoint,
  LEAVE_JOINT,
  leavesAutomatically,
  leavesJoint,
} from "./conf-change.ts";
import { decodeConfChange, encodeConfChange, encodeConfChangeV2 } from "./conf-change-codec.ts";
import { EntryType, NO_DATA } from "./types.ts";

const { auto, jointImplicit, jointExplicit } = ConfChangeTransition;
const { addNode, removeNode, addLearnerNode } = ConfChangeType;
const HUGE = 0xffff_ffff_ffff_fffdn;

test("a change of one member is encoded as raftpb does", () => {
  const change = { id: 5n, type: removeNode, nodeId: 300n, context: new Uint8Array([9]) };
  const { type, data } = encodeConfChange(change);
  assert.equal(type, EntryType.confChange);
  assert.deepEqual([...data], [0x08, 5, 0x10, 1, 0x18, 0xac, 2, 0x22, 1, 9]);
  assert.deepEqual(decodeConfChange({ type, data }), asV2(change));
});

test("changes of many members come back as they were, with all bits of their ids", () => {
  for (const transition of [auto, jointImplicit, jointExplicit]) {
    const changes = [
      { type: addNode, nodeId: HUGE },
      { type: addLearnerNode, nodeId: 0n },
      { type: removeNode, nodeId: 1n },
    ];
    const change = { transition, changes, context: new Uint8Array([1, 2]) };
    assert.deepEqual(decodeConfChange(encodeConfChangeV2(change)), change);
  }
});

test("the change that leaves a joint configuration has no bytes", () => {
  assert.deepEqual(encodeConfChangeV2(LEAVE_JOINT).data, NO_DATA);
  assert.deepEqual(decodeConfChange({ type: EntryType.confChangeV2, data: NO_DATA }), LEAVE_JOINT);
});

test("bytes that are no change are a broken log", () => {
  for (const bytes of [[0x08], [0x22, 5, 1], [0x0d, 1, 1, 1, 1], Array<number>(12).fill(0xff)]) {
    const data = Uint8Array.from(bytes);
    assert.throws(() => decodeConfChange({ type: EntryType.confChange, data }), /malformed/);
  }
  assert.throws(() => decodeConfChange({ type: EntryType.normal, data: NO_DATA }));
});

test("which changes enter or leave a joint configuration", () => {
  const one = [{ type: addNode, nodeId: 1n }];
  const two = [...one, { type: addNode, nodeId: 2n }];
  const of = (transition: ConfChangeTransition, changes: typeof one) => {
    const change = { transition, changes, context: NO_DATA };
    return [leavesJoint(change), entersJoint(change), leavesAutomatically(change)];
  };
  assert.deepEqual(of(auto, []), [true, false, true]);
  assert.deepEqual(of(auto, one), [false, false, true]);
  assert.deepEqual(of(auto, two), [false, true, true]);
  assert.deepEqual(of(jointImplicit, one), [false, true, true]);
  assert.deepEqual(of(jointExplicit, one), [false, true, false]);
});

test("how a change is told", () => {
  const context = new TextEncoder().encode('a"\n\u{1}é');
  const changes = [{ type: addLearnerNode, nodeId: 18n }];
  assert.equal(
    describeConfChange({ transition: jointExplicit, changes, context }),
    "transition:ConfChangeTransitionJointExplicit " +
      'changes:{type:ConfChangeAddLearnerNode node_id:18} context:"a\\"\\n\\x01é"',
  );
});
