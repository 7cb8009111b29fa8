import { varintSize } from "../../base/byte-writer.ts";
import { type ByteSpan, newSpan } from "../../base/span.ts";
import { withoutValue } from "../../apply/range/key-value.ts";
import { planRange, type RangePlan, SortTarget } from "../../apply/range/range-plan.ts";
import { keyRangeOf, type RangeReader } from "../../apply/range/range-reader.ts";
import { StateTable } from "../../apply/range/state-table.ts";
import type { KvStore, RangeCursor, RangeMeasure, ReadView } from "../../mvcc/store/store.ts";
import { newKeyState } from "../../mvcc/types.ts";
import type { Clock } from "../../platform/clock.ts";
import type { RangeRequest } from "../../proto/gen/etcdserverpb.ts";
import { type WireError, WIRE_ERRORS } from "../errors.ts";
import type { Job } from "../jobs.ts";
import type { ReplySink, Token } from "../rpc.ts";
import { CursorFeed, type EntryFeed, RangeSource, TableFeed } from "./range-source.ts";
import { rangeTail, sendError } from "./reply-parts.ts";
import type { TableMemory } from "./table-memory.ts";

/** Keys looked at in one step: a fraction of a millisecond. */
const STEP_KEYS = 2000;

/** What a large range costs beside its request's bytes and its table: cursors, views, buffers. */
const RANGE_BYTES = 4096;

/** One large range and where its reply goes. */
export interface LargeRangeOptions {
  readonly token: Token;
  /** With bytes of its own. */
  readonly request: RangeRequest;
  readonly store: KvStore;
  readonly reader: RangeReader;
  readonly view: ReadView;
  readonly clock: Clock;
  /** The encoded response header. */
  readonly head: Uint8Array;
  readonly sink: ReplySink;
  /** For the entries of ranges that must be collected. */
  readonly memory: TableMemory;
  /** The reply is made or on its way; not called after `cancel`. */
  readonly onEnd: () => void;
}

/**
 * A range that is too large for one turn: counted (and, if it must be, collected and sorted) in
 * slices, then sent through a source. The view keeps what it reads from compaction meanwhile.
 */
export class LargeRange implements Job {
  readonly #options: LargeRangeOptions;
  readonly #plan: RangePlan;
  readonly #measure: RangeMeasure;
  readonly #keysOnly: { readonly on: boolean; readonly keepLease: boolean };
  #table: StateTable | null = null;
  #cursor: RangeCursor | null = null;
  #read = 0;
  #phase: "measure" | "collect" | "sort" | "size" = "measure";
  #isOver = false;
  #takenBytes = 0;
  #sizedPlace = 0;
  #sizeBytes = 0;
  readonly #state = newKeyState();
  readonly #span: ByteSpan = newSpan();

