import { ByteWriter, varintSize } from "../../base/byte-writer.ts";
import { newSpan } from "../../base/span.ts";
import { keyRangeOf, writeRangeEnd } from "../../apply/range/range-reader.ts";
import type { KvStore, RangeCursor, RangeMeasure, ReadView } from "../../mvcc/store/store.ts";
import type { Clock } from "../../platform/clock.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { WIRE_ERRORS } from "../errors.ts";
import type { HeaderWriter } from "../header.ts";
import type { Job, JobRunner } from "../jobs.ts";
import { Code, type ReplySink, type Token } from "../rpc.ts";
import { CursorFeed, RangeSource, type RangeSourceOptions } from "./range-source.ts";

/** Keys in the first chunk (semantics.md RS4). */
export const FIRST_CHUNK_KEYS = 10;
const STEP_KEYS = 2000;
/** RangeStreamResponse.range_response, field 1. */
const TAG_RANGE_RESPONSE = 0x0a;
const NO_BYTES = new Uint8Array(0);

/** One stream and where it goes. */
export interface RangeStreamOptions {
  readonly token: Token;
  /** With bytes of its own. */
  readonly request: RangeRequest;
  readonly store: KvStore;
  readonly view: ReadView;
  readonly clock: Clock;
  readonly header: HeaderWriter;
  readonly jobs: JobRunner;
  readonly sink: ReplySink;
  /** Steers the size of chunks. */
  readonly maxRequestBytes: number;
  readonly onEnd: () => void;
}

/**
 * One chunk that was sized: how many keys, how many bytes they make, and whether it is the last.
 */
interface Chunk {
  keys: number;
  framedBytes: number;
  isLast: boolean;
}

/**
 * A RangeStream in progress: counts once, then sends chunks at one revision, each pulled by the
 * edge as the reader takes it; the next one starts when the last is through.
 */
export class RangeStream implements Job {
  readonly #options: RangeStreamOptions;
  readonly #measure: RangeMeasure;
  /** Goes ahead of the chunk, to size it. */
  readonly #scout: RangeCursor;
  /** Stands at the chunk, to copy it. */
  readonly #cursor: RangeCursor;
  /** The view as its chunks have it: their bytes count together, and the stream closes it. */
  readonly #chunkView: RangeSourceOptions["view"];
  readonly #chunk: Chunk = { keys: 0, framedBytes: 0, isLast: false };
  readonly #headRevision: number;
  #chunkKeysMax = FIRST_CHUNK_KEYS;
  #left: number;
  #isCounted = false;
  #ended = false;
  readonly #key = newSpan();
  #hasScouted = false;

  constructor(options: RangeStreamOptions) {
    const { request, store, view } = options;
    this.#options = options;
    this.#chunkView = { taken: (bytes, nowMs) => view.taken(bytes, nowMs), close() {} };
    this.#measure = store.newMeasure();
    this.#scout = store.newCursor();
    this.#cursor = store.newCursor();
    this.#headRevision = store.currentRevision;
    // A negative limit is one chunk in etcd (RS9); the entries are the same.
    this.#left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
    const range = keyRangeOf(request);
    this.#measure.open(range, view.revision, 0);
    this.#scout.open(range, view.revision);
    this.#cursor.open(range, view.revision);
  }

  start(): void {
    this.#options.jobs.add(this);
  }

