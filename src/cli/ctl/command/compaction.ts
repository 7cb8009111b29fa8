import type { Command, Invocation } from "../command-tree.ts";
import { parseInt64 } from "../../go/go-number.ts";
import { goQuote } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { saturated } from "./key-args.ts";
import { errorText, withSession } from "./session.ts";

async function runCompaction(invocation: Invocation): Promise<number> {
  const { args, flags, io } = invocation;
  const [given] = args;
  if (given === undefined || args.length !== 1) {
    throw new ToolError(Exit.badArgs, "compaction command needs 1 argument");
  }
  const revision = parseInt64(given, 10, goQuote(given));
  if ("error" in revision) throw new ToolError(Exit.error, revision.error);
  const physical = flags.flag("physical");
  return withSession(invocation, async ({ timeoutMs, client }) => {
    try {
      await (await client()).kv.compact(saturated(revision.value), { physical, timeoutMs });
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError(Exit.error, errorText(error));
    }
    io.out(`compacted revision ${revision.value}\n`);
    return Exit.ok;
  });
}

/** `compaction`. */
export const COMPACTION: Command = {
  name: "compaction",
  args: "[options] <revision>",
  summary: "Forgets the history before a revision",
  group: "Key-value commands",
  flags: [
    { name: "physical", type: "bool", fallback: "false", usage: "wait until the space is free" },
  ],
  run: runCompaction,
};
