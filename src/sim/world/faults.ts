import type { DiskOp } from "../../platform/disk.ts";

/** What can be made to fail: operations of lists and their blocking twins, and a few more. */
export type FaultPoint = DiskOp["op"] | "open" | "read" | "mkdir" | "lock";

/** One planned failure. */
export interface Fault {
  /** Default: every operation that writes. */
  readonly op?: FaultPoint;
  /** Only when the path contains this. */
  readonly path?: string;
  /** Matching calls that are let through first; default 0. */
  readonly after?: number;
  /** How many then fail; default 1. */
  readonly times?: number;
  /** POSIX name, e.g. EIO, ENOSPC, EROFS. */
  readonly code: string;
}

const READING: ReadonlySet<FaultPoint> = new Set(["read", "open", "close", "lock"]);

/** The failures planned for one disk. */
export class FaultPlan {
  #faults: { fault: Fault; seen: number }[] = [];
  /** Every writing operation fails with EROFS. */
  readOnly = false;
  /** Calls that failed as planned. */
  hits = 0;

  add(fault: Fault): void {
    this.#faults.push({ fault, seen: 0 });
  }

  clear(): void {
    this.#faults = [];
    this.readOnly = false;
  }

  /** The code with which this call must fail, or null. Counts the call. */
  check(op: FaultPoint, path: string): string | null {
    if (this.readOnly && !READING.has(op)) return "EROFS";
    let code: string | null = null;
    for (const entry of this.#faults) {
      const { fault } = entry;
      if (fault.op === undefined ? READING.has(op) : fault.op !== op) continue;
      if (fault.path !== undefined && !path.includes(fault.path)) continue;
      const at = entry.seen++ - (fault.after ?? 0);
      if (at >= 0 && at < (fault.times ?? 1)) code ??= fault.code;
    }
    if (code !== null) this.hits += 1;
    return code;
  }
}
