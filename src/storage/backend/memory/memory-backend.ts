import { assert } from "../../../base/assert.ts";
import type { ByteSpan } from "../../../base/span.ts";
import { PLAIN_BUCKETS } from "../backend.ts";
import type { Backend, BackendReader, BackendRoot, BucketCursor } from "../backend.ts";
import type { ChangeBatch, ChangeCursor, ChangeId, PlainBucket } from "../backend.ts";
import { ChangeLog, LogCursor, PRESENT } from "./change-log.ts";
import type { Horizon } from "./change-log.ts";
import { PackedBucket, PackedCursor, readEntry } from "./packed-bucket.ts";
import type { PageSource } from "./packed-bucket.ts";

/** A revision key with its separator, as the file would store it; what `pendingBytes` counts. */
const REVISION_KEY_BYTES = 17;

/**
 * A Backend without a file: the twin of the file engine, and the engine of members that keep
 * nothing. Values are outside the garbage-collected heap. A commit is durable at once, as far as
 * this engine can tell: it ends with the process.
 */
export function openMemoryBackend(): Backend {
  return new MemoryBackend();
}

class MemoryBackend implements Backend {
  readonly #log = new ChangeLog();
  readonly #buckets = new Map<PlainBucket, PackedBucket>();
  #durableBatch = 0;
  #pendingOps = 0;
  #pendingBytes = 0;
  readonly #id = { main: 0, sub: 0 };

  constructor() {
    for (const name of PLAIN_BUCKETS) this.#buckets.set(name, new PackedBucket());
  }

  get durableBatch(): number {
    return this.#durableBatch;
  }

  get pendingOps(): number {
    return this.#pendingOps;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get sizeBytes(): number {
    return this.#log.capacityBytes + this.#plainBytes();
  }

  get sizeInUseBytes(): number {
    return this.#log.liveBytes + this.#plainBytes();
  }

  get(bucket: PlainBucket, key: Uint8Array, out: ByteSpan): boolean {
    return readEntry(this.#bucket(bucket).pages, key, out);
  }

  cursor(bucket: PlainBucket): BucketCursor {
    return new PackedCursor(this.#bucket(bucket));
  }

  getChange(main: number, sub: number, out: ByteSpan): boolean {
    this.#id.main = main;
    this.#id.sub = sub;
    return this.#log.get(PRESENT, this.#id, out);
  }

  getChanges(batch: ChangeBatch): number {
    return this.#log.getMany(PRESENT, batch);
  }

  changes(): ChangeCursor {
    return new LogCursor(this.#log, PRESENT);
  }

  put(bucket: PlainBucket, key: Uint8Array, value: Uint8Array): void {
    this.#bucket(bucket).put(key, value);
    this.#wrote(key.length + value.length);
  }

  delete(bucket: PlainBucket, key: Uint8Array): boolean {
    const isDeleted = this.#bucket(bucket).delete(key);
    if (isDeleted) this.#wrote(key.length);
    return isDeleted;
  }

  appendChange(change: ChangeId, valueBytes: number, out: ByteSpan): void {
    this.#log.append(change, valueBytes, out);
    this.#wrote(REVISION_KEY_BYTES + valueBytes);
  }

  deleteChange(main: number, sub: number): boolean {
    const valueBytes = this.#log.delete(main, sub);
    if (valueBytes < 0) return false;
    this.#wrote(REVISION_KEY_BYTES);
    return true;
  }

  commit(): number {
    this.#pendingOps = 0;
    this.#pendingBytes = 0;
    this.#durableBatch += 1;
    return this.#durableBatch;
  }

  openRoot(): BackendRoot {
    return new MemoryRoot(this.#log, this.#buckets);
  }

  maintain(maxBytes: number): boolean {
    return this.#log.maintain(maxBytes);
  }

  #bucket(name: PlainBucket): PackedBucket {
    const bucket = this.#buckets.get(name);
    assert(bucket !== undefined, "backend: unknown bucket");
    return bucket;
  }

  #wrote(bytes: number): void {
    this.#pendingOps += 1;
    this.#pendingBytes += bytes;
  }

  #plainBytes(): number {
    let bytes = 0;
    for (const bucket of this.#buckets.values()) bytes += bucket.usedBytes;
    return bytes;
  }
}

class MemoryRoot implements BackendRoot, BackendReader {
  readonly #log: ChangeLog;
  readonly #horizon: Horizon;
  readonly #frozen = new Map<PlainBucket, PageSource>();

  constructor(log: ChangeLog, buckets: Map<PlainBucket, PackedBucket>) {
    this.#log = log;
    this.#horizon = log.openRoot();
    for (const [name, bucket] of buckets) {
      this.#frozen.set(name, { pages: bucket.freeze(), version: 0 });
    }
  }

  get(bucket: PlainBucket, key: Uint8Array, out: ByteSpan): boolean {
    return readEntry(this.#source(bucket).pages, key, out);
  }

  cursor(bucket: PlainBucket): BucketCursor {
    return new PackedCursor(this.#source(bucket));
  }

  getChange(main: number, sub: number, out: ByteSpan): boolean {
    return this.#log.get(this.#horizon, { main, sub }, out);
  }

  getChanges(batch: ChangeBatch): number {
    return this.#log.getMany(this.#horizon, batch);
  }

  changes(): ChangeCursor {
    return new LogCursor(this.#log, this.#horizon);
  }

  close(): void {
    this.#log.closeRoot(this.#horizon);
  }

  #source(bucket: PlainBucket): PageSource {
    const source = this.#frozen.get(bucket);
    assert(source !== undefined, "backend: unknown bucket");
    return source;
  }
}
