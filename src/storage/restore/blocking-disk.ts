import { unreachable } from "../../base/assert.ts";
import { DiskError } from "../../platform/disk.ts";
import type { Disk, DiskDone, DiskOp, FileId, LockKind, OpenOptions } from "../../platform/disk.ts";

/**
 * A disk for tools that do one thing after the other: lists run inside of `submit`, on this thread,
 * and their completions are delivered by `settle`. What is written for a member (backend, log,
 * snapshot files) so works without an event loop. All else is the other disk's.
 */
export class BlockingDisk implements Disk {
  readonly #disk: Disk;
  #completions: (() => void)[] = [];

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Delivers what was submitted so far, and what is submitted meanwhile. */
  settle(): void {
    while (this.#completions.length > 0) {
      const due = this.#completions;
      this.#completions = [];
      for (const complete of due) complete();
    }
  }

  submit(ops: readonly DiskOp[], done: DiskDone): void {
    let failure: DiskError | null = null;
    try {
      for (const op of ops) this.#perform(op);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      failure = error;
    }
    this.#completions.push(() => done(failure));
  }

  sharedBuffer(sizeBytes: number): Uint8Array {
    return new Uint8Array(sizeBytes);
  }

  openSync(path: string, options: OpenOptions): FileId {
    return this.#disk.openSync(path, options);
  }

  closeSync(file: FileId): void {
    this.#disk.closeSync(file);
  }

  readSync(...read: Parameters<Disk["readSync"]>): number {
    return this.#disk.readSync(...read);
  }

  writeSync(file: FileId, bytes: Uint8Array, offset: number): void {
    this.#disk.writeSync(file, bytes, offset);
  }

  syncSync(file: FileId): void {
    this.#disk.syncSync(file);
  }

  truncateSync(file: FileId, lengthBytes: number): void {
    this.#disk.truncateSync(file, lengthBytes);
  }

  allocateSync(file: FileId, lengthBytes: number): void {
    this.#disk.allocateSync(file, lengthBytes);
  }

  sizeSync(file: FileId): number {
    return this.#disk.sizeSync(file);
  }

  existsSync(path: string): boolean {
    return this.#disk.existsSync(path);
  }

  freeBytesSync(path: string): number {
    return this.#disk.freeBytesSync(path);
  }

  capacityBytesSync(path: string): number {
    return this.#disk.capacityBytesSync(path);
  }

  listSync(path: string): string[] {
    return this.#disk.listSync(path);
  }

  mkdirSync(path: string): void {
    this.#disk.mkdirSync(path);
  }

  renameSync(from: string, to: string): void {
    this.#disk.renameSync(from, to);
  }

  unlinkSync(path: string): void {
    this.#disk.unlinkSync(path);
  }

  removeTreeSync(path: string): void {
    this.#disk.removeTreeSync(path);
  }

  syncDirSync(path: string): void {
    this.#disk.syncDirSync(path);
  }

  tryLockSync(file: FileId, kind?: LockKind): boolean {
    return this.#disk.tryLockSync(file, kind);
  }

  #perform(op: DiskOp): void {
    switch (op.op) {
      case "write":
        return this.#disk.writeSync(op.file, op.bytes.subarray(op.start, op.end), op.offset);
      case "sync":
        return this.#disk.syncSync(op.file);
      case "truncate":
        return this.#disk.truncateSync(op.file, op.lengthBytes);
      case "allocate":
        return this.#disk.allocateSync(op.file, op.lengthBytes);
      case "rename":
        return this.#disk.renameSync(op.from, op.to);
      case "unlink":
        return this.#disk.unlinkSync(op.path);
      case "syncDir":
        return this.#disk.syncDirSync(op.path);
      case "close":
        return this.#disk.closeSync(op.file);
      default:
        return unreachable(op);
    }
  }
}
