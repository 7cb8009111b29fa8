import { assert } from "../../base/assert.ts";
import { DiskError } from "../../platform/disk.ts";
import type { DiskOp, FileId } from "../../platform/disk.ts";
import type { Entry, HardState } from "../../raft/types.ts";
import { encodeSnapshot, encodeState } from "./codec.ts";
import { RecordType, segmentName } from "./format.ts";
import type { SegmentName } from "./format.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Run } from "./frame-writer.ts";
import { SegmentPreparer } from "./next-segment.ts";
import type { GrowingSegment } from "./next-segment.ts";
import { PENDING_BYTES_MAX, SEGMENT_BYTES } from "./types.ts";
import type { Wal, WalOptions, WalSnapshot } from "./types.ts";

/** Commit-only records wait for the next sync in memory up to so many bytes (as in etcd). */
const UNSYNCED_BYTES_MAX = 128 * 1024;

/** One segment of the directory; `file` is null once it is released (unlocked). */
export interface HeldSegment extends SegmentName {
  file: FileId | null;
}

/** Where a log that was created or read is continued. */
export interface WriterStart {
  readonly metadata: Uint8Array;
  readonly hardState: HardState | null;
  readonly lastIndex: number;
  /** All of the directory, oldest first; the last one is written. */
  readonly segments: HeldSegment[];
  /** End of the log in the last segment, its size, and the chain value there. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly crc: number;
}

/**
 * Group commit: records are framed when they are saved; one list at a time is with the disk thread,
 * and everything framed meanwhile makes the next.
 *
 * Invariants: records reach the file in the order of the calls; `#ops` followed by the frames not
 * taken yet is exactly what comes after the list in flight; a ticket is durable only when the list
 * with its last record, the sync after it and, behind a cut, the rename and its directory sync are.
 */
export class WalWriter implements Wal {
  readonly #options: WalOptions;
  readonly #segmentBytes: number;
  readonly #pendingBytesMax: number;
  readonly #metadata: Uint8Array;
  readonly #frames: FrameWriter;
  readonly #preparer: SegmentPreparer;
  readonly #segments: HeldSegment[];
  #current: GrowingSegment;
  #state: HardState = { term: 0, vote: 0n, commit: 0 };
  #lastIndex: number;
  /** What the next list begins with; frames not taken yet come after. */
  #ops: DiskOp[] = [];
  /** Something was written in `#ops`, or in a list before, without a sync behind it. */
  #dirty = false;
  /** Runs named by `#ops`. */
  #runs: Run[] = [];
  #ticket = 0;
  #durable = 0;
  #pendingBytes = 0;
  /** Bytes saved since the last list was taken. */
  #gatheredBytes = 0;
  #inFlight = false;
  #flushWanted = false;
  #failure: Error | null = null;
  #closing: ((error: Error | null) => void) | null = null;

