import type { DeleteOptions } from "../../../client/index.ts";
import type { Command, Invocation } from "../command-tree.ts";
import type { FlagSet, FlagSpec } from "../../common/flags.ts";
import { goQuote } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import { checkRangeFlags, keyBytes } from "./key-args.ts";
import { errorText, withSession } from "./session.ts";

/** Flags of `del`, also inside of transactions. */
export const DEL_FLAGS: readonly FlagSpec[] = [
  { name: "prefix", type: "bool", fallback: "false", usage: "all keys that begin with the key" },
  { name: "prev-kv", type: "bool", fallback: "false", usage: "show what was deleted" },
  { name: "from-key", type: "bool", fallback: "false", usage: "all keys from the key on" },
  { name: "range", type: "bool", fallback: "false", usage: "yes, delete the range, do not wait" },
];

/** How long a range may still be saved when `--range` was not said. */
const SECOND_THOUGHTS_MS = 2000;

/** A deletion as the flags say it. @throws ToolError in etcdctl's words and order. */
export async function delOperation(
  args: readonly string[],
  flags: FlagSet,
  io: Io,
): Promise<{ key: Uint8Array; options: DeleteOptions }> {
  if (args.length === 0 || args.length > 2) {
    const text = "del command needs one argument as key and an optional argument as range_end";
    throw new ToolError(Exit.badArgs, text);
  }
  checkRangeFlags(flags);
  const { key, range } = keyBytes(args, flags);
  const [from, end] = args as [string, string | undefined];
  if (end !== undefined && !flags.flag("range")) {
    io.err(
      `Warning: Keys between ${goQuote(from)} and ${goQuote(end)} will be deleted. Please ` +
        "interrupt the command within next 2 seconds to cancel. You can provide `--range` flag " +
        "to avoid the delay.\n",
    );
    await io.sleep(SECOND_THOUGHTS_MS);
  }
  return { key, options: { ...range, prevKv: flags.flag("prev-kv") } };
}

async function runDel(invocation: Invocation): Promise<number> {
  const { args, flags, io } = invocation;
  const { key, options } = await delOperation(args, flags, io);
  return withSession(invocation, async ({ printer, timeoutMs, client }) => {
    try {
      printer.del(await (await client()).kv.delete(key, { ...options, timeoutMs }));
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError(Exit.error, errorText(error));
    }
    return Exit.ok;
  });
}

/** `del`. */
export const DEL: Command = {
  name: "del",
  args: "[options] <key> [range_end]",
  summary: "Deletes a key or the keys of [key, range_end)",
  group: "Key-value commands",
  flags: DEL_FLAGS,
  run: runDel,
};
