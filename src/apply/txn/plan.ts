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
import type { Steps } from "../steps.ts";
import type { Comparer } from "./compare.ts";
import { LongTxn } from "./long/long-txn.ts";
import { Pace } from "./long/pace.ts";

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

/**
 * Chooses branches by the compares of all levels on the path, on the state at `revision`. Long
 * transactions are opened only where the path goes.
 */
export function* planTxn(
  request: TxnRequest,
  comparer: Comparer,
  revision: number,
): Steps<TxnPlan> {
  const long = request instanceof LongTxn ? request : null;
  if (long !== null) yield* long.open();
  const succeeded = yield* comparer.holdAllInSteps(request.compare, revision);
  const steps: TxnStep[] = [];
  for (const op of succeeded ? request.success : request.failure) {
    const inner = op.request;
    if (inner?.case === "requestTxn") {
      steps.push({ op: null, nested: yield* planTxn(inner.value, comparer, revision) });
    } else steps.push({ op, nested: null });
    if (long?.pace.isDue() === true) yield;
  }
  long?.close();
  return { succeeded, steps };
}

/** Checks of the chosen path on the state before the transaction (TXN4, TXN5). */
export class PlanChecker {
  readonly #store: KvStore;
  readonly #leases: Leases;
  readonly #state = newKeyState();
  readonly #pace = new Pace();

  constructor(store: KvStore, leases: Leases) {
    this.#store = store;
    this.#leases = leases;
  }

  /** The first failure in the order of execution on the state at `revision`, or null. */
  check(plan: TxnPlan, revision = this.#store.currentRevision): RequestError | null {
    for (const { op, nested } of plan.steps) {
      const error = nested !== null ? this.check(nested, revision) : this.#checkOp(op, revision);
      if (error !== null) return error;
    }
    return null;
  }

  /** The same in steps, for plans of very many operations. */
  *checkInSteps(plan: TxnPlan, revision = this.#store.currentRevision): Steps<RequestError | null> {
    for (const { op, nested } of plan.steps) {
      const error =
        nested !== null ? yield* this.checkInSteps(nested, revision) : this.#checkOp(op, revision);
      if (error !== null) return error;
      if (this.#pace.isDue()) yield;
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
  checkRange(request: RangeRequest, revision: number): RequestError | null {
    if (request.revision === 0) return null;
    if (request.revision > revision) return "futureRevision";
    return request.revision < this.#store.compactRevision ? "compacted" : null;
  }

  #checkOp(op: RequestOp, revision: number): RequestError | null {
    const { request } = op;
    switch (request?.case) {
      case "requestRange":
        return this.checkRange(request.value, revision);
      case "requestPut":
        return this.checkPut(request.value);
      default:
        return null;
    }
  }
}
