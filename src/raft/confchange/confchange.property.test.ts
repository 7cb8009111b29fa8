import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { type ConfChangeSingle, ConfChangeType } from "../conf-change.ts";
import { EMPTY_CONFIG, type TrackerConfig, toConfState } from "../tracker/config.ts";
import { ProgressTracker } from "../tracker/tracker.ts";
import { type Changed, Changer } from "./changer.ts";
import { restore } from "./restore.ts";

const seed = Number(process.env["CONFCHANGE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const rounds = Number(process.env["CONFCHANGE_ROUNDS"] ?? 2_000);
const LIMITS = { inflightMax: 10, inflightBytesMax: 0 };
const LAST_INDEX = 10;

const TYPES = [
  ConfChangeType.addNode,
  ConfChangeType.addNode,
  ConfChangeType.addLearnerNode,
  ConfChangeType.removeNode,
  ConfChangeType.updateNode,
];

function randomChanges(prng: Prng, countMax: number): readonly ConfChangeSingle[] {
  return Array.from({ length: prng.between(1, countMax) }, () => ({
    type: TYPES[prng.below(TYPES.length)]!,
    nodeId: BigInt(prng.between(0, 7)),
  }));
}

/** Who is what after the changes, when nothing is joint: the twin. */
function rolesAfter(
  config: TrackerConfig,
  changes: readonly ConfChangeSingle[],
): Map<bigint, "voter" | "learner"> {
  const roles = new Map<bigint, "voter" | "learner">();
  for (const id of config.voters.incoming.ids) roles.set(id, "voter");
  for (const id of config.learners) roles.set(id, "learner");
  for (const { type, nodeId } of changes) {
    if (nodeId === 0n) continue;
    if (type === ConfChangeType.addNode) roles.set(nodeId, "voter");
    if (type === ConfChangeType.addLearnerNode) roles.set(nodeId, "learner");
    if (type === ConfChangeType.removeNode) roles.delete(nodeId);
  }
  return roles;
}

function rolesOf({ config, progress }: Changed): Map<bigint, "voter" | "learner"> {
  const roles = new Map<bigint, "voter" | "learner">();
  for (const id of config.voters.incoming.ids) roles.set(id, "voter");
  for (const id of config.learners) roles.set(id, "learner");
  assert.deepEqual(
    new Set(progress.keys()),
    new Set([...roles.keys(), ...config.voters.outgoing.ids, ...config.learnersNext]),
    "who is a member is replicated to, and nobody else",
  );
  return roles;
}

function changerOf(now: Changed): Changer {
  return new Changer({ ...now, limits: LIMITS, lastIndex: LAST_INDEX });
}

/** A restart from what a snapshot carries must decide as before. */
function checkRestore(now: Changed): void {
  const again = restore(toConfState(now.config), { lastIndex: LAST_INDEX, limits: LIMITS });
  assert.deepEqual(toConfState(again.config), toConfState(now.config));
  for (const [id, { isLearner }] of now.progress) {
    assert.equal(again.progress.get(id)?.isLearner, isLearner);
  }
  new ProgressTracker(LIMITS).switchTo(again.config, again.progress);
}

function sizeOfVoterChange(before: TrackerConfig, roles: ReadonlyMap<bigint, string>): number {
  const old = before.voters.incoming;
  const added = [...roles].filter(([id, role]) => role === "voter" && !old.has(id)).length;
  return added + old.ids.filter((id) => roles.get(id) !== "voter").length;
}

test(`changes: simple or through a joint phase, the roles are what was asked; seed ${seed}`, () => {
  const prng = new Prng(seed);
  for (let round = 0; round < rounds; round += 1) {
    let now: Changed = { config: EMPTY_CONFIG, progress: new Map() };
    for (let step = 0; step < 8; step += 1) {
      const changes = randomChanges(prng, 4);
      const wanted = rolesAfter(now.config, changes);
      const hasVoters = [...wanted.values()].includes("voter");
      const before = toConfState(now.config);
      const simple = changerOf(now).simple(changes);
      assert.deepEqual(toConfState(now.config), before, "the base is not touched");
      const isSimple = hasVoters && sizeOfVoterChange(now.config, wanted) <= 1;
      assert.equal("error" in simple, !isSimple);
      const autoLeave = prng.chance(0.5);
      const joint = changerOf(now).enterJoint(autoLeave, changes);
      if ("error" in joint) {
        assert.ok(!hasVoters || now.config.voters.incoming.size === 0, joint.error);
        if (!("error" in simple)) now = simple;
        continue;
      }
      assert.deepEqual(joint.config.voters.outgoing.ids, now.config.voters.incoming.ids);
      assert.equal(joint.config.autoLeave, autoLeave);
      checkRestore(joint);
      const left = changerOf(joint).leaveJoint();
      assert.ok(!("error" in left));
      assert.deepEqual(rolesOf(left), wanted);
      assert.equal(left.config.learnersNext.length, 0);
      checkRestore(left);
      if (!("error" in simple)) {
        assert.deepEqual(toConfState(simple.config), toConfState(left.config));
      }
      now = left;
    }
  }
});

test("a configuration that no change leads to is refused", () => {
  const confState = {
    voters: [1n],
    learners: [1n],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  assert.throws(() => restore(confState, { lastIndex: 1, limits: LIMITS }));
});
