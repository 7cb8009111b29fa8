/**
 * Expected failures of a request, as values. Each is the name under which service/errors.ts holds
 * the gRPC code and etcd's exact text.
 */
export type RequestError =
  | "emptyKey"
  | "keyNotFound"
  | "valueProvided"
  | "leaseProvided"
  | "tooManyOps"
  | "duplicateKey"
  | "invalidSortOption"
  | "invalidClientApiVersion"
  | "compacted"
  | "futureRevision"
  | "noSpace"
  | "leaseNotFound"
  | "leaseExists"
  | "leaseTtlTooLarge"
  | "requestTooLarge"
  | "tooManyRequests"
  | "replyTooLarge"
  | "noLeader"
  | "notCapable"
  | "stopped"
  | "timeout"
  | "appliedTimeout"
  | "corrupt"
  | "authNotEnabled"
  | "authFailed"
  | "memberNotFound"
  | "rangeStreamSort"
  | "rangeStreamFilter";
