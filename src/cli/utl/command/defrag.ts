import { defragment } from "../../../storage/restore/defragment.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { humanBytes } from "../../../base/units.ts";
import { type Command, type Invocation, textFlag } from "../command-line.ts";
import { failureText } from "../failure.ts";
import { logInfo } from "../log.ts";
import { openLocked } from "../open-database.ts";
import { Progress } from "../progress.ts";
import type { World } from "../world.ts";

async function defragDirectory(world: World, dataDir: string, timeoutMs: number): Promise<void> {
  const path = `${dataDir.replace(/\/+$/, "")}/member/snap/db`;
  const { disk } = world;
  const file = await openLocked(world, { path, timeoutMs, write: true });
  const progress = new Progress(world);
  try {
    const { bytesBefore, bytesAfter } = defragment({
      disk,
      file,
      path,
      onProgress: (stage, done, total) =>
        progress.show(stage === "copy" ? "copying" : "checking the copy", done, total),
    });
    progress.end();
    logInfo(world, "finished defragmenting directory", {
      path,
      "current-db-size-bytes-diff": bytesAfter - bytesBefore,
      "current-db-size-bytes": bytesAfter,
      "current-db-size": humanBytes(bytesAfter),
    });
  } finally {
    progress.end();
    disk.closeSync(file);
  }
}

async function run({ flags, world }: Invocation): Promise<number> {
  const dataDir = textFlag(flags, "data-dir");
  try {
    await defragDirectory(world, dataDir, flags.durationMs("timeout"));
    return Exit.ok;
  } catch (error) {
    const text = error instanceof ToolError ? error.message : failureText(error);
    if (text === null) throw error;
    throw new ToolError(Exit.error, `Failed to defragment etcd data[${dataDir}] (${text})`);
  }
}

/** `defrag --data-dir DIR`. */
export const DEFRAG: Command = {
  name: "defrag",
  summary: "Gives the free space of a stopped member's database back to the file system",
  flags: [{ name: "data-dir", type: "string", fallback: "", usage: "the member's data directory" }],
  required: ["data-dir"],
  run,
};
