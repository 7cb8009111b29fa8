import { DiskError } from "../../platform/disk.ts";
import type { FileId } from "../../platform/disk.ts";
import { ToolError, Exit } from "../common/exit.ts";
import type { World } from "./world.ts";

/** As bbolt tries again. */
const RETRY_MS = 50;
/** Machines without a way to lock, or file systems without locks. */
const NO_LOCKS: ReadonlySet<string> = new Set(["ENOTSUP", "ENOLCK"]);

/** A file and how it is opened. */
export interface OpenRequest {
  readonly path: string;
  /** The lock is waited for so long; 0 is for ever. */
  readonly timeoutMs: number;
  readonly write?: boolean;
}

/**
 * Opens a database or snapshot and takes its lock, so that no server writes to it meanwhile (bbolt
 * readers share theirs; ours is exclusive, two tools on one file wait for each other). A machine
 * that cannot lock is warned about, and for writing it is an error.
 * @throws ToolError when the lock is not to be had in time, DiskError.
 */
export async function openLocked(world: World, request: OpenRequest): Promise<FileId> {
  const { path, timeoutMs, write = false } = request;
  // In etcdutl's words, which looks first.
  if (!world.disk.existsSync(path)) throw new DiskError("ENOENT", path, "stat");
  const file = world.disk.openSync(path, { write });
  try {
    const deadlineMs = world.clock.monotonicMs() + (timeoutMs === 0 ? Infinity : timeoutMs);
    while (!tryLock(world, file, request)) {
      if (world.clock.monotonicMs() >= deadlineMs) throw lockedError(path);
      await world.sleep(RETRY_MS);
    }
    return file;
  } catch (error) {
    world.disk.closeSync(file);
    throw error;
  }
}

function tryLock(world: World, file: FileId, { path, write = false }: OpenRequest): boolean {
  try {
    return world.disk.tryLockSync(file, "flock");
  } catch (error) {
    if (write || !(error instanceof DiskError) || !NO_LOCKS.has(error.code)) throw error;
    world.err(`Warning: ${path} cannot be locked here: no server may use it meanwhile.\n`);
    return true;
  }
}

/** bbolt's word, then what to do. */
function lockedError(path: string): ToolError {
  const why = `${path} is locked by a server or another tool`;
  const what = "Stop it, wait longer (--timeout), or work on a snapshot (snapshot save)";
  return new ToolError(Exit.error, `timeout: ${why}. ${what}.`);
}
