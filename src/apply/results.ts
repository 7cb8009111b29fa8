import type { Alarm } from "../cluster/alarms.ts";
import type { GrantedLease, LeaseEvents } from "./lease-entries.ts";
import type { RequestError } from "./errors.ts";
import type { Chunks, TxnResult } from "./txn/result.ts";

/** Where apply leaves results for whoever proposed on this member. Ids are the low 48 bits. */
export interface ApplyResults {
  /** True when somebody here waits for `requestId`: only then replies are built. */
  wants(requestId: number): boolean;
  /**
   * `prevKv`: encoded KeyValue, or null. `revision`: the store's after the change, as in all below.
   */
  put(requestId: number, revision: number, prevKv: Uint8Array | null): void;
  /** `prevKvs`: framed as field 3 of the response. */
  deleted(requestId: number, revision: number, result: DeletedResult): void;
  txn(requestId: number, revision: number, result: TxnResult): void;
  /** The compaction took effect; its work goes on in the background. */
  compacted(requestId: number, revision: number): void;
  alarms(requestId: number, revision: number, alarms: readonly Alarm[]): void;
  leaseGranted(requestId: number, revision: number, granted: GrantedLease): void;
  leaseRevoked(requestId: number, revision: number): void;
  /** An entry without a reply of its own (publish, cluster version) was applied. */
  done(requestId: number): void;
  failed(requestId: number, error: RequestError): void;
  /**
   * The write was executed although this member has no room for it: its caller is refused once the
   * alarm is raised that `ApplyEvents.onOverQuota` asked for just before.
   */
  overQuota(requestId: number): void;
}

/** What a deletion removed. */
export interface DeletedResult {
  readonly deleted: number;
  readonly prevKvs: Chunks;
}

/** What apply asks of its surroundings. Called inside apply: must not write to the store. */
export interface ApplyEvents extends LeaseEvents {
  /** A compaction was accepted: its work is to be driven. */
  onCompaction(): void;
  /** This member is over its quota: the alarm is to be proposed. */
  onOverQuota(): void;
  /** The cluster's version or membership changed. */
  onClusterChange(): void;
  /** The first entry of a leader was applied, and so everything before its term. */
  onTermBegun(term: number): void;
}
