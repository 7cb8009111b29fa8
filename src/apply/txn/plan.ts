import { newSpan } from "../../base/span.ts";
import type { KvStore } from "../../mvcc/store/store.ts";
import { newKeyState } from "../../mvcc/types.ts";
import type {
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from "../../proto/gen/etcdserverpb.ts";
import type { RequestError } from "../errors.ts";
import type { Comparer } from "./compare.ts";

/** Tells which leases exist; the lessor, once there is one. */
export interface Leases {
  has(id: bigint): boolean;
}

/** A transaction with its branches chosen, on the state before it (TXN2). */
export interface TxnPlan {
  readonly succeeded: boolean;
  readonly steps: readonly TxnStep[];
}

/** One operation of the chosen branch; a nested transaction comes planned. */
export type TxnStep =
  | { readonly op: RequestOp; readonly nested: null }
  | { readonly op: null; readonly nested: TxnPlan };

/** Chooses branches by the compares of all levels on the path. */
export function planTxn(request: TxnRequest, comparer: Comparer): TxnPlan {
  const succeeded = comparer.holdAll(request.compare);
  const ops = succeeded ? request.success : request.failure;
  return {
    succeeded,
    steps: ops.map((op): TxnStep => {
      const { request: inner } = op;
      return inner?.case === "requestTxn"
        ? { op: null, nested: planTxn(inner.value, comparer) }
        : { op, nested: null };
    }),
  };
}

/** Checks of the chosen path on the state before the transaction (TXN4, TXN5). */
export class PlanChecker {
  readonly #store: KvStore;
  readonly #leases: Leases;
  readonly #state = newKeyState();

  constructor(store: KvStore, leases: Leases) {
    this.#store = store;
    this.#leases = leases;
  }

  /** The first failure in the order of execution, or null. */
  check(plan: TxnPlan): RequestError | null {
    for (const { op, nested } of plan.steps) {
      const error = nested !== null ? this.check(nested) : this.#checkOp(op);
      if (error !== null) return error;
    }
    return null;
  }

  /**
   * What a put needs to find: its lease, and its key when it keeps something of it (PUT1, PUT3).
   */
  checkPut(request: PutRequest): RequestError | null {
    if (request.lease !== 0n && !this.#leases.has(request.lease)) return "leaseNotFound";
    if (!request.ignoreValue && !request.ignoreLease) return null;
    const store = this.#store;
    const found = store.find(newSpan(request.key), store.currentRevision, this.#state);
    return found ? null : "keyNotFound";
  }

  /** Inside a transaction the comparison is literal: negative revisions count too (TXN4). */
  checkRange(request: RangeRequest): RequestError | null {
    if (request.revision === 0) return null;
    if (request.revision > this.#store.currentRevision) return "futureRevision";
    return request.revision < this.#store.compactRevision ? "compacted" : null;
  }

  #checkOp(op: RequestOp): RequestError | null {
    const { request } = op;
    switch (request?.case) {
      case "requestRange":
        return this.checkRange(request.value);
      case "requestPut":
        return this.checkPut(request.value);
      default:
        return null;
    }
  }
}
