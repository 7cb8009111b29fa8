import { planRange, SortTarget } from "../../apply/range/range-plan.ts";
import { keyRangeOf, RangeReader, TAG_KVS, writeRangeEnd } from "../../apply/range/range-reader.ts";
import { ByteWriter } from "../../base/byte-writer.ts";
import type { FramedCopy, KvStore, RangeCursor, RangeMeasure } from "../../mvcc/store/store.ts";
import type { Clock } from "../../platform/clock.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import type { WireError } from "../errors.ts";
import type { HeaderWriter } from "../header.ts";
import type { JobRunner } from "../jobs.ts";
import { Code, type ReplySink, type Token } from "../rpc.ts";
import { TurnBudget } from "../turn-budget.ts";
import { LargeRange } from "./large-range.ts";
import { FIRST_CHUNK_KEYS, RangeStream } from "./range-stream.ts";
import { copyRequest, revisionError } from "./reply-parts.ts";
import { TableMemory } from "./table-memory.ts";

/** Keys or leaves that are counted before a range counts as large; well below a millisecond. */
const SMALL_RANGE_STEP_KEYS = 2000;
/** Replies up to this size are made at once; larger ones are made while the reader takes them. */
const SMALL_REPLY_BYTES = 64 * 1024;
/** Replies with more entries are made while the reader takes them. */
const SMALL_REPLY_KEYS = 2000;
/**
 * Time in one turn of the event loop for ranges of several keys that are answered as they come, ms:
 * one read of a socket may bring hundreds of them. Further ones become jobs, which share theirs.
 */
const AT_ONCE_TURN_MS = 1;

/** Streams that sort are sorted up to this size, bytes: they are made at once. */
const SORTED_STREAM_BYTES = 1024 * 1024;
/** RangeStreamResponse.range_response, field 1. */
const TAG_RANGE_RESPONSE = 0x0a;

/**
 * Whether a stream asks for an order other than that of keys. If it is one chunk, etcd sorts it; of
 * several chunks it sorts each by itself and then loses or repeats keys (RS9).
 */
function isSorting({ sortTarget, countOnly, rangeEnd }: RangeRequest): boolean {
  return sortTarget !== SortTarget.key && !countOnly && rangeEnd.length > 0;
}

/** What range execution needs of its surroundings. */
export interface RangeContext {
  readonly clock: Clock;
  readonly store: KvStore;
  readonly header: HeaderWriter;
  readonly jobs: JobRunner;
  readonly sink: () => ReplySink;
}

