/** Names an open file; never reused while the disk lives. */
export type FileId = number;

/** POSIX names, so that a message can name them: ENOSPC, EIO, EROFS, ENOENT, EACCES, EEXIST … */
export class DiskError extends Error {
  override readonly name = "DiskError";
  readonly code: string;
  /** The path, or the file's path at open, that the failed operation named. */
  readonly path: string;

  constructor(code: string, path: string, operation: string) {
    super(`${operation} ${path}: ${code}`);
    this.code = code;
    this.path = path;
  }
}

/**
 * One step of a list. Offsets and lengths are bytes. `write` writes `bytes[start, end)` at `offset`
 * and, like `sync`, is done only when all of it is. `sync` is fdatasync: data and the size needed
 * to read it back. `syncDir` makes renames, creations and removals in a directory durable.
 * `allocate` extends the file with zeros to `lengthBytes` and reserves the space.
 */
export type DiskOp =
  | {
      readonly op: "write";
      readonly file: FileId;
      readonly bytes: Uint8Array;
      readonly start: number;
      readonly end: number;
      readonly offset: number;
    }
  | { readonly op: "sync"; readonly file: FileId }
  | { readonly op: "truncate"; readonly file: FileId; readonly lengthBytes: number }
  | { readonly op: "allocate"; readonly file: FileId; readonly lengthBytes: number }
  | { readonly op: "rename"; readonly from: string; readonly to: string }
  | { readonly op: "unlink"; readonly path: string }
  | { readonly op: "syncDir"; readonly path: string }
  | { readonly op: "close"; readonly file: FileId };

/**
 * Locks of one kind see each other only: "flock" is flock(2), which etcd takes on `snap/db`;
 * "record" is an open-file-description lock (F_OFD_SETLK), which it takes on log segments.
 */
export type LockKind = "flock" | "record";

/** `error` is that of the first operation that failed; those after it were not tried. */
export type DiskDone = (error: DiskError | null) => void;

/** How a file is opened; reading is always allowed. */
export interface OpenOptions {
  readonly write?: boolean;
  /** Create when missing, with mode 0600. */
  readonly create?: boolean;
  /** With create: fail with EEXIST when there. */
  readonly exclusive?: boolean;
}

/**
 * Files. Lists given to `submit` run on the member's disk thread, one after the other in the order
 * of submission, each until its first failure; completions are delivered on the caller's thread, in
 * the same order, never inside `submit`. The blocking calls are for start-up, for shutdown and for
 * small cached reads; they throw DiskError. A file whose sync failed must not be trusted again by
 * the caller.
 */
export interface Disk {
  /**
   * A zeroed buffer that `submit` hands to the disk thread without a copy. Bytes named by a
   * submitted write must stay unchanged until its list is done.
   */
  sharedBuffer(sizeBytes: number): Uint8Array;
  submit(ops: readonly DiskOp[], done: DiskDone): void;

  openSync(path: string, options: OpenOptions): FileId;
  closeSync(file: FileId): void;
  /**
   * Fills `target[start, end)`, by default all of it, with the bytes at `offset`; returns how many
   * there were, less only at the end of the file.
   */
  readSync(file: FileId, target: Uint8Array, offset: number, start?: number, end?: number): number;
  writeSync(file: FileId, bytes: Uint8Array, offset: number): void;
  syncSync(file: FileId): void;
  truncateSync(file: FileId, lengthBytes: number): void;
  allocateSync(file: FileId, lengthBytes: number): void;
  sizeSync(file: FileId): number;
  existsSync(path: string): boolean;
  /** Bytes that this user may still write beside `path`; Infinity where nobody knows. */
  freeBytesSync(path: string): number;
  /** Bytes of the whole file system that has `path`; Infinity where nobody knows. */
  capacityBytesSync(path: string): number;
  /** Names (not paths) in a directory, sorted bytewise. */
  listSync(path: string): string[];
  /** Creates the directory and its parents with mode 0700; no error when it is there. */
  mkdirSync(path: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  /** Removes a directory and all below it; no error when missing. */
  removeTreeSync(path: string): void;
  syncDirSync(path: string): void;
  /**
   * Takes an exclusive whole-file lock without waiting; false when somebody else holds it. Held
   * until close or the end of the process, however it ends. `kind` defaults to "flock". May take
   * milliseconds (a child process). ENOTSUP when the system has no such lock, ENOLCK when the
   * machine offers no way to take it.
   */
  tryLockSync(file: FileId, kind?: LockKind): boolean;
}
