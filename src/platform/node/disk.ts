import * as fs from "node:fs";
import { assert, unreachable } from "../../base/assert.ts";
import { DiskError } from "../disk.ts";
import type { Disk, DiskDone, DiskOp, FileId, LockKind, OpenOptions } from "../disk.ts";
import { DiskBuffers } from "./disk/buffers.ts";
import { DiskChannel } from "./disk/channel.ts";
import { tryLock } from "./disk/lock.ts";
import { allocate, attempt, posixCode, syncDirectory, writeAll } from "./disk/posix.ts";
import { Code } from "./disk/ring.ts";
import type { FailureMessage } from "./disk/ring.ts";

interface OpenFile {
  readonly fd: number;
  readonly path: string;
  /** A list that closes it was submitted: the descriptor's number may be another file's soon. */
  closing: boolean;
}

const OPERATION: Readonly<Record<DiskOp["op"], string>> = {
  write: "write",
  sync: "fdatasync",
  truncate: "truncate",
  allocate: "allocate",
  rename: "rename",
  unlink: "unlink",
  syncDir: "fsync directory",
  close: "close",
};

/**
 * The machine's file system: blocking calls here, lists on one thread of its own (not libuv's pool,
 * where password hashing would delay the log). When that thread dies, everything fails with EIO.
 */
export class NodeDisk implements Disk {
  readonly #files = new Map<FileId, OpenFile>();
  readonly #channel = new DiskChannel();
  readonly #buffers = new DiskBuffers((message) => this.#channel.sendBuffer(message));
  #nextFile = 1;

