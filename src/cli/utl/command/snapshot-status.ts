import { checkDatabase } from "../../../storage/backend/bolt-pages/check.ts";
import { CountedPages } from "../../../storage/restore/counted-pages.ts";
import { ImageError } from "../../../storage/restore/image.ts";
import { imageStatus, type ImageStatus } from "../../../storage/restore/image-status.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { type Command, type Invocation, textFlag } from "../command-line.ts";
import { openLocked } from "../open-database.ts";
import { formatOf, statusText } from "../print/print.ts";
import { Progress } from "../progress.ts";
import type { World } from "../world.ts";

/** @throws ImageError in etcd's words when pages are not what they should be. */
function statusOf(world: World, file: number, path: string): ImageStatus {
  const progress = new Progress(world);
  const pagesOf = (what: string): CountedPages =>
    new CountedPages(world.disk, file, path, (done, total) => progress.show(what, done, total));
  try {
    const { problems } = checkDatabase(pagesOf("checking pages"));
    if (problems.length > 0) {
      const found = `${problems.length} errors found.\n${problems.join("\n")}`;
      throw new ImageError(`snapshot file integrity check failed. ${found}`);
    }
    return imageStatus(pagesOf("reading pages"));
  } finally {
    progress.end();
  }
}

async function run({ args, flags, world }: Invocation): Promise<number> {
  const [path] = args;
  if (path === undefined || args.length !== 1) {
    throw new ToolError(Exit.badArgs, "snapshot status requires exactly one argument");
  }
  const file = await openLocked(world, { path, timeoutMs: flags.durationMs("timeout") });
  try {
    // As etcdutl: a missing file is told of first.
    const format = formatOf(textFlag(flags, "write-out"));
    world.out(statusText(statusOf(world, file, path), format));
  } finally {
    world.disk.closeSync(file);
  }
  return Exit.ok;
}

/** `snapshot status FILE`. */
export const STATUS: Command = {
  name: "status",
  args: "<filename>",
  summary: "Shows hash, revision, number of keys, size and version of a snapshot",
  run,
};
