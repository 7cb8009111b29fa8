import { assert } from "../../base/assert.ts";
import type { ByteSpan } from "../../base/span.ts";
import { newSpan } from "../../base/span.ts";
import type { Backend, ChangeCursor } from "../../storage/backend/backend.ts";
import type { KeyIndex } from "../index/key-index.ts";
import { readKeyOf } from "../key-value.ts";
import { FIRST_REVISION } from "../types.ts";
import type { KeyRange, KeyState, RevisionError } from "../types.ts";
import { Compaction, readCompactionMarks } from "./compaction.ts";
import type { CompactedHash } from "./compaction-hash.ts";
import { RootHashJob } from "./hash-job.ts";
import type { KeySpace } from "./key-space.ts";
import { KeyWriter } from "./key-writer.ts";
import { IndexCursor } from "./range-cursor.ts";
import { IndexMeasure } from "./range-measure.ts";
import { rebuildIndex } from "./restore.ts";
import type { HashJob, KvStore, KvStoreOptions, PutAgain } from "./store.ts";
import type { RangeCursor, RangeMeasure, ReadView } from "./store.ts";
import { Views } from "./views.ts";

/**
 * Opens the key space in `options.backend`: rebuilds the index from its `key` bucket in one pass,
 * unless it is given, and takes up an unfinished compaction (do `compactStep`). Throws
 * DamagedStoreError when the stored changes cannot be.
 */
export function openStore(options: KvStoreOptions): KvStore {
  return new IndexedStore(options);
}

/** Every key there is. */
function allKeys(): KeyRange {
  return { key: newSpan(Uint8Array.of(0)), end: newSpan(Uint8Array.of(0)) };
}

class IndexedStore implements KvStore, KeySpace {
  readonly backend: Backend;
  readonly index: KeyIndex;
  readonly #writer: KeyWriter;
  readonly #views = new Views();
  readonly #compaction: Compaction;
  readonly #onPublish: ((revision: number, changes: number) => void) | null;
  readonly #key = newSpan();
  #currentRevision = FIRST_REVISION;
  #keyCount: number;
  #isWriting = false;

  constructor(options: KvStoreOptions) {
    const { backend, onLeaseChange } = options;
    this.backend = backend;
    const marks = readCompactionMarks(backend);
    const { scheduled } = marks;
    const restored = options.restored ?? rebuildIndex(backend, options.hashSeed, scheduled);
    this.index = restored.index;
    this.#writer = new KeyWriter(backend, this.index, onLeaseChange ?? null);
    this.#compaction = new Compaction(backend, this.index, this.#views, marks);
    this.#onPublish = options.onPublish ?? null;
    this.#currentRevision = Math.max(FIRST_REVISION, restored.lastMain, scheduled);
    this.#keyCount = this.index.liveCount;
  }

  get currentRevision(): number {
    return this.#currentRevision;
  }

  get compactRevision(): number {
    return this.#compaction.scheduled;
  }

  get readRevision(): number {
    return this.#isWriting ? this.#currentRevision + 1 : this.#currentRevision;
  }

  get removedBelow(): number {
    return this.#compaction.removedBelow;
  }

  get pendingChanges(): number {
    return this.#isWriting ? this.#writer.changes : 0;
  }

  get finishedCompactRevision(): number {
    return this.#compaction.finished;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  get indexBytes(): number {
    return this.index.capacityBytes;
  }

  get indexBytesInUse(): number {
    return this.index.inUseBytes;
  }

  checkRevision(revision: number): RevisionError | null {
    if (revision > this.#currentRevision) return "future";
    return revision < this.compactRevision ? "compacted" : null;
  }

  find(key: ByteSpan, atRevision: number, out: KeyState): boolean {
    const record = this.index.find(key);
    return record !== 0 && this.index.stateAt(record, atRevision, out);
  }

  readKeyValue(state: KeyState, out: ByteSpan): boolean {
    return this.backend.getChange(state.modRevision, state.sub, out);
  }

  readChange(revision: number, sub: number, out: ByteSpan): "put" | "tombstone" | null {
    if (!this.backend.getChange(revision, sub, out)) return null;
    readKeyOf(out, this.#key);
    // A put always has revisions behind the key.
    return this.#key.end === out.end ? "tombstone" : "put";
  }

  keyOf(keyId: number, out: ByteSpan): void {
    this.index.keyOf(keyId, out);
  }

  newChangeCursor(): ChangeCursor {
    return this.backend.changes();
  }

  newCursor(): RangeCursor {
    return new IndexCursor(this);
  }

  newMeasure(): RangeMeasure {
    return new IndexMeasure(this);
  }

  openView(revision: number, nowMs: number): ReadView | RevisionError {
    return this.checkRevision(revision) ?? this.#views.add(revision, nowMs, () => undefined);
  }

  expireViews(nowMs: number): number {
    return this.#views.expire(nowMs);
  }

  begin(): number {
    assert(!this.#isWriting, "mvcc: a write is open");
    assert(this.#currentRevision < Number.MAX_SAFE_INTEGER, "mvcc: no revision left");
    this.#isWriting = true;
    this.#writer.begin(this.#currentRevision + 1);
    return this.#currentRevision + 1;
  }

  put(key: ByteSpan, value: ByteSpan, lease: bigint): void {
    assert(this.#isWriting, "mvcc: no write is open");
    this.#writer.put(key, value, lease);
  }

  putAgain(key: ByteSpan, again: PutAgain): boolean {
    assert(this.#isWriting, "mvcc: no write is open");
    return this.#writer.putAgain(key, again);
  }

  delete(key: ByteSpan): boolean {
    assert(this.#isWriting, "mvcc: no write is open");
    return this.#writer.delete(key);
  }

  deleteRange(range: KeyRange, keysMax: number): number {
    assert(this.#isWriting, "mvcc: no write is open");
    return this.#writer.deleteRange(range, keysMax);
  }

  end(): number {
    assert(this.#isWriting, "mvcc: no write is open");
    this.#isWriting = false;
    const { changes } = this.#writer;
    if (changes === 0) return this.#currentRevision;
    this.#currentRevision += 1;
    this.#keyCount = this.index.liveCount;
    if (this.#onPublish !== null) this.#onPublish(this.#currentRevision, changes);
    return this.#currentRevision;
  }

  compact(revision: number): RevisionError | null {
    assert(!this.#isWriting, "mvcc: a write is open");
    if (revision <= this.compactRevision) return "compacted";
    if (revision > this.#currentRevision) return "future";
    this.#compaction.schedule(revision);
    return null;
  }

  compactStep(keysMax: number): "idle" | "working" | "waiting" {
    return this.#compaction.step(keysMax);
  }

  compactedHash(revision: number): CompactedHash | null {
    return this.#compaction.hashes.at(revision);
  }

  newHash(revision: number, nowMs: number): HashJob {
    const error = this.checkRevision(revision);
    assert(error === null, "mvcc: hash of an unreadable revision");
    const root = this.backend.openRoot();
    const view = this.#views.add(revision, nowMs, () => root.close());
    const live = this.newCursor();
    live.open(allKeys(), revision);
    const { compactRevision } = this;
    return new RootHashJob({ index: this.index, root, view, live, compactRevision });
  }

  maintain(maxBytes: number): boolean {
    return this.index.reclaim(maxBytes);
  }
}
