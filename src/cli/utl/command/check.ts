import { checkImage, type CheckStage } from "../../../storage/restore/image-check.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { type Command, type Invocation, textFlag } from "../command-line.ts";
import { openLocked } from "../open-database.ts";
import { formatOf, reportText } from "../print/print.ts";
import { Progress } from "../progress.ts";

/** What is shown of a stage. */
const STAGE_TEXTS: Readonly<Record<CheckStage, string>> = {
  digest: "computing the digest",
  pages: "checking pages",
  contents: "reading revisions",
};

async function run({ args, flags, world }: Invocation): Promise<number> {
  const path = args[0]!;
  const format = formatOf(textFlag(flags, "write-out"));
  const file = await openLocked(world, { path, timeoutMs: flags.durationMs("timeout") });
  const progress = new Progress(world);
  const { disk, newDigest } = world;
  try {
    const onProgress = (stage: CheckStage, done: number, total: number): void =>
      progress.show(STAGE_TEXTS[stage], done, total);
    const report = checkImage({ disk, file, path, newDigest, onProgress });
    progress.end();
    world.out(reportText(path, report, format));
    const count = report.problems.length;
    if (count === 0) return Exit.ok;
    const what = count === 1 ? "1 problem" : `${count} problems`;
    throw new ToolError(Exit.error, `${path} has ${what}: use another snapshot, or another member`);
  } finally {
    progress.end();
    disk.closeSync(file);
  }
}

/** `check FILE`, which etcdutl does not have. */
export const CHECK: Command = {
  name: "check",
  args: "<filename>",
  summary: "Lists all that is wrong with a snapshot or a database file",
  argCount: 1,
  run,
};
