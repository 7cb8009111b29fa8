import type { DiskError } from "../platform/disk.ts";

/** Faults of a disk that an operator handles in different ways. */
export type DiskFaultKind = "no space" | "read-only" | "I/O error" | "no access" | "other";

/** A fault of the disk in words. */
export interface DiskFault {
  readonly kind: DiskFaultKind;
  /** What the operator can do; empty when the message says it. */
  readonly remedy: string;
}

const OTHER: DiskFault = { kind: "other", remedy: "" };
const NO_SPACE: DiskFault = {
  kind: "no space",
  remedy: "Make room on that disk and start again: everything acknowledged is there.",
};
const NO_ACCESS: DiskFault = {
  kind: "no access",
  remedy: "Give this user the right to read and write there, or choose another with --data-dir.",
};

const FAULTS: Readonly<Record<string, DiskFault>> = {
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EROFS: {
    kind: "read-only",
    remedy:
      "The file system is read-only, by its mount or after a fault that the kernel logged: " +
      "repair and remount it, or choose another place with --data-dir.",
  },
  EIO: {
    kind: "I/O error",
    remedy:
      "The device failed; the kernel's log says how. Start again when it works: what was " +
      "acknowledged before is checked then. Else replace it and restore the member.",
  },
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
  ENOTDIR: {
    kind: "other",
    remedy: "Something on that path is a file; choose another with --data-dir.",
  },
  EMFILE: { kind: "other", remedy: "Raise the limit of open files (ulimit -n)." },
};

/** Tells the faults of a disk apart. */
export function diskFault(error: DiskError): DiskFault {
  return FAULTS[error.code] ?? OTHER;
}