/** Answers Range and RangeStream from the applied state; the request was checked and confirmed. */
export class RangeService {
  readonly #context: RangeContext;
  readonly #store: KvStore;
  readonly #reader: RangeReader;
  readonly #cursor: RangeCursor;
  readonly #measure: RangeMeasure;
  readonly #out = new ByteWriter();
  readonly #copy: FramedCopy = {
    target: new Uint8Array(0),
    offset: 0,
    limit: 0,
    tag: TAG_KVS,
    kvsMax: 0,
    kvs: 0,
    isAtEnd: false,
  };
  /** Streams by token, for `writable` and `cancel`. */
  readonly #streams = new Map<Token, RangeStream>();
  /** Large ranges whose reply is not made yet, by token. */
  readonly #large = new Map<Token, LargeRange>();
  /** Sorted streams that wait for a later turn. */
  readonly #late = new Set<Token>();
  readonly #memory = new TableMemory();
  /** For ranges that are answered at once. */
  readonly #turn: TurnBudget;

  constructor(context: RangeContext) {
    this.#context = context;
    this.#store = context.store;
    this.#reader = new RangeReader(context.store);
    this.#cursor = context.store.newCursor();
    this.#measure = context.store.newMeasure();
    this.#turn = new TurnBudget(context.clock, AT_ONCE_TURN_MS);
  }

  /**
   * Answers a Range now or, when it is large, little by little. Keeps nothing of `request`'s bytes.
   */
  range(token: Token, request: RangeRequest): void {
    const revision = this.#revisionOf(request);
    if (typeof revision !== "number") {
      this.#fail(token, revision);
      return;
    }
    if (request.rangeEnd.length === 0) {
      this.#replyAtOnce(token, request, revision);
      return;
    }
    if (this.#turn.isOver()) {
      this.#startLarge(token, request, revision);
      return;
    }
    const plan = planRange(request);
    const measure = this.#measure;
    const kvsMax = request.countOnly ? 0 : plan.isPlain ? plan.limit : Number.POSITIVE_INFINITY;
    measure.open(keyRangeOf(request), revision, kvsMax);
    if (!measure.step(SMALL_RANGE_STEP_KEYS)) {
      this.#startLarge(token, request, revision);
      return;
    }
    if (request.countOnly) {
      const out = this.#begin();
      writeRangeEnd(out, false, measure.count);
      this.#context.sink().reply(token, out.bytes, 0, out.length);
      return;
    }
    if (!plan.isPlain) {
      const { count, framedBytes } = measure;
      const isSmall = count <= SMALL_REPLY_KEYS && framedBytes <= SMALL_REPLY_BYTES;
      if (isSmall) this.#replyAtOnce(token, request, revision);
      else this.#startLarge(token, request, revision);
      return;
    }
    const bytes = request.keysOnly ? measure.framedKeysBytes : measure.framedBytes;
    if (bytes > SMALL_REPLY_BYTES) this.#startLarge(token, request, revision);
    else this.#replyPlain(token, request, revision, bytes);
  }

  /** Answers a RangeStream, chunk by chunk as the reader takes them. */
  rangeStream(token: Token, request: RangeRequest, maxRequestBytes: number): void {
    const revision = this.#revisionOf(request);
    if (typeof revision !== "number") {
      this.#fail(token, revision);
      return;
    }
    if (isSorting(request)) {
      if (this.#turn.isOver()) {
        this.#streamLater(token, request, maxRequestBytes);
        return;
      }
      if (this.#isSmallToSort(request, revision)) {
        this.#streamSorted(token, request, revision);
        return;
      }
    }
    const { clock, store, header, jobs, sink } = this.#context;
    const view = store.openView(revision, clock.monotonicMs());
    if (typeof view === "string") {
      this.#fail(token, revisionError(view));
      return;
    }
    const stream = new RangeStream({
      token,
      request: copyRequest(request),
      store,
      view,
      clock,
      header,
      jobs,
      sink: sink(),
      maxRequestBytes,
      onEnd: () => this.#streams.delete(token),
    });
    this.#streams.set(token, stream);
    stream.start();
  }

  writable(token: Token): void {
    this.#streams.get(token)?.writable();
  }

  cancel(token: Token): void {
    this.#streams.get(token)?.cancel();
    this.#large.get(token)?.cancel();
    this.#large.delete(token);
    this.#late.delete(token);
  }

  /** Ranges and streams that are not over. */
  get underWay(): number {
    return this.#streams.size + this.#large.size + this.#late.size;
  }

  #revisionOf(request: RangeRequest): number | WireError {
    const store = this.#store;
    if (request.revision <= 0) return store.currentRevision;
    const error = store.checkRevision(request.revision);
    return error === null ? request.revision : revisionError(error);
  }

  #begin(): ByteWriter {
    const out = this.#out;
    out.reset();
    this.#context.header.write(out, this.#store.currentRevision);
    return out;
  }

  #replyAtOnce(token: Token, request: RangeRequest, revision: number): void {
    const out = this.#begin();
    this.#reader.write(request, revision, out);
    this.#context.sink().reply(token, out.bytes, 0, out.length);
  }

  #replyPlain(token: Token, request: RangeRequest, revision: number, bytes: number): void {
    const measure = this.#measure;
    const out = this.#begin();
    out.reserve(bytes);
    const copy = this.#copy;
    copy.target = out.bytes;
    copy.offset = out.length;
    copy.limit = out.length + bytes;
    copy.kvsMax = measure.kvs;
    this.#cursor.open(keyRangeOf(request), revision);
    if (request.keysOnly) this.#cursor.copyFramedKeys(copy);
    else this.#cursor.copyFramed(copy);
    out.length = copy.offset;
    writeRangeEnd(out, measure.count > measure.kvs, measure.count);
    this.#context.sink().reply(token, out.bytes, 0, out.length);
  }

  /** Begins the stream in a turn that has time for it, with what is the state then. */
  #streamLater(token: Token, borrowed: RangeRequest, maxRequestBytes: number): void {
    const request = copyRequest(borrowed);
    const step = (): boolean => {
      if (this.#late.delete(token)) this.rangeStream(token, request, maxRequestBytes);
      return true;
    };
    this.#late.add(token);
    this.#context.jobs.add({ step });
  }

  /** Whether a stream that is to be sorted is a single chunk. */
  #isSmallToSort(request: RangeRequest, revision: number): boolean {
    const { limit } = request;
    const measure = this.#measure;
    measure.open(keyRangeOf(request), revision, FIRST_CHUNK_KEYS);
    if (!measure.step(SMALL_RANGE_STEP_KEYS) || measure.framedBytes > SORTED_STREAM_BYTES) {
      return false;
    }
    return measure.count <= FIRST_CHUNK_KEYS || (limit > 0 && limit <= FIRST_CHUNK_KEYS);
  }

  #streamSorted(token: Token, request: RangeRequest, revision: number): void {
    const inner = this.#begin();
    this.#reader.write(request, revision, inner);
    const out = new ByteWriter();
    out.byte(TAG_RANGE_RESPONSE);
    out.varint(inner.length);
    out.raw(inner.bytes, 0, inner.length);
    const sink = this.#context.sink();
    sink.send(token, out.bytes, 0, out.length);
    sink.finish(token, Code.ok, "");
  }

  #startLarge(token: Token, request: RangeRequest, revision: number): void {
    const { clock, store, jobs, sink } = this.#context;
    const view = store.openView(revision, clock.monotonicMs());
    if (typeof view === "string") {
      this.#fail(token, revisionError(view));
      return;
    }
    const out = this.#begin();
    const large = new LargeRange({
      token,
      request: copyRequest(request),
      store,
      reader: this.#reader,
      view,
      clock,
      head: out.bytes.slice(0, out.length),
      sink: sink(),
      memory: this.#memory,
      onEnd: () => this.#large.delete(token),
    });
    this.#large.set(token, large);
    jobs.add(large);
  }

  #fail(token: Token, error: WireError): void {
    this.#context.sink().finish(token, error.code, error.message);
  }
}
