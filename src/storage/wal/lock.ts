import { DiskError } from "../../platform/disk.ts";
import type { Disk, FileId } from "../../platform/disk.ts";
import { WalError } from "./types.ts";

/**
 * Takes the lock that etcd takes on a segment: an open-file-description lock, or flock where the
 * system has none. Not flock where only a tool is missing: the two do not see each other, and
 * another member may have the tool.
 * @throws WalError when another process has it, or when no lock can be had at all.
 */
export function lockSegment(disk: Disk, file: FileId, path: string): void {
  for (const kind of ["record", "flock"] as const) {
    try {
      if (disk.tryLockSync(file, kind)) return;
      throw new WalError({
        code: "locked",
        message: "wal: segment is locked by another process",
        file: path,
        offset: -1,
        remedy: "Stop the other member that uses this data directory.",
      });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      if (error.code === "ENOLCK") break;
      if (error.code !== "ENOTSUP") throw error;
    }
  }
  throw new WalError({
    code: "locked",
    message: "wal: this machine offers no way to lock a file",
    file: path,
    offset: -1,
    remedy: "Install perl, util-linux or the package fs-native-extensions.",
  });
}
