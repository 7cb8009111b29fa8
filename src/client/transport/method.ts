import { encodeConstantBlock } from "../../wire/h2/hpack/encoder.ts";

/**
 * What may be done with a call whose outcome is unknown. `read` changes nothing and may be made
 * again; `write` may not, unless the server surely did not see it.
 */
export type Policy = "read" | "write";

/** One method as the client calls it. */
export interface Method {
  /** `/package.Service/Name`. */
  readonly path: string;
  readonly policy: Policy;
}

function method(path: string, policy: Policy): Method {
  return { path, policy };
}

/** The methods the typed part of the client uses; policies are those of etcd's own client. */
export const METHODS = {
  range: method("/etcdserverpb.KV/Range", "read"),
  rangeStream: method("/etcdserverpb.KV/RangeStream", "read"),
  put: method("/etcdserverpb.KV/Put", "write"),
  deleteRange: method("/etcdserverpb.KV/DeleteRange", "write"),
  txn: method("/etcdserverpb.KV/Txn", "write"),
  compact: method("/etcdserverpb.KV/Compact", "write"),
  watch: method("/etcdserverpb.Watch/Watch", "read"),
  status: method("/etcdserverpb.Maintenance/Status", "read"),
  alarm: method("/etcdserverpb.Maintenance/Alarm", "read"),
  alarmDisarm: method("/etcdserverpb.Maintenance/Alarm", "write"),
  defragment: method("/etcdserverpb.Maintenance/Defragment", "write"),
  snapshot: method("/etcdserverpb.Maintenance/Snapshot", "read"),
  hash: method("/etcdserverpb.Maintenance/Hash", "read"),
  hashKv: method("/etcdserverpb.Maintenance/HashKV", "read"),
  leaseGrant: method("/etcdserverpb.Lease/LeaseGrant", "write"),
  leaseRevoke: method("/etcdserverpb.Lease/LeaseRevoke", "write"),
  leaseTimeToLive: method("/etcdserverpb.Lease/LeaseTimeToLive", "read"),
  leaseLeases: method("/etcdserverpb.Lease/LeaseLeases", "read"),
  /** With one request: sent and closed, it is answered once. */
  leaseKeepAlive: method("/etcdserverpb.Lease/LeaseKeepAlive", "read"),
  memberList: method("/etcdserverpb.Cluster/MemberList", "read"),
  authenticate: method("/etcdserverpb.Auth/Authenticate", "read"),
} as const;

/** Header fields that are the same for all calls of a method on one endpoint. */
export function encodeMethodBlock(
  path: string,
  authority: string,
  scheme: "http" | "https",
): Uint8Array {
  return encodeConstantBlock([
    [":method", "POST"],
    [":scheme", scheme],
    [":path", path],
    [":authority", authority],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["user-agent", "skein-client"],
  ]);
}