  constructor(options: LargeRangeOptions) {
    const { request, store, view } = options;
    this.#options = options;
    this.#plan = planRange(request);
    this.#keysOnly = {
      on: request.keysOnly,
      keepLease: request.sortTarget === SortTarget.value,
    };
    this.#measure = store.newMeasure();
    const kvsMax = this.#plan.isPlain && !request.countOnly ? this.#plan.limit : 0;
    this.#measure.open(keyRangeOf(request), view.revision, kvsMax);
  }

  /** The call is dead: the work ends. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.view.close();
    this.#giveMemory();
  }

  step(): boolean {
    if (this.#isOver) return true;
    const { view, clock } = this.#options;
    view.touch(clock.monotonicMs());
    switch (this.#phase) {
      case "measure":
        return this.#stepMeasure();
      case "collect":
        return this.#stepCollect();
      case "sort":
        if (this.#table!.stepSort(this.#options.store, STEP_KEYS)) this.#phase = "size";
        return false;
      case "size":
        return this.#stepSize();
    }
  }

  #stepMeasure(): boolean {
    const { request, store, view } = this.#options;
    const measure = this.#measure;
    if (this.#takenBytes === 0 && this.#takeMemory(0)) return true;
    if (!measure.step(STEP_KEYS)) return false;
    if (measure.isCompacted) return this.#failCompacted();
    if (request.countOnly) return this.#send(null, 0, 0, false);
    this.#cursor = store.newCursor();
    this.#cursor.open(keyRangeOf(request), view.revision);
    if (this.#plan.isPlain) {
      const bytes = request.keysOnly ? measure.framedKeysBytes : measure.framedBytes;
      const feed = new CursorFeed(this.#cursor, request.keysOnly);
      return this.#send(feed, measure.kvs, bytes, measure.count > measure.kvs);
    }
    this.#table = new StateTable(request, this.#plan);
    this.#phase = "collect";
    return false;
  }

  #stepCollect(): boolean {
    const cursor = this.#cursor!;
    const table = this.#table!;
    cursor.skipsLeft = STEP_KEYS;
    for (let i = 0; i < STEP_KEYS; i += 1) {
      if (this.#read >= this.#plan.readMax || !cursor.next()) {
        if (cursor.isCompacted) return this.#failCompacted();
        if (cursor.isPaused) break;
        this.#phase = "sort";
        return this.#takeMemory(table.memoryBytes);
      }
      table.add(cursor);
      this.#read += 1;
    }
    return this.#takeMemory(table.memoryBytes);
  }

  /** True, the call having failed, when there is no room for the request and `tableBytes`. */
  #takeMemory(tableBytes: number): boolean {
    const { key, rangeEnd } = this.#options.request;
    const more = RANGE_BYTES + key.length + rangeEnd.length + tableBytes - this.#takenBytes;
    if (!this.#options.memory.take(more, this.#takenBytes))
      return this.#fail(WIRE_ERRORS.tooManyRequests);
    this.#takenBytes += more;
    return false;
  }

  #giveMemory(): void {
    this.#options.memory.give(this.#takenBytes);
    this.#takenBytes = 0;
  }

  #stepSize(): boolean {
    const table = this.#table!;
    const end = Math.min(table.length, this.#sizedPlace + STEP_KEYS);
    for (; this.#sizedPlace < end; this.#sizedPlace += 1) {
      table.read(this.#sizedPlace, this.#state);
      const size = this.#entryBytes();
      this.#sizeBytes += 1 + varintSize(size) + size;
    }
    if (end < table.length) return false;
    const feed = new TableFeed(table, this.#options.reader, this.#keysOnly);
    return this.#send(feed, table.length, this.#sizeBytes, table.hasMore);
  }

  #entryBytes(): number {
    if (!this.#keysOnly.on) return this.#state.sizeBytes;
    const span = this.#span;
    this.#options.store.readKeyValue(this.#state, span);
    const { headEnd, tail } = withoutValue(span);
    return headEnd - span.start + (this.#keysOnly.keepLease ? span.end - tail : 0);
  }

  #send(feed: EntryFeed | null, kvs: number, kvsBytes: number, more: boolean): boolean {
    const { store, view, head, sink, token, clock } = this.#options;
    const tail = rangeTail(more, this.#measure.count);
    const error = sendError(head.length + kvsBytes + tail.length);
    if (error !== null) return this.#fail(error);
    this.#end();
    if (feed === null) {
      view.close();
      this.#giveMemory();
      const message = new Uint8Array(head.length + tail.length);
      message.set(head);
      message.set(tail, head.length);
      sink.reply(token, message, 0, message.length);
      return true;
    }
    const source = new RangeSource({
      store,
      view,
      feed,
      kvs,
      head,
      tail,
      nowMs: () => clock.monotonicMs(),
      onRelease: () => this.#giveMemory(),
    });
    sink.replyFrom(token, head.length + kvsBytes + tail.length, source);
    return true;
  }

  #failCompacted(): boolean {
    return this.#fail(WIRE_ERRORS.compacted);
  }

  #fail(error: WireError): boolean {
    const { view, sink, token } = this.#options;
    view.close();
    this.#giveMemory();
    this.#end();
    sink.finish(token, error.code, error.message);
    return true;
  }

  #end(): void {
    this.#isOver = true;
    this.#options.onEnd();
  }
}
