import { codeNames } from "../wire/grpc/status.ts";

/** gRPC status numbers the client itself gives or tells apart. */
export const GrpcCode = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** What etcd says and what it is called. The text alone decides, as in etcd's own client. */
const NAME_BY_MESSAGE: Readonly<Record<string, string>> = {
  "etcdserver: key is not provided": "EmptyKey",
  "etcdserver: key not found": "KeyNotFound",
  "etcdserver: value is provided": "ValueProvided",
  "etcdserver: lease is provided": "LeaseProvided",
  "etcdserver: too many operations in txn request": "TooManyOps",
  "etcdserver: duplicate key given in txn request": "DuplicateKey",
  "etcdserver: invalid client api version": "InvalidClientAPIVersion",
  "etcdserver: invalid sort option": "InvalidSortOption",
  "etcdserver: mvcc: required revision has been compacted": "Compacted",
  "etcdserver: mvcc: required revision is a future revision": "FutureRev",
  "etcdserver: mvcc: database space exceeded": "NoSpace",
  "etcdserver: requested lease not found": "LeaseNotFound",
  "etcdserver: lease already exists": "LeaseExist",
  "etcdserver: too large lease TTL": "LeaseTTLTooLarge",
  "etcdserver: member ID already exist": "MemberExist",
  "etcdserver: Peer URLs already exists": "PeerURLExist",
  "etcdserver: re-configuration failed due to not enough started members": "MemberNotEnoughStarted",
  "etcdserver: given member URLs are invalid": "MemberBadURLs",
  "etcdserver: member not found": "MemberNotFound",
  "etcdserver: can only promote a learner member": "MemberNotLearner",
  "etcdserver: can only promote a learner member which is in sync with leader": "LearnerNotReady",
  "etcdserver: too many learner members in cluster": "TooManyLearners",
  "etcdserver: cluster ID mismatch": "ClusterIDMismatch",
  "etcdserver: request is too large": "RequestTooLarge",
  "etcdserver: too many requests": "RequestTooManyRequests",
  "etcdserver: root user does not exist": "RootUserNotExist",
  "etcdserver: root user does not have root role": "RootRoleNotExist",
  "etcdserver: user name already exists": "UserAlreadyExist",
  "etcdserver: user name is empty": "UserEmpty",
  "etcdserver: user name not found": "UserNotFound",
  "etcdserver: role name already exists": "RoleAlreadyExist",
  "etcdserver: role name not found": "RoleNotFound",
  "etcdserver: role name is empty": "RoleEmpty",
  "etcdserver: authentication failed, invalid user ID or password": "AuthFailed",
  "etcdserver: permission not given": "PermissionNotGiven",
  "etcdserver: permission denied": "PermissionDenied",
  "etcdserver: role is not granted to the user": "RoleNotGranted",
  "etcdserver: permission is not granted to the role": "PermissionNotGranted",
  "etcdserver: authentication is not enabled": "AuthNotEnabled",
  "etcdserver: invalid auth token": "InvalidAuthToken",
  "etcdserver: invalid auth management": "InvalidAuthMgmt",
  "etcdserver: revision of auth store is old": "AuthOldRevision",
  "etcdserver: no leader": "NoLeader",
  "etcdserver: not leader": "NotLeader",
  "etcdserver: leader changed": "LeaderChanged",
  "etcdserver: not capable": "NotCapable",
  "etcdserver: server stopped": "Stopped",
  "etcdserver: request timed out": "Timeout",
  "etcdserver: request timed out, possibly due to previous leader failure":
    "TimeoutDueToLeaderFail",
  "etcdserver: request timed out, possibly due to connection lost": "TimeoutDueToConnectionLost",
  "etcdserver: request timed out, waiting for the applied index took too long":
    "TimeoutWaitAppliedIndex",
  "etcdserver: unhealthy cluster": "Unhealthy",
  "etcdserver: corrupt cluster": "Corrupt",
  "etcdserver: rpc not supported for learner": "NotSupportedForLearner",
  "etcdserver: bad leader transferee": "BadLeaderTransferee",
  "etcdserver: wrong downgrade target version format": "WrongDowngradeVersionFormat",
  "etcdserver: invalid downgrade target version": "InvalidDowngradeTargetVersion",
  "etcdserver: cluster version not found during downgrade": "ClusterVersionUnavailable",
  "etcdserver: cluster has a downgrade job in progress": "DowngradeInProcess",
  "etcdserver: no inflight downgrade job": "NoInflightDowngrade",
};

/** Why a call failed. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  /**
   * What happened, stable: etcd's own name (`Compacted`, `LeaseNotFound`, …) when the text is one
   * of etcd's, otherwise the name of the gRPC status (`Unavailable`, `DeadlineExceeded`, …).
   */
  readonly code: string;
  /** The gRPC status number on the wire. */
  readonly grpcCode: number;
  /** True when the text is one that etcd defines. */
  readonly isEtcd: boolean;

  constructor(grpcCode: number, message: string) {
    super(message);
    const known = NAME_BY_MESSAGE[message];
    this.isEtcd = known !== undefined;
    this.code = known ?? codeNames[grpcCode] ?? "Unknown";
    this.grpcCode = grpcCode;
  }
}
