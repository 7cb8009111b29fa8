/** Why a snapshot file, or the tree inside it, cannot be used. */
export type SnapErrorCode =
  /** No bytes, no data or checksum 0: a write that never finished. */
  | "empty"
  /** The checksum is not that of the data. */
  | "crc"
  /** Not the messages or the tree that it should be, or numbers out of range. */
  | "parse"
  /** More bytes than any etcd without v2 keys writes; nothing was read. */
  | "too-large";

/** A snapshot file that must not be used. Says which file, where, what is wrong and what to do. */
export class SnapError extends Error {
  override readonly name = "SnapError";
  readonly code: SnapErrorCode;
  /** The file's path as the caller named it; empty when the bytes have no file. */
  readonly file: string;
  /** Bytes from the start of the file; -1 when it is about the whole file. */
  readonly offset: number;
  /** One sentence: what the operator can do. */
  readonly remedy: string;

  constructor(about: {
    readonly code: SnapErrorCode;
    readonly message: string;
    readonly file: string;
    readonly offset?: number;
    readonly remedy?: string;
  }) {
    const offset = about.offset ?? -1;
    const place = about.file === "" ? "no file" : about.file;
    const at = offset < 0 ? place : `${place} at byte ${offset}`;
    const remedy = about.remedy ?? RESTORE;
    super(`snap: ${about.message} (${at}). ${remedy}`);
    this.code = about.code;
    this.file = about.file;
    this.offset = offset;
    this.remedy = remedy;
  }
}

const RESTORE =
  "An older snapshot is used if the log still reaches back to it; otherwise restore the member " +
  "from a backup, or remove it from the cluster and add it again.";
