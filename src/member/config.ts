import type { Address } from "../platform/network.ts";
import type { AutoCompaction } from "../service/compaction/auto-compactor.ts";

/** How a listener speaks: plain or TLS, over TCP or a unix socket. */
export type UrlScheme = "http" | "https" | "unix" | "unixs";

/** A parsed URL of etcd's flags: scheme and authority, never a path. */
export interface MemberUrl {
  readonly scheme: UrlScheme;
  readonly address: Address;
  /** As the operator wrote it, e.g. `http://127.0.0.1:2379`; what is advertised and logged. */
  readonly text: string;
}

/** One member of the bootstrap cluster, from `--initial-cluster`. */
export interface InitialMember {
  readonly name: string;
  /** In the order of the flag after sorting. */
  readonly peerUrls: readonly string[];
}

/** The feature gates of etcd 3.7.1, each with the stage's default unless set. */
export interface FeatureGates {
  readonly CompactHashCheck: boolean;
  readonly FastLeaseKeepAlive: boolean;
  readonly InitialCorruptCheck: boolean;
  readonly LeaseCheckpoint: boolean;
  readonly LeaseCheckpointPersist: boolean;
  readonly PriorityRequest: boolean;
  readonly SetMemberLocalAddr: boolean;
  readonly StopGRPCServiceOnDefrag: boolean;
  readonly TxnModeWriteWithSharedBuffer: boolean;
}

/**
 * Everything a member needs to know, validated: `startMember` checks nothing again. Field by field
 * the setting of the etcd flag of that name; zero flags are already replaced by what they mean.
 */
export interface MemberConfig {
  readonly name: string;
  /** Directory that holds `member/`; created when missing. */
  readonly dataDir: string;
  /** Directory of the log; `<dataDir>/member/wal` unless set. */
  readonly walDir: string;

  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  readonly initialAdvertisePeerUrls: readonly MemberUrl[];
  readonly advertiseClientUrls: readonly MemberUrl[];
  readonly strictReconfigCheck: boolean;
  readonly forceNewCluster: boolean;
  readonly maxLearners: number;

  readonly listenPeerUrls: readonly MemberUrl[];
  /** gRPC, and HTTP too unless `listenClientHttpUrls` is not empty. */
  readonly listenClientUrls: readonly MemberUrl[];
  /** HTTP only. */
  readonly listenClientHttpUrls: readonly MemberUrl[];
  /** Metrics and health only. */
  readonly listenMetricsUrls: readonly MemberUrl[];
  readonly enableGrpcGateway: boolean;
  /** Allowed origins; `["*"]` is all. */
  readonly cors: readonly string[];
  /** Allowed Host headers on plain HTTP; `["*"]` is all. */
  readonly hostWhitelist: readonly string[];
  /** `extensive` adds the latency histograms per method. */
  readonly metrics: "basic" | "extensive";

  /** One raft tick. */
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMs: number;
  readonly initialElectionTickAdvance: boolean;
  readonly preVote: boolean;
  /** Applied entries between raft snapshots. */
  readonly snapshotCount: number;
  /** Entries kept in the log for slow followers after a snapshot. */
  readonly snapshotCatchupEntries: number;
  /** Files kept; 0 is all. */
  readonly maxSnapshots: number;
  /** Files kept; 0 is all. */
  readonly maxWals: number;

  /** Size of the backend at which writes are refused; negative is no quota. */
  readonly quotaBackendBytes: number;
  readonly backendBatchIntervalMs: number;
  readonly backendBatchLimitOps: number;
  readonly backendFreelistType: "map" | "array";
  readonly bootstrapDefragThresholdBytes: number;
  readonly autoCompaction: AutoCompaction;
  readonly compactionBatchLimitRevisions: number;
  readonly compactionSleepIntervalMs: number;
  /** 0 is off. */
  readonly corruptCheckTimeMs: number;
  readonly compactHashCheckTimeMs: number;
  /** 0 is off. */
  readonly downgradeCheckTimeMs: number;
  /** Acknowledges writes that a power loss can take back. For tests only. */
  readonly unsafeNoFsync: boolean;

  /** Operations in one branch of a transaction. */
  readonly maxTxnOps: number;
  /** Proposal size; a gRPC message may have `GRPC_OVERHEAD_BYTES` more. */
  readonly maxRequestBytes: number;
  /** HTTP/2 streams on one connection; at most 4294967295. */
  readonly maxConcurrentStreams: number;
  /** A client that pings more often is sent away; 0 is no enforcement. */
  readonly grpcKeepaliveMinTimeMs: number;
  /** The server pings after so much silence; 0 is never. */
  readonly grpcKeepaliveIntervalMs: number;
  /** Without an answer for so long the connection is closed; 0 is gRPC's default. */
  readonly grpcKeepaliveTimeoutMs: number;
  readonly watchProgressNotifyIntervalMs: number;
  readonly warningApplyDurationMs: number;
  readonly warningUnaryRequestDurationMs: number;

