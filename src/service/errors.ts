import type { RequestError } from "../apply/errors.ts";
import type { ProtoError } from "../proto/wire.ts";
import { Code } from "./rpc.ts";

/** What a client sees of an expected failure. */
export interface WireError {
  readonly code: Code;
  readonly message: string;
}

/** The same as `unreadableRequest`, for a message of a stream. */
export const UNREADABLE_MESSAGE = "grpc: failed to unmarshal the received message: ";

/** gRPC's own words for a unary call whose bytes are no message. */
export function unreadableRequest(error: ProtoError): string {
  return `grpc: error unmarshalling request: ${error.message}`;
}

function failure(code: Code, message: string): WireError {
  return { code, message };
}

/**
 * The one table from internal failures to gRPC codes and etcd's exact texts (errors.md 1 and 2).
 */
export const WIRE_ERRORS: Readonly<Record<RequestError, WireError>> = {
  emptyKey: failure(Code.invalidArgument, "etcdserver: key is not provided"),
  keyNotFound: failure(Code.invalidArgument, "etcdserver: key not found"),
  valueProvided: failure(Code.invalidArgument, "etcdserver: value is provided"),
  leaseProvided: failure(Code.invalidArgument, "etcdserver: lease is provided"),
  tooManyOps: failure(Code.invalidArgument, "etcdserver: too many operations in txn request"),
  duplicateKey: failure(Code.invalidArgument, "etcdserver: duplicate key given in txn request"),
  invalidSortOption: failure(Code.invalidArgument, "etcdserver: invalid sort option"),
  invalidClientApiVersion: failure(Code.invalidArgument, "etcdserver: invalid client api version"),
  compacted: failure(Code.outOfRange, "etcdserver: mvcc: required revision has been compacted"),
  futureRevision: failure(
    Code.outOfRange,
    "etcdserver: mvcc: required revision is a future revision",
  ),
  noSpace: failure(Code.resourceExhausted, "etcdserver: mvcc: database space exceeded"),
  leaseNotFound: failure(Code.notFound, "etcdserver: requested lease not found"),
  leaseExists: failure(Code.failedPrecondition, "etcdserver: lease already exists"),
  leaseTtlTooLarge: failure(Code.outOfRange, "etcdserver: too large lease TTL"),
  requestTooLarge: failure(Code.invalidArgument, "etcdserver: request is too large"),
  // Declared ResourceExhausted; 3.7.1 sends Unknown, since gRPC does not know the error's type.
  tooManyRequests: failure(Code.unknown, "etcdserver: too many requests"),
  // Ours: etcd makes such a reply, whatever memory it takes.
  replyTooLarge: failure(
    Code.resourceExhausted,
    "skein: the reply of this transaction is too large, ask for fewer keys; its writes are done",
  ),
  noLeader: failure(Code.unavailable, "etcdserver: no leader"),
  notCapable: failure(Code.failedPrecondition, "etcdserver: not capable"),
  stopped: failure(Code.unavailable, "etcdserver: server stopped"),
  timeout: failure(Code.unavailable, "etcdserver: request timed out"),
  appliedTimeout: failure(
    Code.unavailable,
    "etcdserver: request timed out, waiting for the applied index took too long",
  ),
  corrupt: failure(Code.dataLoss, "etcdserver: corrupt cluster"),
  authNotEnabled: failure(Code.failedPrecondition, "etcdserver: authentication is not enabled"),
  authFailed: failure(
    Code.invalidArgument,
    "etcdserver: authentication failed, invalid user ID or password",
  ),
  memberNotFound: failure(Code.notFound, "etcdserver: member not found"),
  rangeStreamSort: failure(Code.unimplemented, "RangeStream does not support custom sort orders"),
  rangeStreamFilter: failure(Code.unimplemented, "RangeStream does not support revision filters"),
};
