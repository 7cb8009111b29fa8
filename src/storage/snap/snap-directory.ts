/** The files of `member/snap/` that belong to raft: everything but the database `db`. */
import { DiskError } from "../../platform/disk.ts";
import type { Disk, DiskDone, DiskOp, FileId } from "../../platform/disk.ts";
import {
  BROKEN_SUFFIX,
  DEFRAGMENTATION_PREFIX,
  parseSnapDatabaseName,
  parseSnapName,
  snapDatabaseName,
  snapName,
  TEMPORARY_PREFIX,
} from "./names.ts";
import type { SnapName } from "./names.ts";
import { SnapError } from "./snap-error.ts";
import { decodeSnapFile, encodeSnapFile, SNAP_FILE_BYTES_MAX } from "./snap-file.ts";
import type { SnapFile } from "./snap-file.ts";

/** How many files of each kind are kept (etcd's --max-snapshots; formats-disk.md 5.7, 14). */
export const SNAP_FILES_MAX = 5;

/** A file that was passed over because it could not be read. */
export interface BrokenSnap {
  /** Its path before it was moved aside. */
  readonly path: string;
  readonly error: SnapError | DiskError;
  /** Null when the rename failed: the file is still there and will be tried again. */
  readonly renamedTo: string | null;
}

/** What `SnapDirectory.loadNewest` found. */
export interface LoadedSnap {
  /** Null when no file qualifies. */
  readonly snapshot: SnapFile | null;
  /** Newest first; worth a warning each. */
  readonly broken: readonly BrokenSnap[];
}

/** A file being written: `ops` in one list make it durable under its name. */
export interface SnapWriting {
  /** Open on the temporary file; to be closed after the list, however that ended. */
  readonly file: FileId;
  readonly temporaryPath: string;
  readonly ops: readonly DiskOp[];
}

/** What etcd does as well when the medium, not the machine, refuses: the file is set aside. */
const UNREADABLE_CODES: ReadonlySet<string> = new Set(["EIO", "EISDIR"]);

/**
 * Snapshot files in a directory, as etcd keeps them (formats-disk.md 7, storage.md 3). One object
 * for a directory while anything is written there. Blocking calls throw DiskError; a directory that
 * is missing is empty.
 */
export class SnapDirectory {
  readonly #disk: Disk;
  /** Without a slash at the end. */
  readonly #dir: string;
  /** Of files begun: two of one name may be under way, and each needs a temporary of its own. */
  #begun = 0;

  /** `dir` as `<data>/member/snap`. */
  constructor(disk: Disk, dir: string) {
    this.#disk = disk;
    this.#dir = dir.replace(/\/+$/, "");
  }

  /**
   * Snapshots, newest (highest term, then index) first. As in etcd a listing also deletes
   * `db.tmp*`, which only an interrupted defragmentation leaves: not to be called while one runs.
   */
  list(): SnapName[] {
    this.#removeAll((name) => name.startsWith(DEFRAGMENTATION_PREFIX));
    return this.#snapNames().toReversed();
  }

