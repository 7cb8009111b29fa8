/** A lease longer than this is refused (etcd): in nanoseconds it still fits into 64 bits. */
export const TTL_MAX_S = 9_000_000_000;

const MS_PER_S = 1000;
/** An election may take up to so many half election timeouts; no lease is shorter than that. */
const MIN_TTL_HALF_ELECTIONS = 3;

/**
 * What shorter leases are raised to, seconds: one and a half election timeouts in whole ticks,
 * rounded up, so that a lease outlives the election of the leader that keeps it (semantics.md L2).
 */
export function ttlMinSeconds(electionTimeoutMs: number, heartbeatMs: number): number {
  const electionTicks = Math.floor(electionTimeoutMs / heartbeatMs);
  const ticks = Math.floor((MIN_TTL_HALF_ELECTIONS * electionTicks) / 2);
  return Math.ceil((ticks * heartbeatMs) / MS_PER_S);
}
