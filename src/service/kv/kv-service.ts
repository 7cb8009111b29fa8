import { copyOf } from "../../base/span.ts";
import { hasFilter, SortOrder, SortTarget } from "../../apply/range/range-plan.ts";
import { putCost, txnCost } from "../../apply/gate.ts";
import type { Quota } from "../../apply/quota.ts";
import type { RequestError } from "../../apply/errors.ts";
import { isLongTxn } from "../../apply/txn/long/long-txn.ts";
import {
  decodeCompactionRequest,
  decodeDeleteRangeRequest,
  decodePutRequest,
  decodeRangeRequest,
  decodeTxnRequest,
  type RangeRequest,
  type TxnRequest,
} from "../../proto/gen/etcdserverpb.ts";
import { unreadableRequest, WIRE_ERRORS } from "../errors.ts";
import type { NoSpaceAlarm } from "../maintenance/no-space-alarm.ts";
import { type Proposer, RequestField } from "../propose/proposer.ts";
import type { RangeContext, RangeService } from "../range/range-service.ts";
import { copyRequest } from "../range/reply-parts.ts";
import type { PendingReads } from "../reads.ts";
import { Code, type Token } from "../rpc.ts";
import { checkDeleteRange, checkPut, checkRange, checkTxn, isReadOnly } from "./check.ts";
import { LongTxns } from "./long-txns.ts";
import type { ReadTxns } from "./read-txns.ts";
import type { Consensus } from "../consensus.ts";

/** What the KV service works with. */
export interface KvServiceOptions extends RangeContext {
  readonly consensus: Consensus;
  readonly proposer: Proposer;
  readonly reads: PendingReads;
  readonly ranges: RangeService;
  readonly readTxns: ReadTxns;
  readonly maxTxnOps: number;
  readonly maxRequestBytes: number;
  readonly quota: Quota;
  readonly noSpace: NoSpaceAlarm;
  /** A caller of Compact wants to hear when the work is done. */
  readonly onPhysicalCompaction: (token: Token) => void;
}

/** The KV service: validates, then proposes or reads (semantics.md 3 to 7, errors.md 4). */
export class KvService {
  readonly #options: KvServiceOptions;
  readonly #longTxns: LongTxns;

