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
import { WIRE_ERRORS } from "../errors.ts";
import type { Job } from "../jobs.ts";
import type { ReplySink, Token } from "../rpc.ts";
import { CursorFeed, type EntryFeed, RangeSource, TableFeed } from "./range-source.ts";
import { rangeTail } from "./reply-parts.ts";

/** Keys looked at in one step: a fraction of a millisecond. */
const STEP_KEYS = 2000;

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
  #phase: "measure" | "collect" | "size" = "measure";
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

  step(): boolean {
    const { view, clock } = this.#options;
    view.touch(clock.monotonicMs());
    switch (this.#phase) {
      case "measure":
        return this.#stepMeasure();
      case "collect":
        return this.#stepCollect();
      case "size":
        return this.#stepSize();
    }
  }

  #stepMeasure(): boolean {
    const { request, store, view } = this.#options;
    const measure = this.#measure;
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
    for (let i = 0; i < STEP_KEYS; i += 1) {
      if (this.#read >= this.#plan.readMax || !cursor.next()) {
        if (cursor.isCompacted) return this.#failCompacted();
        table.sort(this.#options.store);
        this.#phase = "size";
        return false;
      }
      table.add(cursor);
      this.#read += 1;
    }
    return false;
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
    if (feed === null) {
      view.close();
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
      onRelease: () => {},
    });
    sink.replyFrom(token, head.length + kvsBytes + tail.length, source);
    return true;
  }

  #failCompacted(): boolean {
    const { view, sink, token } = this.#options;
    view.close();
    sink.finish(token, WIRE_ERRORS.compacted.code, WIRE_ERRORS.compacted.message);
    return true;
  }
}
