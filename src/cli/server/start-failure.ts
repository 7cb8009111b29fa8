import { diskFault } from "../../member/disk-fault.ts";
import { StartError } from "../../member/start-error.ts";
import { DiskError } from "../../platform/disk.ts";
import { BoltError } from "../../storage/backend/bolt-pages/error.ts";

/** A failed start in words: what happened, and what the operator can do about it. */
export interface StartFailure {
  readonly message: string;
  /** Empty when the message says it. */
  readonly remedy: string;
}

/** Explains what the start was rejected with. */
export function explainStartFailure(error: unknown): StartFailure {
  if (error instanceof StartError) return { message: error.message, remedy: error.remedy };
  const fault = explainFault(error);
  if (fault !== null) return fault;
  return { message: error instanceof Error ? error.message : String(error), remedy: "" };
}

/**
 * Explains what reading a page of the database threw in the midst of work: the disk failed, or gave
 * back other bytes than were written. Null for every other error, which is a bug.
 */
export function explainFault(error: unknown): StartFailure | null {
  if (error instanceof BoltError) return { message: error.message, remedy: error.remedy };
  if (!(error instanceof DiskError)) return null;
  const { kind, remedy } = diskFault(error);
  return { message: kind === "other" ? error.message : `${error.message} (${kind})`, remedy };
}
