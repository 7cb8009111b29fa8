import type { RequestError } from "../../apply/errors.ts";
import { TXN_NESTING_MAX } from "../../apply/gate.ts";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../../proto/gen/etcdserverpb.ts";
import { hasOverlap } from "./overlap.ts";

const SORT_ORDER_MAX = 2;
const SORT_TARGET_MAX = 4;

/** What is wrong with a range before it runs, in etcd's order; null when nothing is. */
export function checkRange(request: RangeRequest): RequestError | null {
  if (request.key.length === 0) return "emptyKey";
  const { sortOrder, sortTarget } = request;
  if (sortOrder < 0 || sortOrder > SORT_ORDER_MAX) return "invalidSortOption";
  if (sortTarget < 0 || sortTarget > SORT_TARGET_MAX) return "invalidSortOption";
  return null;
}

/** What is wrong with a put before it is proposed. */
export function checkPut(request: PutRequest): RequestError | null {
  if (request.key.length === 0) return "emptyKey";
  if (request.ignoreValue && request.value.length > 0) return "valueProvided";
  if (request.ignoreLease && request.lease !== 0n) return "leaseProvided";
  return null;
}

/** What is wrong with a delete before it is proposed. */
export function checkDeleteRange(request: DeleteRangeRequest): RequestError | null {
  return request.key.length === 0 ? "emptyKey" : null;
}

/**
 * What is wrong with a transaction before it runs: operation counts, then keys, then overlaps
 * (semantics.md TXN10 to TXN15, errors.md 4). `opsMax` is `--max-txn-ops`.
 */
export function checkTxn(request: TxnRequest, opsMax: number): RequestError | null {
  return (
    checkTxnOps(request, { opsMax, levels: TXN_NESTING_MAX }) ??
    (hasOverlap(request.success) || hasOverlap(request.failure) ? "duplicateKey" : null)
  );
}

/** What a level of nesting may still have. */
interface Allowance {
  readonly opsMax: number;
  readonly levels: number;
}

/** Every nesting level uses up the longest list of the level around it (TXN10). */
function checkTxnOps(request: TxnRequest, allowance: Allowance): RequestError | null {
  const { compare, success, failure } = request;
  const ops = Math.max(compare.length, success.length, failure.length);
  if (ops > allowance.opsMax || allowance.levels === 0) return "tooManyOps";
  for (const one of compare) {
    if (one.key.length === 0) return "emptyKey";
  }
  const nested = { opsMax: allowance.opsMax - ops, levels: allowance.levels - 1 };
  return checkOps(success, nested) ?? checkOps(failure, nested);
}

function checkOps(ops: readonly RequestOp[], nested: Allowance): RequestError | null {
  for (const op of ops) {
    const error = checkOp(op, nested);
    if (error !== null) return error;
  }
  return null;
}

function checkOp(op: RequestOp, nested: Allowance): RequestError | null {
  const { request } = op;
  switch (request?.case) {
    case "requestRange":
      return checkRange(request.value);
    case "requestPut":
      return checkPut(request.value);
    case "requestDeleteRange":
      return checkDeleteRange(request.value);
    case "requestTxn":
      return checkTxnOps(request.value, nested);
    case undefined:
      // etcd reports an operation without a member so (TXN20).
      return "keyNotFound";
  }
}
