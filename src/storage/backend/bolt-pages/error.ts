/** What is wrong with a database file. */
export type BoltErrorCode =
  /** Not a database, or both of its meta pages are damaged. */
  | "invalid"
  /** Written by a version of the format that nobody has published yet. */
  | "version"
  /** A page contradicts itself or those that lead to it. */
  | "damaged"
  /** The file is shorter than its meta page says. */
  | "truncated"
  /** Another process has it open. */
  | "locked";

/** A database file cannot be read. Says which file, which page, what is wrong and what to do. */
export class BoltError extends Error {
  override readonly name = "BoltError";
  readonly code: BoltErrorCode;
  readonly file: string;
  /** Number of the page; -1 when it is about the whole file. */
  readonly page: number;
  /** Byte offset in the file; -1 when it is about the whole file. */
  readonly offset: number;
  readonly remedy: string;

  constructor(about: {
    readonly code: BoltErrorCode;
    readonly message: string;
    readonly file: string;
    readonly page?: number;
    readonly pageBytes?: number;
    readonly remedy?: string;
  }) {
    const page = about.page ?? -1;
    const offset = page >= 0 && about.pageBytes !== undefined ? page * about.pageBytes : -1;
    const place = page >= 0 ? `, page ${page} at byte ${offset}` : "";
    const remedy = about.remedy ?? RESTORE;
    super(`${about.message} (${about.file}${place}). ${remedy}`);
    this.code = about.code;
    this.file = about.file;
    this.page = page;
    this.offset = offset;
    this.remedy = remedy;
  }
}

const RESTORE =
  "Restore the member from a snapshot, or remove it from the cluster and add it again.";
