import type { RequestError } from "../../apply/errors.ts";
import { TXN_NESTING_MAX } from "../../apply/gate.ts";
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../../proto/gen/etcdserverpb.ts";
import type { Steps } from "../../apply/steps.ts";
import type { LongTxn } from "../../apply/txn/long/long-txn.ts";
import { hasOverlap, hasOverlapInSteps } from "./overlap.ts";

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

/** The same for a transaction that is decoded level by level, as far as nothing is wrong. */
export function* checkLongTxn(txn: LongTxn, opsMax: number): Steps<RequestError | null> {
  const error = yield* checkLevel(txn, { opsMax, levels: TXN_NESTING_MAX });
  if (error !== null) return error;
  yield* txn.open();
  const overlaps =
    (yield* hasOverlapInSteps(txn.success, txn.pace)) ||
    (yield* hasOverlapInSteps(txn.failure, txn.pace));
  txn.close();
  return overlaps ? "duplicateKey" : null;
}

function* checkLevel(txn: LongTxn, allowance: Allowance): Steps<RequestError | null> {
  const ops = yield* txn.longestList();
  if (ops > allowance.opsMax || allowance.levels === 0) return "tooManyOps";
  yield* txn.open();
  const nested = { opsMax: allowance.opsMax - ops, levels: allowance.levels - 1 };
  const error =
    checkCompares(txn.compare) ??
    (yield* checkOpsInSteps(txn.success, txn, nested)) ??
    (yield* checkOpsInSteps(txn.failure, txn, nested));
  txn.close();
  return error;
}

function* checkOpsInSteps(
  ops: readonly RequestOp[],
  { pace }: LongTxn,
  nested: Allowance,
): Steps<RequestError | null> {
  for (const op of ops) {
    const inner = op.request?.case === "requestTxn" ? op.request.value : null;
    // All that are in a long one are of that kind.
    const error =
      inner === null ? checkOp(op, nested) : yield* checkLevel(inner as LongTxn, nested);
    if (error !== null) return error;
    if (pace.isDue()) yield;
  }
  return null;
}

/** Whether a transaction has nothing but ranges in its branches. */
export function isReadOnly({ success, failure }: TxnRequest): boolean {
  return success.every(isRange) && failure.every(isRange);
}

function isRange({ request }: RequestOp): boolean {
  return request?.case === "requestRange";
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
  const nested = { opsMax: allowance.opsMax - ops, levels: allowance.levels - 1 };
  return checkCompares(compare) ?? checkOps(success, nested) ?? checkOps(failure, nested);
}

function checkCompares(compares: readonly Compare[]): RequestError | null {
  return compares.some(({ key }) => key.length === 0) ? "emptyKey" : null;
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
