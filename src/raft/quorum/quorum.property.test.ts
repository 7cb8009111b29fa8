import assert from "node:assert/strict";
import { test } from "node:test";
import { Prng } from "../../base/prng.ts";
import { alternatives, countedIndex } from "../testing/quorum-twins.ts";
import { JointConfig } from "./joint.ts";
import { MajorityConfig } from "./majority.ts";
import { VoteResult } from "./vote-result.ts";

const seed = Number(process.env["QUORUM_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const cases = Number(process.env["QUORUM_CASES"] ?? 20_000);
const VOTERS_MAX = 9;

function randomConfig(prng: Prng): MajorityConfig {
  const count = prng.between(0, VOTERS_MAX);
  return new MajorityConfig(Array.from({ length: count }, () => BigInt(prng.between(1, 12))));
}

/** What some of the voters acknowledged; equal indexes are frequent. */
function randomIndexes(prng: Prng, ids: readonly bigint[]): Map<bigint, number> {
  const known = ids.filter(() => prng.chance(0.8));
  return new Map(known.map((id) => [id, prng.between(1, prng.chance(0.5) ? 4 : 1000)]));
}

test(`committed index: as many have reached it as must, whatever the way; seed ${seed}`, () => {
  const prng = new Prng(seed);
  for (let each = 0; each < cases; each += 1) {
    const config = randomConfig(prng);
    const other = randomConfig(prng);
    const joint = new JointConfig(config, other);
    const acked = randomIndexes(prng, joint.ids());
    const index = config.committedIndex(acked);
    for (const way of alternatives(config, null, acked)) assert.equal(way.index, index, way.way);
    const both = joint.committedIndex(acked);
    const twin = Math.min(countedIndex(config.ids, acked), countedIndex(other.ids, acked));
    assert.equal(both, twin);
    for (const way of alternatives(config, other, acked)) assert.equal(way.index, both, way.way);
  }
});

/** Won when every way in which the missing votes may come wins, lost when none does. */
function votedOut(joint: JointConfig, votes: ReadonlyMap<bigint, boolean>): VoteResult {
  const missing = joint.ids().filter((id) => !votes.has(id));
  let won = 0;
  for (let way = 0; way < 2 ** missing.length; way += 1) {
    const yes = (id: bigint): boolean => votes.get(id) ?? ((way >> missing.indexOf(id)) & 1) === 1;
    const wins = ({ ids }: MajorityConfig): boolean =>
      ids.length === 0 || 2 * ids.filter(yes).length > ids.length;
    if (wins(joint.incoming) && wins(joint.outgoing)) won += 1;
  }
  if (won === 0) return VoteResult.lost;
  return won === 2 ** missing.length ? VoteResult.won : VoteResult.pending;
}

test(`vote: decided as soon as no missing vote can change it; seed ${seed}`, () => {
  const prng = new Prng(seed);
  for (let each = 0; each < cases / 10; each += 1) {
    const joint = new JointConfig(randomConfig(prng), randomConfig(prng));
    const cast = joint.ids().filter(() => prng.chance(0.7));
    const votes = new Map(cast.map((id) => [id, prng.chance(0.5)]));
    const result = joint.voteResult(votes);
    const expected = votedOut(joint, votes);
    // Both halves may still be open and yet exclude each other: that they wait is no harm.
    if (result === VoteResult.pending) assert.notEqual(expected, VoteResult.won);
    else assert.equal(result, expected);
    if (!sharesVoters(joint)) assert.equal(result, expected);
  }
});

function sharesVoters({ incoming, outgoing }: JointConfig): boolean {
  return incoming.ids.some((id) => outgoing.has(id));
}