  /**
   * The newest readable snapshot for which `isValid` holds (etcd: the log has a record of it).
   * Unreadable ones are renamed to `*.snap.broken` and the next older is tried; a rename that fails
   * is reported, not thrown. What a file says of itself counts, not its name.
   * @throws SnapError "too-large" before reading one; DiskError when files cannot be opened.
   */
  loadNewest(isValid: (index: number, term: number) => boolean): LoadedSnap {
    const broken: BrokenSnap[] = [];
    let snapshot: SnapFile | null = null;
    for (const { name } of this.list()) {
      const path = this.#path(name);
      try {
        const found = this.#read(path);
        if (!isValid(found.index, found.term)) continue;
        snapshot = found;
        break;
      } catch (error) {
        if (error instanceof DiskError && error.code === "ENOENT") continue;
        if (!isBroken(error)) throw error;
        broken.push({ path, error, renamedTo: this.#setAside(path) });
      }
    }
    if (broken.some(({ renamedTo }) => renamedTo !== null)) {
      attempt(() => this.#disk.syncDirSync(this.#dir));
    }
    return { snapshot, broken };
  }

  /**
   * Writes a snapshot; `done` gets null once the file and its name are durable, else the failure
   * (nothing, or a complete file that may not survive, is then under its name). Never calls `done`
   * inside. The log's record of it must come after.
   */
  save(snapshot: SnapFile, done: DiskDone): void {
    let writing: SnapWriting;
    try {
      writing = this.saveOps(snapshot);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#disk.submit([], () => done(error));
      return;
    }
    this.#disk.submit(writing.ops, (error) => {
      attempt(() => this.#disk.closeSync(writing.file));
      if (error !== null) attempt(() => this.#disk.unlinkSync(writing.temporaryPath));
      done(error);
    });
  }

  /**
   * The steps of `save`, for a caller that joins them with others; opens the temporary file. etcd
   * writes under the final name and leaves a torn file after a crash; here the name appears when
   * the bytes are durable, and replaces an older file of that name whole. The temporary name is
   * one that etcd deletes at its start, too.
   */
  saveOps(snapshot: SnapFile): SnapWriting {
    const bytes = encodeSnapFile(snapshot);
    const name = snapName(snapshot.term, snapshot.index);
    this.#begun += 1;
    const temporaryPath = this.#path(`${TEMPORARY_PREFIX}-${name}.${this.#begun}`);
    const file = this.#disk.openSync(temporaryPath, { write: true, create: true });
    const ops: readonly DiskOp[] = [
      { op: "truncate", file, lengthBytes: 0 },
      { op: "write", file, bytes, start: 0, end: bytes.length, offset: 0 },
      { op: "sync", file },
      { op: "rename", from: temporaryPath, to: this.#path(name) },
      { op: "syncDir", path: this.#dir },
    ];
    return { file, temporaryPath, ops };
  }

  /**
   * Deletions, oldest first, that leave the newest `filesMax` `.snap` and as many `.snap.db` files;
   * 0 keeps all. `inUse`, the snapshot that the log starts from, is kept in any case: newer files
   * may be orphans of crashes before the log's record.
   */
  purgeOps(
    inUse: { readonly term: number; readonly index: number } | null,
    filesMax = SNAP_FILES_MAX,
  ): DiskOp[] {
    const needed = inUse === null ? null : snapName(inUse.term, inUse.index);
    const snaps = this.#snapNames().map(({ name }) => name);
    const databases = this.#names().filter((name) => parseSnapDatabaseName(name) !== null);
    const surplus = [...oldest(snaps, filesMax), ...oldest(databases, filesMax)];
    return this.#unlinks(surplus.filter((name) => name !== needed));
  }

  /** Deletions of received databases below `index`, that of a snapshot now durable in the log. */
  staleDatabaseOps(index: number): DiskOp[] {
    const isStale = (name: string): boolean => (parseSnapDatabaseName(name) ?? index) < index;
    return this.#unlinks(this.#names().filter(isStale));
  }

  /** Where a database received at `index` lies, or is to lie. */
  databasePath(index: number): string {
    return this.#path(snapDatabaseName(index));
  }

  /**
   * Deletes `tmp*`: snapshots and databases that a crash caught half-written. For the start, before
   * anything is written or received.
   */
  removeTemporaries(): void {
    this.#removeAll((name) => name.startsWith(TEMPORARY_PREFIX));
  }

  #path(name: string): string {
    return `${this.#dir}/${name}`;
  }

  /** Bytewise ascending. */
  #names(): string[] {
    return this.#disk.existsSync(this.#dir) ? this.#disk.listSync(this.#dir) : [];
  }

  /** Oldest first. */
  #snapNames(): SnapName[] {
    return this.#names().flatMap((name) => parseSnapName(name) ?? []);
  }

  #removeAll(which: (name: string) => boolean): void {
    for (const name of this.#names().filter(which)) this.#disk.unlinkSync(this.#path(name));
  }

  #unlinks(names: readonly string[]): DiskOp[] {
    return names.map((name) => ({ op: "unlink", path: this.#path(name) }));
  }

  #read(path: string): SnapFile {
    const file = this.#disk.openSync(path, {});
    try {
      const size = this.#disk.sizeSync(file);
      if (size > SNAP_FILE_BYTES_MAX) throw tooLarge(path, size);
      const bytes = new Uint8Array(size);
      const read = this.#disk.readSync(file, bytes, 0);
      return decodeSnapFile(bytes.subarray(0, read), path);
    } finally {
      this.#disk.closeSync(file);
    }
  }

  #setAside(path: string): string | null {
    const to = `${path}${BROKEN_SUFFIX}`;
    return attempt(() => this.#disk.renameSync(path, to)) ? to : null;
  }
}

/** What to delete so that `filesMax` of `names`, ascending, are left. */
function oldest(names: readonly string[], filesMax: number): readonly string[] {
  return filesMax === 0 ? [] : names.slice(0, Math.max(0, names.length - filesMax));
}

function isBroken(error: unknown): error is SnapError | DiskError {
  if (error instanceof SnapError) return error.code !== "too-large";
  return error instanceof DiskError && UNREADABLE_CODES.has(error.code);
}

function tooLarge(file: string, size: number): SnapError {
  return new SnapError({
    code: "too-large",
    message: `${size} bytes are more than the ${SNAP_FILE_BYTES_MAX} that are read`,
    file,
    remedy: "Remove the v2 keys with the etcd that wrote it and let it write a new snapshot.",
  });
}

/** For steps whose failure changes nothing: false when the disk refused. */
function attempt(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return false;
  }
}
