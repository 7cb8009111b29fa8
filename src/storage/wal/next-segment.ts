import { DiskError } from "../../platform/disk.ts";
import type { Disk, DiskOp, FileId } from "../../platform/disk.ts";
import { lockSegment } from "./lock.ts";
import { WalError } from "./types.ts";

/**
 * Zeros are written ahead of the log in steps of this size, each synced by itself: about a
 * millisecond of the disk thread. Written zeros make every later sync cheaper (docs/wal.md).
 */
export const GROW_BYTES = 512 * 1024;

/** How far ahead of the log a segment is kept filled with zeros. */
export const AHEAD_BYTES = 4 * 1024 * 1024;

/** A segment that is written, or the next one under its temporary name. */
export interface GrowingSegment {
  readonly file: FileId;
  readonly path: string;
  /** Zeros are there up to here. */
  allocatedBytes: number;
  /** The device has no room for zeros ahead; the writes themselves will tell. */
  full: boolean;
}

/**
 * Prepares room on the disk thread, between batches: zeros ahead in the current segment, and the
 * next segment's file, so that a cut waits for nothing.
 */
export class SegmentPreparer {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #onFailure: (error: DiskError) => void;
  #next: GrowingSegment | null = null;
  #busy = false;
  /** It is tried once more when it is needed, and that failure is reported. */
  #cannotCreate = false;
  #count = 0;

  constructor(options: {
    disk: Disk;
    dir: string;
    segmentBytes: number;
    onFailure: (error: DiskError) => void;
  }) {
    this.#disk = options.disk;
    this.#dir = options.dir;
    this.#segmentBytes = options.segmentBytes;
    this.#onFailure = options.onFailure;
  }

  /** Does at most one step; to be called after each batch. `offset`: how far the log has come. */
  step(current: GrowingSegment, offset: number): void {
    if (this.#busy) return;
    if (this.#grow(current, offset)) return;
    if (offset < this.#segmentBytes / 2 || this.#cannotCreate) return;
    try {
      this.#next ??= this.#create();
    } catch (error) {
      if (!(error instanceof DiskError || error instanceof WalError)) throw error;
      this.#cannotCreate = true;
      return;
    }
    this.#grow(this.#next, 0);
  }

  /** The next segment's file, locked, under its temporary name; made now if it is not there. */
  take(): GrowingSegment {
    const next = this.#next ?? this.#create();
    this.#next = null;
    this.#cannotCreate = false;
    return next;
  }

  /** What removes the file that was prepared and is not needed. */
  discard(): DiskOp[] {
    if (this.#next === null) return [];
    const { file, path } = this.#next;
    this.#next = null;
    return [
      { op: "close", file },
      { op: "unlink", path },
    ];
  }

  #grow(segment: GrowingSegment, offset: number): boolean {
    const { file, allocatedBytes } = segment;
    const wanted = Math.min(this.#segmentBytes, offset + AHEAD_BYTES);
    if (segment.full || allocatedBytes >= wanted) return false;
    const lengthBytes = Math.min(this.#segmentBytes, Math.max(allocatedBytes, offset) + GROW_BYTES);
    this.#busy = true;
    this.#disk.submit([{ op: "allocate", file, lengthBytes }], (error) => {
      if (error === null) segment.allocatedBytes = lengthBytes;
      else if (error.code === "ENOSPC" || error.code === "EDQUOT") segment.full = true;
      else this.#onFailure(error);
    });
    // A list of its own: no room for zeros is no harm, but a sync that failed always is.
    this.#disk.submit([{ op: "sync", file }], (error) => {
      this.#busy = false;
      if (error !== null) this.#onFailure(error);
    });
    return true;
  }

  /** Names rise: those before may not be renamed yet. @throws WalError, DiskError. */
  #create(): GrowingSegment {
    const path = `${this.#dir}/${this.#count++}.tmp`;
    const file = this.#disk.openSync(path, { write: true, create: true, exclusive: true });
    lockSegment(this.#disk, file, path);
    return { file, path, allocatedBytes: 0, full: false };
  }
}
