/** What the service needs of consensus; `member` puts a consensus Group behind it. */
export interface Consensus {
  /** Null when taken; the data must not change afterwards. */
  propose(data: Uint8Array): "no leader" | "uncommitted limit" | "too many requests" | null;
  /** True when the applied state answers a linearizable read at once. */
  readNow(): boolean;
  /** The service's `readable(context)` follows; false: no leader, ask again. */
  readIndex(context: number): boolean;
  /** True while a leader is known. */
  hasLeader(): boolean;
  /** Term of the last applied entry: what response headers show. */
  appliedTerm(): number;
  status(): ConsensusStatus;
}

/** Numbers for Status and health. */
export interface ConsensusStatus {
  /** 0n while unknown. */
  readonly leader: bigint;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
}