  sharedBuffer(sizeBytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(sizeBytes));
  }

  submit(ops: readonly DiskOp[], done: DiskDone): void {
    let staged: Uint8Array[] | null = null;
    for (const op of ops) {
      if (op.op !== "write") {
        this.#channel.push(this.#encode(op));
        continue;
      }
      const { fd } = this.#open(op.file);
      if (op.bytes.buffer instanceof SharedArrayBuffer) {
        const id = this.#buffers.idOf(op.bytes.buffer);
        const base = op.bytes.byteOffset;
        this.#channel.push([Code.write, fd, id, base + op.start, base + op.end, op.offset]);
      } else {
        const copy = this.#buffers.stage(op.bytes, op.start, op.end);
        (staged ??= []).push(copy);
        const id = this.#buffers.idOf(copy.buffer as SharedArrayBuffer);
        this.#channel.push([Code.write, fd, id, 0, op.end - op.start, op.offset]);
      }
    }
    this.#channel.endList((failure) => {
      if (staged !== null) for (const copy of staged) this.#buffers.recycle(copy);
      const error = failure === null ? null : this.#errorOf(failure, ops);
      this.#settleCloses(ops, failure?.step ?? ops.length);
      done(error);
    });
  }

  openSync(path: string, options: OpenOptions): FileId {
    const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;
    const flags =
      (options.write === true ? O_RDWR : O_RDONLY) |
      (options.create === true ? O_CREAT : 0) |
      (options.exclusive === true ? O_EXCL : 0);
    const fd = attempt("open", path, () => fs.openSync(path, flags, 0o600));
    const file = this.#nextFile++;
    this.#files.set(file, { fd, path, closing: false });
    return file;
  }

  closeSync(file: FileId): void {
    const { fd, path } = this.#open(file);
    this.#files.delete(file);
    attempt("close", path, () => fs.closeSync(fd));
  }

  readSync(
    file: FileId,
    target: Uint8Array,
    offset: number,
    start = 0,
    end = target.length,
  ): number {
    const { fd, path } = this.#open(file);
    let at = start;
    try {
      while (at < end) {
        const got = fs.readSync(fd, target, at, end - at, offset + at - start);
        if (got === 0) break;
        at += got;
      }
    } catch (error) {
      throw new DiskError(posixCode(error), path, "read");
    }
    return at - start;
  }

  writeSync(file: FileId, bytes: Uint8Array, offset: number): void {
    const { fd, path } = this.#open(file);
    attempt("write", path, () => writeAll(fd, bytes, { start: 0, end: bytes.length, offset }));
  }

  syncSync(file: FileId): void {
    const { fd, path } = this.#open(file);
    attempt("fdatasync", path, () => fs.fdatasyncSync(fd));
  }

  truncateSync(file: FileId, lengthBytes: number): void {
    const { fd, path } = this.#open(file);
    attempt("truncate", path, () => fs.ftruncateSync(fd, lengthBytes));
  }

  allocateSync(file: FileId, lengthBytes: number): void {
    const { fd, path } = this.#open(file);
    attempt("allocate", path, () => allocate(fd, lengthBytes));
  }

  sizeSync(file: FileId): number {
    const { fd, path } = this.#open(file);
    return attempt("stat", path, () => fs.fstatSync(fd).size);
  }

  existsSync(path: string): boolean {
    return fs.existsSync(path);
  }

  freeBytesSync(path: string): number {
    try {
      const { bavail, bsize } = fs.statfsSync(path);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  capacityBytesSync(path: string): number {
    try {
      const { blocks, bsize } = fs.statfsSync(path);
      return blocks * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  listSync(path: string): string[] {
    const names = attempt("list", path, () => fs.readdirSync(path, { encoding: "buffer" }));
    return names.toSorted((a, b) => a.compare(b)).map((name) => name.toString());
  }

  mkdirSync(path: string): void {
    attempt("mkdir", path, () => fs.mkdirSync(path, { recursive: true, mode: 0o700 }));
  }

  renameSync(from: string, to: string): void {
    attempt("rename", from, () => fs.renameSync(from, to));
  }

  unlinkSync(path: string): void {
    attempt("unlink", path, () => fs.unlinkSync(path));
  }

  removeTreeSync(path: string): void {
    attempt("remove", path, () => fs.rmSync(path, { recursive: true, force: true }));
  }

  syncDirSync(path: string): void {
    attempt("fsync directory", path, () => syncDirectory(path));
  }

  tryLockSync(file: FileId, kind: LockKind = "flock"): boolean {
    const { fd, path } = this.#open(file);
    return attempt("lock", path, () => tryLock(fd, kind, path));
  }

  /**
   * Finishes the lists that were submitted, ends the thread, closes what is open (which frees all
   * locks); then calls `closed`. Nothing may be submitted afterwards.
   */
  close(closed: () => void): void {
    this.#channel.close(() => {
      for (const { fd } of this.#files.values()) fs.closeSync(fd);
      this.#files.clear();
      closed();
    });
  }

  #open(file: FileId): OpenFile {
    const open = this.#files.get(file);
    assert(open !== undefined && !open.closing, `file ${file} is not open`);
    return open;
  }

  /** Files whose close came before step `failed` are closed; the others stay open. */
  #settleCloses(ops: readonly DiskOp[], failed: number): void {
    for (let i = 0; i < ops.length; i++) {
      const op = ops[i];
      if (op.op !== "close") continue;
      const file = this.#files.get(op.file);
      if (i < failed) this.#files.delete(op.file);
      else if (file !== undefined) file.closing = false;
    }
  }

  #errorOf(failure: FailureMessage, ops: readonly DiskOp[]): DiskError {
    const op = ops[failure.step];
    if (op === undefined) return new DiskError(failure.code, "", "disk thread");
    return new DiskError(failure.code, this.#pathOf(op), OPERATION[op.op]);
  }

  #pathOf(op: DiskOp): string {
    if (op.op === "rename") return op.from;
    return "path" in op ? op.path : (this.#files.get(op.file)?.path ?? "");
  }

  #encode(op: Exclude<DiskOp, { op: "write" }>): number[] {
    switch (op.op) {
      case "sync":
        return [Code.sync, this.#open(op.file).fd];
      case "close": {
        const file = this.#open(op.file);
        file.closing = true;
        return [Code.close, file.fd];
      }
      case "truncate":
        return [Code.truncate, this.#open(op.file).fd, op.lengthBytes];
      case "allocate":
        return [Code.allocate, this.#open(op.file).fd, op.lengthBytes];
      case "rename":
        return [Code.rename, ...units(op.from), ...units(op.to)];
      case "unlink":
        return [Code.unlink, ...units(op.path)];
      case "syncDir":
        return [Code.syncDir, ...units(op.path)];
      default:
        return unreachable(op);
    }
  }
}

/** A string as words: its length, then its UTF-16 units. */
function units(text: string): number[] {
  return [text.length, ...Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))];
}
