import { StartError } from "../../member/start-error.ts";
import { DiskError } from "../../platform/disk.ts";

/** A failed start in words: what happened, and what the operator can do about it. */
export interface StartFailure {
  readonly message: string;
  /** Empty when the message says it. */
  readonly remedy: string;
}

const DISK_REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "Make room on that disk.",
  EACCES: "Give this user the right to read and write there, or choose another with --data-dir.",
  EPERM: "Give this user the right to read and write there, or choose another with --data-dir.",
  EROFS: "The file system is read-only; choose another place with --data-dir.",
  ENOTDIR: "Something on that path is a file; choose another with --data-dir.",
  EMFILE: "Raise the limit of open files (ulimit -n).",
};

/** Explains what the start was rejected with. */
export function explainStartFailure(error: unknown): StartFailure {
  if (error instanceof StartError) return { message: error.message, remedy: error.remedy };
  if (error instanceof DiskError) {
    return { message: error.message, remedy: DISK_REMEDIES[error.code] ?? "" };
  }
  return { message: error instanceof Error ? error.message : String(error), remedy: "" };
}