  constructor(options: WalOptions, start: WriterStart) {
    const { disk, dir } = options;
    const last = start.segments.at(-1)!;
    assert(last.file !== null, "the last segment is open");
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#pendingBytesMax = options.pendingBytesMax ?? PENDING_BYTES_MAX;
    this.#metadata = start.metadata;
    this.#state = start.hardState ?? this.#state;
    this.#lastIndex = start.lastIndex;
    this.#segments = start.segments;
    this.#current = {
      file: last.file,
      path: `${dir}/${last.name}`,
      allocatedBytes: start.sizeBytes,
      full: false,
    };
    this.#frames = new FrameWriter(disk, start);
    this.#preparer = new SegmentPreparer({
      disk,
      dir,
      segmentBytes: this.#segmentBytes,
      onFailure: (error) => this.#fail(error),
    });
  }

  save(hardState: HardState | null, entries: readonly Entry[]): number {
    assert(this.#closing === null, "save after close");
    assert(!this.isFull(), "save into a full log");
    if (this.#failure !== null) return Number.MAX_SAFE_INTEGER;
    const before = this.#frames.offset;
    for (let i = 0; i < entries.length; i++) this.#frames.entry(entries[i]);
    if (entries.length > 0) this.#lastIndex = entries[entries.length - 1].index;
    const mustSync = this.#saveState(hardState) || entries.length > 0;
    return this.#saved(before, mustSync);
  }

  saveSnapshot(snapshot: WalSnapshot): number {
    assert(this.#closing === null, "save after close");
    const { index, confState } = snapshot;
    assert(index === 0 || confState !== null, "a snapshot record needs its configuration");
    if (this.#failure !== null) return Number.MAX_SAFE_INTEGER;
    const before = this.#frames.offset;
    this.#frames.record(RecordType.snapshot, encodeSnapshot(snapshot));
    this.#lastIndex = Math.max(this.#lastIndex, index);
    return this.#saved(before, true);
  }

  flush(): void {
    if (this.#inFlight) this.#flushWanted = true;
    else this.#start();
  }

  durableTicket(): number {
    return this.#durable;
  }

  pendingBytes(): number {
    return this.#pendingBytes;
  }

  isFull(): boolean {
    return this.#pendingBytes >= this.#pendingBytesMax;
  }

  release(index: number): void {
    const keep = this.#segments.findLastIndex((segment) => segment.index < index);
    for (let i = 0; i < keep; i++) {
      const segment = this.#segments[i];
      if (segment.file === null) continue;
      // Behind operations that still name the file.
      this.#takeFrames();
      this.#ops.push({ op: "close", file: segment.file });
      segment.file = null;
    }
    this.flush();
  }

  purge(segmentsMax: number): void {
    if (segmentsMax === 0 || this.#failure !== null) return;
    const { disk, dir } = this.#options;
    while (this.#segments.length > segmentsMax && this.#segments[0].file === null) {
      const { name } = this.#segments.shift()!;
      // A list of its own: a file that cannot be removed is no reason to stop.
      disk.submit([{ op: "unlink", path: `${dir}/${name}` }], () => {});
    }
  }

  close(done: (error: Error | null) => void): void {
    assert(this.#closing === null, "closed twice");
    this.#closing = done;
    this.flush();
  }

  /** True when term or vote changed, so that the state must be durable before it is acted on. */
  #saveState(next: HardState | null): boolean {
    if (next === null) return false;
    const last = this.#state;
    const voted = next.term !== last.term || next.vote !== last.vote;
    if (!voted && next.commit === last.commit) return false;
    if (next.term === 0 && next.vote === 0n && next.commit === 0) return false;
    this.#state = next;
    this.#frames.record(RecordType.state, encodeState(next));
    return voted;
  }

  #saved(before: number, mustSync: boolean): number {
    const bytes = this.#frames.offset - before;
    this.#pendingBytes += bytes;
    this.#gatheredBytes += bytes;
    if (mustSync) this.#ticket++;
    if (this.#frames.offset >= this.#segmentBytes) this.#cut();
    return this.#ticket;
  }

  /** Ends the segment: what follows is framed for the next one, whose head begins here. */
  #cut(): void {
    const { dir } = this.#options;
    let next: GrowingSegment;
    try {
      next = this.#preparer.take();
    } catch (error) {
      this.#failSoon(error as Error);
      return;
    }
    this.#takeFrames();
    const old = this.#current.file;
    this.#ops.push({ op: "truncate", file: old, lengthBytes: this.#frames.offset });
    this.#pushSync(old);
    this.#frames.startSegment();
    this.#current = next;
    this.#frames.crcRecord();
    this.#frames.record(RecordType.metadata, this.#metadata);
    if (this.#state.term !== 0) this.#frames.record(RecordType.state, encodeState(this.#state));
    this.#pendingBytes += this.#frames.offset;
    this.#gatheredBytes += this.#frames.offset;
    this.#takeFrames();
    this.#pushSync(next.file);
    const sequence = this.#segments.at(-1)!.sequence + 1;
    const index = this.#lastIndex + 1;
    const name = segmentName(sequence, index);
    this.#ops.push({ op: "rename", from: next.path, to: `${dir}/${name}` });
    this.#ops.push({ op: "syncDir", path: dir });
    this.#segments.push({ name, sequence, index, file: next.file });
  }

  #pushSync(file: FileId): void {
    this.#dirty = false;
    if (this.#options.unsafeNoFsync !== true) this.#ops.push({ op: "sync", file });
  }

  /** Turns the frames gathered for the current segment into writes at the end of `#ops`. */
  #takeFrames(): void {
    const { file } = this.#current;
    for (const run of this.#frames.takeRuns()) {
      const { bytes, start, end, offset } = run;
      this.#runs.push(run);
      if (end === start) continue;
      this.#ops.push({ op: "write", file, bytes, start, end, offset });
      this.#dirty = true;
    }
  }

  #start(): void {
    if (this.#failure !== null) {
      this.#finishClose();
      return;
    }
    const mustSync = this.#ticket > this.#durable;
    const wanted =
      mustSync ||
      this.#ops.length > 0 ||
      this.#closing !== null ||
      this.#gatheredBytes >= UNSYNCED_BYTES_MAX;
    if (!wanted) return;
    this.#takeFrames();
    if (this.#dirty && (mustSync || this.#closing !== null)) this.#pushSync(this.#current.file);
    if (this.#ops.length === 0) {
      this.#finishClose();
      return;
    }
    this.#submit();
  }

  #submit(): void {
    const { disk, clock, observer } = this.#options;
    const ops = this.#ops;
    const runs = this.#runs;
    const ticket = this.#ticket;
    const bytes = this.#gatheredBytes;
    const startMs = clock.monotonicMs();
    this.#ops = [];
    this.#runs = [];
    this.#gatheredBytes = 0;
    this.#flushWanted = false;
    this.#inFlight = true;
    disk.submit(ops, (error) => {
      this.#inFlight = false;
      if (error !== null) {
        this.#fail(error);
        return;
      }
      if (this.#failure !== null) {
        this.#finishClose();
        return;
      }
      for (const run of runs) this.#frames.recycle(run);
      this.#pendingBytes -= bytes;
      observer?.written(bytes);
      observer?.synced(clock.monotonicMs() - startMs);
      this.#completed(ticket);
    });
  }

  #completed(ticket: number): void {
    const rose = ticket > this.#durable;
    this.#durable = ticket;
    this.#preparer.step(this.#current, this.#frames.offset);
    // The next batch goes first: what the callback saves would only delay it.
    if (this.#flushWanted) this.#start();
    if (rose) this.#options.onDurable(ticket);
    if (this.#closing !== null && !this.#inFlight) this.#finishClose();
  }

  /** The log makes nothing durable any more; told once, of the first failure. */
  #fail(error: Error): void {
    if (this.#failure !== null) {
      this.#finishClose();
      return;
    }
    this.#failure = error;
    this.#ops = [];
    this.#runs = [];
    const { onFailure, dir } = this.#options;
    onFailure(error instanceof DiskError ? error : new DiskError("EIO", dir, error.message));
    this.#finishClose();
  }

  /** A failure found inside a call is reported as if the disk had. */
  #failSoon(error: Error): void {
    this.#options.disk.submit([], () => this.#fail(error));
  }

  #finishClose(): void {
    const done = this.#closing;
    if (done === null || this.#inFlight) return;
    const { disk } = this.#options;
    const ops = this.#preparer.discard();
    for (const segment of this.#segments) {
      if (segment.file !== null) ops.push({ op: "close", file: segment.file });
      segment.file = null;
    }
    if (ops.length === 0) return;
    disk.submit(ops, (error) => done(this.#failure ?? error));
  }
}