  constructor(options: KvServiceOptions) {
    this.#options = options;
    this.#longTxns = new LongTxns({
      jobs: options.jobs,
      quota: options.quota,
      maxTxnOps: options.maxTxnOps,
      unreadable: (token, error) => {
        options.sink().finish(token, Code.internal, unreadableRequest(error));
      },
      refuseForSpace: (token) => this.#refuseForSpace(token),
      fail: (token, error) => this.#fail(token, error),
      accept: (token, bytes, readsOnly) => this.#takeLongTxn(token, bytes, readsOnly),
    });
  }

  /** The call is dead. */
  cancel(token: Token): void {
    this.#longTxns.cancel(token);
  }

  /** Range: linearizable unless the request says otherwise. */
  range(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeRangeRequest(bytes, start, end);
    const error = checkRange(request);
    if (error !== null) {
      this.#fail(token, error);
      return;
    }
    if (request.serializable || this.#options.consensus.readNow()) {
      this.#options.ranges.range(token, request);
      return;
    }
    const own = copyRequest(request);
    this.#whenReadable(token, () => this.#options.ranges.range(token, own));
  }

  /** RangeStream: as Range, without sorting and filters (RS1). */
  rangeStream(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeRangeRequest(bytes, start, end);
    const error = checkRange(request) ?? checkStream(request);
    if (error !== null) {
      this.#fail(token, error);
      return;
    }
    const own = copyRequest(request);
    const { ranges, maxRequestBytes, consensus } = this.#options;
    const run = (): void => ranges.rangeStream(token, own, maxRequestBytes);
    if (request.serializable || consensus.readNow()) run();
    else this.#whenReadable(token, run);
  }

  put(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodePutRequest(bytes, start, end);
    // etcd looks at the quota before it looks at the request (PUT7).
    if (!this.#options.quota.hasRoom(putCost(request.key.length, request.value.length))) {
      this.#refuseForSpace(token);
      return;
    }
    const error = checkPut(request);
    if (error !== null) this.#fail(token, error);
    else this.#options.proposer.propose(RequestField.put, bytes, { start, end }, token);
  }

  deleteRange(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const error = checkDeleteRange(decodeDeleteRangeRequest(bytes, start, end));
    if (error !== null) this.#fail(token, error);
    else this.#options.proposer.propose(RequestField.deleteRange, bytes, { start, end }, token);
  }

  txn(token: Token, bytes: Uint8Array, start: number, end: number): void {
    if (isLongTxn(bytes, start, end)) {
      this.#longTxns.start(token, copyOf(bytes, start, end));
      return;
    }
    const request = decodeTxnRequest(bytes, start, end);
    if (!this.#options.quota.hasRoom(txnCost(request))) {
      this.#refuseForSpace(token);
      return;
    }
    const error = checkTxn(request, this.#options.maxTxnOps);
    if (error !== null) {
      this.#fail(token, error);
      return;
    }
    if (isReadOnly(request)) this.#readTxn(token, request, { bytes, start, end });
    else this.#options.proposer.propose(RequestField.txn, bytes, { start, end }, token);
  }

  compact(token: Token, bytes: Uint8Array, start: number, end: number): void {
    const request = decodeCompactionRequest(bytes, start, end);
    if (request.physical) this.#options.onPhysicalCompaction(token);
    this.#options.proposer.propose(RequestField.compaction, bytes, { start, end }, token);
  }

  #takeLongTxn(token: Token, bytes: Uint8Array, readsOnly: boolean): void {
    const raw = { bytes, start: 0, end: bytes.length };
    // One that only reads has none in it: no more operations than `maxTxnOps` in each branch.
    if (readsOnly) this.#readTxn(token, decodeTxnRequest(bytes, 0, bytes.length), raw);
    else this.#options.proposer.propose(RequestField.txn, bytes, raw, token);
  }

  /** Read-only transactions skip the log (TXN16). */
  #readTxn(
    token: Token,
    request: TxnRequest,
    raw: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
  ): void {
    const requestBytes = raw.end - raw.start;
    const own = (): TxnRequest => {
      const copy = copyOf(raw.bytes, raw.start, raw.end);
      return decodeTxnRequest(copy, 0, copy.length);
    };
    if (isSerializable(request) || this.#options.consensus.readNow()) {
      this.#options.readTxns.start(token, request, requestBytes, own);
      return;
    }
    const later = own();
    this.#whenReadable(token, () => {
      this.#options.readTxns.start(token, later, requestBytes, () => later);
    });
  }

  #whenReadable(token: Token, run: () => void): void {
    this.#options.reads.add(run, () => this.#fail(token, "timeout"), token);
  }

  /** Refused before it is proposed; answered when the alarm is raised. */
  #refuseForSpace(token: Token): void {
    const { noSpace } = this.#options;
    noSpace.raise();
    noSpace.afterRaise(() => this.#fail(token, "noSpace"));
  }

  #fail(token: Token, error: RequestError): void {
    const { code, message } = WIRE_ERRORS[error];
    this.#options.sink().finish(token, code, message);
  }
}

function checkStream(request: RangeRequest): RequestError | null {
  const { sortOrder, sortTarget } = request;
  const isKeyAscend = sortOrder === SortOrder.ascend && sortTarget === SortTarget.key;
  if (sortOrder !== SortOrder.none && !isKeyAscend) return "rangeStreamSort";
  return hasFilter(request) ? "rangeStreamFilter" : null;
}

/** A transaction without operations counts as serializable, as in etcd (TXN16). */
function isSerializable(request: TxnRequest): boolean {
  return [...request.success, ...request.failure].every(
    ({ request: op }) => op?.case === "requestRange" && op.value.serializable,
  );
}
