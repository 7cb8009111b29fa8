/**
 * What the client takes and gives. Revisions, versions, counts and raft positions are numbers: the
 * cluster assigned them, they are below 2^53. Ids (cluster, member, lease) are bigint, exact.
 */

/** Bytes, or text that is sent as UTF-8. */
export type Bytes = Uint8Array | string;

/** Where and when an answer was made. */
export interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly revision: number;
  readonly raftTerm: number;
}

/** One key as stored. `lease` is 0n when none is attached. */
export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

/** `none` leaves the order to the server: ascending by key. */
export type SortOrder = "none" | "ascend" | "descend";
/** What to sort by. */
export type SortTarget = "key" | "version" | "create" | "mod" | "value";

/** A set of keys: one key, a half-open range, a prefix, or all from a key on. */
export interface KeySelector {
  /** Exclusive; `\0` alone means: to the end of the key space. */
  readonly rangeEnd?: Bytes;
  /** All keys that begin with the key; the empty key selects everything. */
  readonly prefix?: boolean;
  /** All keys ≥ the key; the empty key selects everything. */
  readonly fromKey?: boolean;
}

/** Every way to narrow, order and date a read. */
export interface RangeOptions extends KeySelector {
  readonly limit?: number;
  /** 0 or absent: the newest. */
  readonly revision?: number;
  readonly sortOrder?: SortOrder;
  readonly sortTarget?: SortTarget;
  /** Answer from the asked member's own state, possibly stale, without asking the leader. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

/** The answer to a read; its revision is the newest, also for reads of old ones. */
export interface RangeResult {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  /** More keys matched than the limit let through. */
  readonly more: boolean;
  /** Keys in the range, whatever limit and revision filters say. */
  readonly count: number;
}

/** How to write. */
export interface PutOptions {
  /** 0n detaches a lease the key had. */
  readonly lease?: bigint;
  /**
   * Seconds after which the key goes, unless it is put again: granted as a lease of its own first,
   * which is revoked should the put fail. Not together with `lease`.
   */
  readonly ttl?: number;
  readonly prevKv?: boolean;
  /** Keep the old value; the key must exist and the value given must be empty. */
  readonly ignoreValue?: boolean;
  /** Keep the old lease; the key must exist. */
  readonly ignoreLease?: boolean;
}

/** The answer to a write. */
export interface PutResult {
  readonly header: ResponseHeader;
  /** Set when asked for and the key existed. */
  readonly prevKv: KeyValue | undefined;
}

/** What to delete besides the key. */
export interface DeleteOptions extends KeySelector {
  readonly prevKv?: boolean;
}

/** The answer to a deletion. */
export interface DeleteResult {
  readonly header: ResponseHeader;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

/** One answer in a transaction, in the order of the branch that ran. */
export type OpResult =
  | { readonly kind: "range"; readonly result: RangeResult }
  | { readonly kind: "put"; readonly result: PutResult }
  | { readonly kind: "delete"; readonly result: DeleteResult }
  | { readonly kind: "txn"; readonly result: TxnResult }
  /** From a newer server. */
  | { readonly kind: "unknown" };

/** The answer to a transaction. */
export interface TxnResult {
  readonly header: ResponseHeader;
  /** Whether the comparisons held. */
  readonly succeeded: boolean;
  readonly responses: readonly OpResult[];
}

/** The answer to a compaction. */
export interface CompactResult {
  readonly header: ResponseHeader;
}

/** Whether the cluster is being taken to an older version. */
export interface DowngradeInfo {
  readonly enabled: boolean;
  readonly targetVersion: string;
}

/** What a member says of itself; sizes in bytes. */
export interface StatusResult {
  readonly header: ResponseHeader;
  readonly version: string;
  readonly dbSize: number;
  readonly leader: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly errors: readonly string[];
  readonly dbSizeInUse: number;
  readonly isLearner: boolean;
  readonly storageVersion: string;
  readonly dbSizeQuota: number;
  readonly downgradeInfo: DowngradeInfo | undefined;
}

/** The hash of a member's whole database. */
export interface HashResult {
  readonly header: ResponseHeader;
  readonly hash: number;
}

/** A part of a database file on its way. */
export interface SnapshotPiece {
  /** Bytes of the file that follow this piece; 0 with the last two. */
  readonly remainingBytes: number;
  readonly blob: Uint8Array;
  /** Storage version of the database; empty when it does not say. */
  readonly version: string;
}

/** The hash of a member's history. */
export interface HashKvResult {
  readonly header: ResponseHeader;
  readonly hash: number;
  /** -1 when the store was never compacted. */
  readonly compactRevision: number;
  readonly hashRevision: number;
}

/** 1 NOSPACE, 2 CORRUPT; 0 means any in requests. */
export interface AlarmMember {
  readonly memberID: bigint;
  readonly alarm: number;
}

/** Alarms that are raised, or were cleared. */
export interface AlarmResult {
  /** Undefined when every alarm was cleared by a call of its own. */
  readonly header: ResponseHeader | undefined;
  readonly alarms: readonly AlarmMember[];
}

/** One member of the cluster; without a name it has not started yet. */
export interface Member {
  readonly id: bigint;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
}

/** All members. */
export interface MemberListResult {
  readonly header: ResponseHeader;
  readonly members: readonly Member[];
}
