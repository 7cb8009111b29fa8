import { ByteWriter } from "../../base/byte-writer.ts";
import { newSpan } from "../../base/span.ts";
import type { FramedCopy, KvStore, RangeCursor } from "../../mvcc/store/store.ts";
import type { DeleteRangeRequest, PutRequest, RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { keyRangeOf, type RangeReader } from "../range/range-reader.ts";
import type { TxnPlan, TxnStep } from "./plan.ts";
import type { OpResult, TxnResult } from "./result.ts";

/** DeleteRangeResponse.prev_kvs, field 3, length delimited. */
const TAG_PREV_KVS = 0x1a;
const NO_BYTES = new Uint8Array(0);
const ALL_KEYS = Number.POSITIVE_INFINITY;

/**
 * Bytes of ranges and earlier values that the reply of one transaction may hold when more than one
 * operation brings any: 128 ranges of everything would otherwise take 128 times the store.
 */
export const TXN_REPLY_BYTES_MAX = 256 * 1024 * 1024;

/** Carries out checked operations inside an open write (or, for ranges, outside of one). */
export class Executor {
  readonly #store: KvStore;
  readonly #reader: RangeReader;
  readonly #cursor: RangeCursor;
  readonly #out = new ByteWriter();
  readonly #key = newSpan();
  readonly #value = newSpan();
  readonly #prev = newSpan();
  readonly #isReadOnly: boolean;
  readonly #replyBytesMax: number;
  /** What the transaction under way has for its reply. */
  #replyBytes = 0;
  /** Something was left out of it. */
  #isCut = false;

  /**
   * `isReadOnly`: runs outside of writes, on the published state, whatever apply is in the middle
   * of. `replyBytesMax`: for tests.
   */
  constructor(
    store: KvStore,
    reader: RangeReader,
    isReadOnly: boolean,
    replyBytesMax = TXN_REPLY_BYTES_MAX,
  ) {
    this.#replyBytesMax = replyBytesMax;
    this.#isReadOnly = isReadOnly;
    this.#store = store;
    this.#reader = reader;
    this.#cursor = store.newCursor();
  }

  /**
   * Runs the steps in order, depth first (TXN3). `wanted`: somebody reads the result. Null when its
   * reply would be too large; everything was written all the same.
   */
  run(plan: TxnPlan, wanted: boolean): TxnResult | null {
    this.#replyBytes = 0;
    this.#isCut = false;
    const result = this.#runPlan(plan, wanted);
    return this.#isCut ? null : result;
  }

  #runPlan(plan: TxnPlan, wanted: boolean): TxnResult {
    const responses: OpResult[] = [];
    for (const step of plan.steps) {
      const result = this.#runStep(step, wanted);
      if (wanted) responses.push(result);
    }
    return { succeeded: plan.succeeded, responses };
  }

  /** False when the operations before took all room. One alone may bring as much as there is. */
  #hasRoom(): boolean {
    if (this.#replyBytes > this.#replyBytesMax) this.#isCut = true;
    return !this.#isCut;
  }

  #takeOut(): Uint8Array {
    this.#replyBytes += this.#out.length;
    return this.#out.bytes.slice(0, this.#out.length);
  }

  /** Puts one key; returns the encoded earlier KeyValue when it was asked for and there was one. */
  put(request: PutRequest, wanted: boolean): Uint8Array | null {
    const key = this.#key;
    key.bytes = request.key;
    key.start = 0;
    key.end = request.key.length;
    const prev = wanted && request.prevKv ? this.#readPrev() : null;
    const value = this.#value;
    value.bytes = request.value;
    value.start = 0;
    value.end = request.value.length;
    if (!request.ignoreValue && !request.ignoreLease) {
      this.#store.put(key, value, request.lease);
      return prev;
    }
    const again = {
      ...(request.ignoreValue ? {} : { value }),
      ...(request.ignoreLease ? {} : { lease: request.lease }),
    };
    // Only a delete earlier in the same transaction can have removed the key (TXN14, TXN15), where
    // etcd panics: here the key comes back with what the request itself has.
    if (!this.#store.putAgain(key, again)) this.#store.put(key, value, request.lease);
    return prev;
  }

  /**
   * Deletes up to `keysMax` keys; appends their earlier KeyValues to `prevKvs` unless it is null.
   */
  deleteRange(request: DeleteRangeRequest, keysMax: number, prevKvs: ByteWriter | null): number {
    const range = keyRangeOf(request);
    if (prevKvs !== null) this.#copyPrevKvs(request, keysMax, prevKvs);
    return this.#store.deleteRange(range, keysMax);
  }

  #runStep(step: TxnStep, wanted: boolean): OpResult {
    if (step.nested !== null) return { op: "txn", result: this.#runPlan(step.nested, wanted) };
    const { request } = step.op;
    switch (request?.case) {
      case "requestRange":
        return this.#range(request.value, wanted);
      case "requestPut": {
        const prevKv = this.put(request.value, wanted);
        return { op: "put", revision: this.#store.readRevision, prevKv };
      }
      case "requestDeleteRange":
        return this.#delete(request.value, wanted);
      default:
        // The static check refuses what has no member, and nested ones come planned.
        return { op: "range", revision: this.#revisionSoFar(), body: NO_BYTES };
    }
  }

  #range(request: RangeRequest, wanted: boolean): OpResult {
    if (!wanted || !this.#hasRoom()) return { op: "range", revision: 0, body: NO_BYTES };
    const { currentRevision, readRevision } = this.#store;
    const latest = this.#isReadOnly ? currentRevision : readRevision;
    const at = request.revision > 0 ? request.revision : latest;
    const out = this.#out;
    out.reset();
    this.#reader.write(request, at, out);
    return { op: "range", revision: this.#revisionSoFar(), body: this.#takeOut() };
  }

  #delete(request: DeleteRangeRequest, wanted: boolean): OpResult {
    const prevKvs = wanted && request.prevKv && this.#hasRoom() ? this.#out : null;
    this.#out.reset();
    const deleted = this.deleteRange(request, ALL_KEYS, prevKvs);
    return {
      op: "deleteRange",
      revision: this.#revisionSoFar(),
      deleted,
      prevKvs: this.#takeOut(),
    };
  }

  /** rev + 1 once anything changed, rev before (semantics.md 2). */
  #revisionSoFar(): number {
    const { currentRevision, pendingChanges } = this.#store;
    return pendingChanges > 0 && !this.#isReadOnly ? currentRevision + 1 : currentRevision;
  }

  #readPrev(): Uint8Array | null {
    const prev = this.#prev;
    if (!this.#reader.readOne(this.#key, this.#store.readRevision, prev)) return null;
    return prev.bytes.slice(prev.start, prev.end);
  }

  #copyPrevKvs(request: DeleteRangeRequest, keysMax: number, out: ByteWriter): void {
    const cursor = this.#cursor;
    cursor.open(keyRangeOf(request), this.#store.readRevision);
    const copy: FramedCopy = {
      target: out.bytes,
      offset: out.length,
      limit: out.bytes.length,
      tag: TAG_PREV_KVS,
      kvsMax: keysMax,
      kvs: 0,
      isAtEnd: false,
    };
    let copied = 0;
    for (;;) {
      copy.kvsMax = keysMax - copied;
      cursor.copyFramed(copy);
      copied += copy.kvs;
      out.length = copy.offset;
      if (copy.isAtEnd || copied >= keysMax) return;
      // More than there is, however little is used: the next entry may need all of it.
      out.reserve(out.bytes.length - out.length + 1);
      copy.target = out.bytes;
      copy.limit = out.bytes.length;
    }
  }
}
