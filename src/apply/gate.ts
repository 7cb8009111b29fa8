import { AlarmType, type Alarms } from "../cluster/alarms.ts";
import type { InternalRaftRequest, RequestOp, TxnRequest } from "../proto/gen/etcdserverpb.ts";
import type { RequestError } from "./errors.ts";

/** What a put costs beyond its key and value, by etcd's estimate (semantics.md M1). */
const PUT_OVERHEAD_BYTES = 256;
/** What granting a lease costs, by the same estimate. */
export const LEASE_GRANT_BYTES = 64;

type Request = NonNullable<InternalRaftRequest["request"]>;

/** Estimated bytes that a put adds. */
export function putCost(keyBytes: number, valueBytes: number): number {
  return PUT_OVERHEAD_BYTES + keyBytes + valueBytes;
}

/**
 * Levels of transactions in transactions that are served, far above what `--max-txn-ops` lets
 * through by default: decoded requests may nest deeper than the machine stack bears.
 */
export const TXN_NESTING_MAX = 1000;

/** The costlier branch counts, nested transactions included (M1), as far as they are served. */
export function txnCost(request: TxnRequest): number {
  return nestedCost(request, TXN_NESTING_MAX);
}

function nestedCost(request: TxnRequest, levels: number): number {
  if (levels === 0) return 0;
  return Math.max(opsCost(request.success, levels), opsCost(request.failure, levels));
}

function opsCost(ops: readonly RequestOp[], levels: number): number {
  let cost = 0;
  for (const { request } of ops) {
    if (request?.case === "requestPut") {
      cost += putCost(request.value.key.length, request.value.value.length);
    } else if (request?.case === "requestTxn") {
      cost += nestedCost(request.value, levels - 1);
    }
  }
  return cost;
}

/** Estimated bytes that a request adds; 0 for what never needs room. */
export function requestCost(request: Request): number {
  switch (request.case) {
    case "put":
      return putCost(request.value.key.length, request.value.value.length);
    case "txn":
      return txnCost(request.value);
    case "leaseGrant":
      return LEASE_GRANT_BYTES;
    default:
      return 0;
  }
}

/**
 * The outer links of etcd's apply chain: what alarms forbid (M2, M5). Every member decides alike,
 * since alarms are replicated.
 */
export function refusedByAlarm(
  alarms: Alarms,
  kind: Request["case"],
  cost: number,
): RequestError | null {
  if (alarms.active(AlarmType.corrupt) && REFUSED_WHEN_CORRUPT.has(kind)) return "corrupt";
  if (alarms.active(AlarmType.noSpace) && cost > 0) return "noSpace";
  return null;
}

/** Everything that changes or reads keys; alarms, users, roles and members are let through. */
const REFUSED_WHEN_CORRUPT: ReadonlySet<Request["case"]> = new Set([
  "put",
  "range",
  "deleteRange",
  "txn",
  "compaction",
  "leaseGrant",
  "leaseRevoke",
] as const);