  /** Lifetime of a simple token since its last use. */
  readonly authTokenTtlMs: number;
  /** As the flag: `simple`, `jwt,…`, or empty for no token provider. */
  readonly authToken: string;
  readonly bcryptCost: number;

  readonly featureGates: FeatureGates;
}

/** What gRPC may send above `maxRequestBytes`, as etcd allows it (512 KiB). */
export const GRPC_OVERHEAD_BYTES = 512 * 1024;

/** etcd's default quota, meant by `--quota-backend-bytes=0` (2 GiB). */
export const DEFAULT_QUOTA_BACKEND_BYTES = 2 * 1024 * 1024 * 1024;

/** The gates of etcd 3.7.1 as they are when nobody sets one. */
export const DEFAULT_FEATURE_GATES: FeatureGates = {
  CompactHashCheck: false,
  FastLeaseKeepAlive: true,
  InitialCorruptCheck: false,
  LeaseCheckpoint: false,
  LeaseCheckpointPersist: false,
  PriorityRequest: false,
  SetMemberLocalAddr: false,
  StopGRPCServiceOnDefrag: false,
  TxnModeWriteWithSharedBuffer: true,
};

/** A plain TCP URL, for defaults, embedding and tests. */
export function httpUrl(host: string, port: number): MemberUrl {
  const authority = host.includes(":") ? `[${host}]` : host;
  return {
    scheme: "http",
    address: { kind: "tcp", host, port },
    text: `http://${authority}:${port}`,
  };
}

/**
 * A configuration of one member with etcd's defaults, for embedding and tests. `overrides` replace
 * whole fields and are not checked.
 */
export function memberConfig(
  overrides: Partial<MemberConfig> & { readonly dataDir: string },
): MemberConfig {
  const name = overrides.name ?? "default";
  const peerUrl = httpUrl("localhost", 2380);
  const clientUrl = httpUrl("localhost", 2379);
  return {
    name,
    walDir: `${overrides.dataDir}/member/wal`,
    initialCluster: [{ name, peerUrls: [peerUrl.text] }],
    initialClusterState: "new",
    initialClusterToken: "etcd-cluster",
    initialAdvertisePeerUrls: [peerUrl],
    advertiseClientUrls: [clientUrl],
    listenPeerUrls: [peerUrl],
    listenClientUrls: [clientUrl],
    listenClientHttpUrls: [],
    listenMetricsUrls: [],
    ...DEFAULT_BEHAVIOUR,
    ...overrides,
  };
}

/** The defaults that depend on nothing else. */
const DEFAULT_BEHAVIOUR = {
  strictReconfigCheck: true,
  forceNewCluster: false,
  maxLearners: 1,
  enableGrpcGateway: true,
  cors: ["*"],
  hostWhitelist: ["*"],
  metrics: "basic",
  heartbeatIntervalMs: 100,
  electionTimeoutMs: 1000,
  initialElectionTickAdvance: true,
  preVote: true,
  snapshotCount: 10_000,
  snapshotCatchupEntries: 5000,
  maxSnapshots: 5,
  maxWals: 5,
  quotaBackendBytes: DEFAULT_QUOTA_BACKEND_BYTES,
  backendBatchIntervalMs: 100,
  backendBatchLimitOps: 10_000,
  backendFreelistType: "map",
  bootstrapDefragThresholdBytes: 0,
  autoCompaction: { mode: "off" },
  compactionBatchLimitRevisions: 1000,
  compactionSleepIntervalMs: 10,
  corruptCheckTimeMs: 0,
  compactHashCheckTimeMs: 60_000,
  downgradeCheckTimeMs: 5000,
  unsafeNoFsync: false,
  maxTxnOps: 128,
  maxRequestBytes: 1_572_864,
  maxConcurrentStreams: 4_294_967_295,
  grpcKeepaliveMinTimeMs: 5000,
  grpcKeepaliveIntervalMs: 7_200_000,
  grpcKeepaliveTimeoutMs: 20_000,
  watchProgressNotifyIntervalMs: 600_000,
  warningApplyDurationMs: 100,
  warningUnaryRequestDurationMs: 300,
  authTokenTtlMs: 300_000,
  authToken: "simple",
  bcryptCost: 10,
  featureGates: DEFAULT_FEATURE_GATES,
} as const satisfies Partial<MemberConfig>;
