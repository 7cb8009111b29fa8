import { DamagedStoreError } from "../../mvcc/store/restore.ts";
import { DiskError } from "../../platform/disk.ts";
import { BoltError } from "../../storage/backend/bolt-pages/error.ts";
import { DamagedDatabaseError } from "../../storage/restore/defragment.ts";
import { ImageError } from "../../storage/restore/image.ts";
import { SchemaError } from "../../storage/schema/error.ts";
import { WalError } from "../../storage/wal/wal.ts";

/** What the system's errors are called in etcd's messages (Go's texts). */
const SYSTEM_TEXTS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "file exists",
  EIO: "input/output error",
  EISDIR: "is a directory",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
};

/** What can be done about a snapshot that cannot be read. */
const TAKE_ANOTHER = "Use another snapshot; `skeinutl check` lists what is wrong with this one.";

/**
 * What the user is told of an expected failure, etcd's words first; null for anything else, which
 * is a bug.
 */
export function failureText(error: unknown): string | null {
  if (error instanceof DiskError) return diskText(error);
  if (error instanceof BoltError) {
    if (error.code === "locked") return error.message;
    return `${error.message.slice(0, -error.remedy.length).trimEnd()} ${TAKE_ANOTHER}`;
  }
  const isOurs =
    error instanceof ImageError ||
    error instanceof SchemaError ||
    error instanceof WalError ||
    error instanceof DamagedStoreError ||
    error instanceof DamagedDatabaseError;
  return isOurs ? error.message : null;
}

/** As Go says it: `open /x: no such file or directory`. */
export function diskText({ code, message }: DiskError): string {
  const text = SYSTEM_TEXTS[code];
  return text === undefined ? message : `${message.slice(0, -code.length)}${text}`;
}
