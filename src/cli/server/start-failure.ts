import { diskFault } from "../../member/disk-fault.ts";
import { StartError } from "../../member/start-error.ts";
import { DiskError } from "../../platform/disk.ts";

/** A failed start in words: what happened, and what the operator can do about it. */
export interface StartFailure {
  readonly message: string;
  /** Empty when the message says it. */
  readonly remedy: string;
}

/** Explains what the start was rejected with. */
export function explainStartFailure(error: unknown): StartFailure {
  if (error instanceof StartError) return { message: error.message, remedy: error.remedy };
  if (error instanceof DiskError) {
    const { kind, remedy } = diskFault(error);
    return { message: kind === "other" ? error.message : `${error.message} (${kind})`, remedy };
  }
  return { message: error instanceof Error ? error.message : String(error), remedy: "" };
}
