import {
  CompareCompareResult,
  CompareCompareTarget,
  createResponseHeader,
  RangeRequestSortOrder,
  RangeRequestSortTarget,
} from "../proto/gen/etcdserverpb.ts";
import type {
  Compare,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from "../proto/gen/etcdserverpb.ts";
import { selectKeys, toBytes } from "./keys.ts";
import type {
  Bytes,
  DeleteOptions,
  DeleteResult,
  OpResult,
  PutOptions,
  PutResult,
  RangeOptions,
  RangeResult,
  SortOrder,
  SortTarget,
  TxnResult,
} from "./types.ts";

const SORT_ORDERS: Readonly<Record<SortOrder, number>> = {
  none: RangeRequestSortOrder.NONE,
  ascend: RangeRequestSortOrder.ASCEND,
  descend: RangeRequestSortOrder.DESCEND,
};

const SORT_TARGETS: Readonly<Record<SortTarget, number>> = {
  key: RangeRequestSortTarget.KEY,
  version: RangeRequestSortTarget.VERSION,
  create: RangeRequestSortTarget.CREATE,
  mod: RangeRequestSortTarget.MOD,
  value: RangeRequestSortTarget.VALUE,
};

const RESULTS = {
  "=": CompareCompareResult.EQUAL,
  "!=": CompareCompareResult.NOT_EQUAL,
  ">": CompareCompareResult.GREATER,
  "<": CompareCompareResult.LESS,
} as const;

/** How a comparison compares. */
export type Relation = keyof typeof RESULTS;

/** One operation of a transaction; made by `ops`. */
export type Op = RequestOp;

/** One condition of a transaction; made by `compare`. */
export type Condition = Compare;

/** A transaction as data, e.g. nested in another one. */
export interface TxnParts {
  readonly compare?: readonly Condition[];
  readonly success?: readonly Op[];
  readonly failure?: readonly Op[];
}

/** A read on the wire. @throws RangeError when selectors collide. */
export function rangeRequest(from: Bytes, options: RangeOptions): RangeRequest {
  const { key, rangeEnd } = selectKeys(from, options);
  return {
    key,
    rangeEnd,
    limit: options.limit ?? 0,
    revision: options.revision ?? 0,
    sortOrder: SORT_ORDERS[options.sortOrder ?? "none"],
    sortTarget: SORT_TARGETS[options.sortTarget ?? "key"],
    serializable: options.serializable ?? false,
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    minModRevision: options.minModRevision ?? 0,
    maxModRevision: options.maxModRevision ?? 0,
    minCreateRevision: options.minCreateRevision ?? 0,
    maxCreateRevision: options.maxCreateRevision ?? 0,
  };
}

/** A write on the wire. */
export function putRequest(key: Bytes, value: Bytes, options: PutOptions): PutRequest {
  return {
    key: toBytes(key),
    value: toBytes(value),
    lease: options.lease ?? 0n,
    prevKv: options.prevKv ?? false,
    ignoreValue: options.ignoreValue ?? false,
    ignoreLease: options.ignoreLease ?? false,
  };
}

/** A deletion on the wire. @throws RangeError when selectors collide. */
export function deleteRequest(from: Bytes, options: DeleteOptions): DeleteRangeRequest {
  const { key, rangeEnd } = selectKeys(from, options);
  return { key, rangeEnd, prevKv: options.prevKv ?? false };
}

/** A transaction on the wire. */
export function txnRequest(parts: TxnParts): TxnRequest {
  return {
    compare: [...(parts.compare ?? [])],
    success: [...(parts.success ?? [])],
    failure: [...(parts.failure ?? [])],
  };
}

/** The operations a transaction can hold. */
export const ops = {
  get(key: Bytes, options: RangeOptions = {}): Op {
    return { request: { case: "requestRange", value: rangeRequest(key, options) } };
  },
  put(key: Bytes, value: Bytes, options: PutOptions = {}): Op {
    return { request: { case: "requestPut", value: putRequest(key, value, options) } };
  },
  delete(key: Bytes, options: DeleteOptions = {}): Op {
    return { request: { case: "requestDeleteRange", value: deleteRequest(key, options) } };
  },
  txn(parts: TxnParts): Op {
    return { request: { case: "requestTxn", value: txnRequest(parts) } };
  },
} as const;

function condition(
  target: number,
  key: Bytes,
  relation: Relation,
  targetUnion: Compare["targetUnion"],
): Condition {
  const result = RESULTS[relation];
  return { result, target, key: toBytes(key), targetUnion, rangeEnd: new Uint8Array(0) };
}

/** The conditions a transaction can have. An absent key has version and revisions 0, no value. */
export const compare = {
  version: (key: Bytes, relation: Relation, value: number): Condition =>
    condition(CompareCompareTarget.VERSION, key, relation, { case: "version", value }),
  createRevision: (key: Bytes, relation: Relation, value: number): Condition =>
    condition(CompareCompareTarget.CREATE, key, relation, { case: "createRevision", value }),
  modRevision: (key: Bytes, relation: Relation, value: number): Condition =>
    condition(CompareCompareTarget.MOD, key, relation, { case: "modRevision", value }),
  value: (key: Bytes, relation: Relation, value: Bytes): Condition =>
    condition(CompareCompareTarget.VALUE, key, relation, {
      case: "value",
      value: toBytes(value),
    }),
  lease: (key: Bytes, relation: Relation, value: bigint): Condition =>
    condition(CompareCompareTarget.LEASE, key, relation, { case: "lease", value }),
  /** The same condition for every key from its key to `rangeEnd`, exclusive. */
  withRange: (base: Condition, rangeEnd: Bytes): Condition => ({
    ...base,
    rangeEnd: toBytes(rangeEnd),
  }),
} as const;

/** The answer to a read. */
export function rangeResult(response: RangeResponse): RangeResult {
  response.header ??= createResponseHeader();
  return response as RangeResult;
}

/** The answer to a write. */
export function putResult(response: PutResponse): PutResult {
  response.header ??= createResponseHeader();
  return response as PutResult;
}

/** The answer to a deletion. */
export function deleteResult(response: DeleteRangeResponse): DeleteResult {
  response.header ??= createResponseHeader();
  return response as DeleteResult;
}

function opResult({ response }: ResponseOp): OpResult {
  switch (response?.case) {
    case "responseRange":
      return { kind: "range", result: rangeResult(response.value) };
    case "responsePut":
      return { kind: "put", result: putResult(response.value) };
    case "responseDeleteRange":
      return { kind: "delete", result: deleteResult(response.value) };
    case "responseTxn":
      return { kind: "txn", result: txnResult(response.value) };
    case undefined:
      return { kind: "unknown" };
  }
}

/** The answer to a transaction. */
export function txnResult(response: TxnResponse): TxnResult {
  return {
    header: response.header ?? createResponseHeader(),
    succeeded: response.succeeded,
    responses: response.responses.map(opResult),
  };
}
