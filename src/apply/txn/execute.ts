import { ByteWriter } from "../../base/byte-writer.ts";
import { ChunkWriter } from "../../base/chunk-writer.ts";
import { copyOf, copyOfSpan, newSpan } from "../../base/span.ts";
import type { FramedCopy, KvStore, RangeCursor } from "../../mvcc/store/store.ts";
import type {
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
} from "../../proto/gen/etcdserverpb.ts";
import { keyRangeOf, RangeReader } from "../range/range-reader.ts";
import { finish, STEP_KEYS, type Steps } from "../steps.ts";
import type { TxnPlan, TxnStep } from "./plan.ts";
import { chunksOf, newTxnResult, NO_CHUNKS, type OpResult, type TxnResult } from "./result.ts";

/** DeleteRangeResponse.prev_kvs, field 3, length delimited. */
const TAG_PREV_KVS = 0x1a;
/** Operations on one key in one step. */
const OPS_PER_STEP = 64;

/**
 * Bytes of ranges and earlier values that the reply of one transaction may hold when more than one
 * operation brings any: 128 ranges of everything would otherwise take 128 times the store.
 */
export const TXN_REPLY_BYTES_MAX = 256 * 1024 * 1024;

/** Why a transaction has no reply: it would be too large, or what it reads was compacted away. */
export type TxnFailure = "replyTooLarge" | "compacted";

/** A transaction under way. */
export interface TxnRun {
  readonly wanted: boolean;
  /** What it reads when nothing is written. */
  readonly revision: number;
  /** What it has for its reply. */
  replyBytes: number;
  failure: TxnFailure | null;
  ops: number;
}

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

  /** Runs the steps in order, depth first (TXN3), all at once. */
  run(plan: TxnPlan, wanted: boolean): TxnResult | TxnFailure {
    return finish(this.runInSteps(plan, this.newRun(wanted)));
  }

  /** `wanted`: somebody reads the result; `revision`: what it reads when nothing is written. */
  newRun(wanted: boolean, revision = this.#store.currentRevision): TxnRun {
    return { wanted, revision, replyBytes: 0, failure: null, ops: 0 };
  }

  /** The same in steps. Everything is written also where the reply fails. */
  *runInSteps(plan: TxnPlan, run: TxnRun): Steps<TxnResult | TxnFailure> {
    const result = yield* this.#runPlan(plan, run);
    return run.failure ?? result;
  }

  *#runPlan(plan: TxnPlan, run: TxnRun): Steps<TxnResult> {
    const responses: OpResult[] = [];
    for (const step of plan.steps) {
      const quick = step.nested === null ? this.#runQuick(step.op, run) : undefined;
      const result = quick ?? (yield* this.#runOther(step, run));
      if (run.wanted) responses.push(result);
      run.ops += 1;
      // A range of a thousand keys is a step of its own.
      if (quick === undefined || run.ops % OPS_PER_STEP === 0) yield;
    }
    return newTxnResult(plan.succeeded, responses);
  }

  /** False when the operations before took all room. One alone may bring as much as there is. */
  #hasRoom(run: TxnRun): boolean {
    if (run.replyBytes > this.#replyBytesMax) run.failure = "replyTooLarge";
    return run.failure === null;
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

  /** Deletes all of a range; appends their earlier KeyValues to `prevKvs` unless it is null. */
  *deleteInSteps(request: DeleteRangeRequest, prevKvs: ByteWriter | null): Steps<number> {
    for (let deleted = 0; ;) {
      const step = this.deleteRange(request, STEP_KEYS, prevKvs);
      deleted += step;
      if (step < STEP_KEYS) return deleted;
      yield;
    }
  }

  /**
   * Deletes up to `keysMax` keys; appends their earlier KeyValues to `prevKvs` unless it is null.
   */
  deleteRange(request: DeleteRangeRequest, keysMax: number, prevKvs: ByteWriter | null): number {
    const range = keyRangeOf(request);
    if (prevKvs !== null) this.#copyPrevKvs(request, keysMax, prevKvs);
    return this.#store.deleteRange(range, keysMax);
  }

  /** Operations on one key; undefined for others. */
  #runQuick({ request }: RequestOp, run: TxnRun): OpResult | undefined {
    switch (request?.case) {
      case "requestPut": {
        const prevKv = this.put(request.value, run.wanted);
        return { op: "put", revision: this.#store.readRevision, prevKv };
      }
      case "requestRange":
        if (request.value.rangeEnd.length > 0) return undefined;
        return this.#rangeOfKey(request.value, run);
      case "requestDeleteRange":
        return undefined;
      default:
        // The static check refuses what has no member, and nested ones come planned.
        return { op: "range", revision: this.#revisionSoFar(run), body: NO_CHUNKS };
    }
  }

  *#runOther({ op, nested }: TxnStep, run: TxnRun): Steps<OpResult> {
    if (nested !== null) return { op: "txn", result: yield* this.#runPlan(nested, run) };
    const { request } = op;
    if (request?.case === "requestDeleteRange") return yield* this.#delete(request.value, run);
    if (request?.case === "requestRange") return yield* this.#range(request.value, run);
    return { op: "range", revision: 0, body: NO_CHUNKS };
  }

  #rangeOfKey(request: RangeRequest, run: TxnRun): OpResult {
    if (!run.wanted || !this.#hasRoom(run)) return { op: "range", revision: 0, body: NO_CHUNKS };
    const out = this.#out;
    out.reset();
    this.#reader.write(request, this.#rangeRevision(request, run), out);
    run.replyBytes += out.length;
    const body = { parts: [copyOf(out.bytes, 0, out.length)], bytes: out.length };
    return { op: "range", revision: this.#revisionSoFar(run), body };
  }

  *#range(request: RangeRequest, run: TxnRun): Steps<OpResult> {
    if (!run.wanted || !this.#hasRoom(run)) return { op: "range", revision: 0, body: NO_CHUNKS };
    const out = new ChunkWriter();
    const reader = new RangeReader(this.#store);
    const at = this.#rangeRevision(request, run);
    if (!(yield* reader.writeInSteps(request, at, out))) run.failure = "compacted";
    run.replyBytes += out.totalBytes;
    return { op: "range", revision: this.#revisionSoFar(run), body: chunksOf(out) };
  }

  #rangeRevision(request: RangeRequest, run: TxnRun): number {
    if (request.revision > 0) return request.revision;
    return this.#isReadOnly ? run.revision : this.#store.readRevision;
  }

  *#delete(request: DeleteRangeRequest, run: TxnRun): Steps<OpResult> {
    const prevKvs = run.wanted && request.prevKv && this.#hasRoom(run) ? new ChunkWriter() : null;
    const deleted = yield* this.deleteInSteps(request, prevKvs);
    const chunks = prevKvs === null ? NO_CHUNKS : chunksOf(prevKvs);
    run.replyBytes += chunks.bytes;
    return { op: "deleteRange", revision: this.#revisionSoFar(run), deleted, prevKvs: chunks };
  }

  /** rev + 1 once anything changed, rev before (semantics.md 2). */
  #revisionSoFar(run: TxnRun): number {
    if (this.#isReadOnly) return run.revision;
    const { currentRevision, pendingChanges } = this.#store;
    return pendingChanges > 0 ? currentRevision + 1 : currentRevision;
  }

  #readPrev(): Uint8Array | null {
    const prev = this.#prev;
    if (!this.#reader.readOne(this.#key, this.#store.readRevision, prev)) return null;
    return copyOfSpan(prev);
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
      copy.offset = out.length;
      copy.limit = out.bytes.length;
    }
  }
}