  /** The chunk before is through. */
  writable(): void {
    if (this.#ended) return;
    if (!this.#chunk.isLast) {
      this.#options.jobs.add(this);
      return;
    }
    this.#options.sink.finish(this.#options.token, Code.ok, "");
    this.#end();
  }

  cancel(): void {
    this.#end();
  }

  step(): boolean {
    if (this.#ended) return true;
    if (!this.#isCounted) {
      this.#touch();
      if (!this.#measure.step(STEP_KEYS)) return false;
      this.#isCounted = true;
      if (this.#measure.isCompacted) return this.#fail();
      this.#left = Math.min(this.#left, this.#measure.count);
      if (this.#options.request.countOnly) this.#left = 0;
    }
    if (!this.#sizeChunk()) {
      // That takes its time, which is not the reader's. A chunk as such is no use of the view:
      // readers that take one small chunk now and then must not hold up compaction.
      this.#touch();
      return false;
    }
    if (this.#scout.isCompacted) return this.#fail();
    this.#sendChunk();
    return true;
  }

  #touch(): void {
    const { view, clock } = this.#options;
    view.touch(clock.monotonicMs());
  }

  /** Sizes a part of the next chunk; true when it is known to its end. */
  #sizeChunk(): boolean {
    const chunk = this.#chunk;
    if (!this.#hasScouted) {
      chunk.keys = 0;
      chunk.framedBytes = 0;
      this.#hasScouted = true;
    }
    const keysMax = Math.min(this.#chunkKeysMax, this.#left);
    this.#scout.skipsLeft = STEP_KEYS;
    for (let i = 0; i < STEP_KEYS; i += 1) {
      if (chunk.keys >= keysMax) {
        chunk.isLast = chunk.keys === this.#left;
        return true;
      }
      if (!this.#scout.next()) {
        if (this.#scout.isPaused) return false;
        chunk.isLast = true;
        return true;
      }
      chunk.keys += 1;
      const size = this.#entryBytes();
      chunk.framedBytes += 1 + varintSize(size) + size;
    }
    return false;
  }

  #entryBytes(): number {
    if (!this.#options.request.keysOnly) return this.#scout.sizeBytes;
    const { createRevision, modRevision, version } = this.#scout;
    this.#scout.readKey(this.#key);
    const keyBytes = this.#key.end - this.#key.start;
    return (
      4 +
      varintSize(keyBytes) +
      keyBytes +
      varintSize(createRevision) +
      varintSize(modRevision) +
      varintSize(version)
    );
  }

  #sendChunk(): void {
    const { request, token, sink, store, clock } = this.#options;
    const chunk = this.#chunk;
    const tail = chunk.isLast ? this.#tail() : NO_BYTES;
    const bodyBytes = chunk.framedBytes + tail.length;
    const head = new ByteWriter();
    head.byte(TAG_RANGE_RESPONSE);
    head.varint(bodyBytes);
    const source = new RangeSource({
      store,
      view: this.#chunkView,
      feed: new CursorFeed(this.#cursor, request.keysOnly),
      kvs: chunk.keys,
      head: head.bytes.slice(0, head.length),
      tail,
      nowMs: () => clock.monotonicMs(),
      onRelease: () => {},
    });
    this.#left -= chunk.keys;
    this.#hasScouted = false;
    this.#adaptChunk(chunk.framedBytes);
    sink.sendFrom(token, head.length + bodyBytes, source);
  }

  /** Header, more and count: on the last message only (RS2). */
  #tail(): Uint8Array {
    const { header, request } = this.#options;
    const out = new ByteWriter();
    header.write(out, this.#headRevision);
    const { count } = this.#measure;
    const more = !request.countOnly && request.limit > 0 && count > request.limit;
    writeRangeEnd(out, more, count);
    return out.bytes.slice(0, out.length);
  }

  #adaptChunk(framedBytes: number): void {
    const { maxRequestBytes } = this.#options;
    if (framedBytes < maxRequestBytes / 2) this.#chunkKeysMax *= 2;
    else if (framedBytes > maxRequestBytes * 2) {
      this.#chunkKeysMax = Math.max(1, Math.floor(this.#chunkKeysMax / 2));
    }
  }

  #fail(): boolean {
    const { sink, token } = this.#options;
    sink.finish(token, WIRE_ERRORS.compacted.code, WIRE_ERRORS.compacted.message);
    this.#end();
    return true;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.view.close();
    this.#options.onEnd();
  }
}
