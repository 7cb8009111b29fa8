import { quorumOf } from "./vote-result.ts";

/** What an empty set has committed: everything. Printed as `∞`. */
export const ALL_COMMITTED = Number.POSITIVE_INFINITY;

/**
 * The highest index that a majority has acknowledged, given what each of its `count` members
 * acknowledged in `acked[0, count)`, 0 for nothing. Sorts that range; allocates nothing.
 */
export function majorityIndex(acked: Float64Array, count: number): number {
  if (count === 0) return ALL_COMMITTED;
  // Groups have three to nine voters: insertion is the fastest sort, and needs no copy.
  for (let at = 1; at < count; at += 1) {
    const value = acked[at]!;
    let to = at;
    while (to > 0 && acked[to - 1]! > value) {
      acked[to] = acked[to - 1]!;
      to -= 1;
    }
    acked[to] = value;
  }
  return acked[count - quorumOf(count)]!;
}
