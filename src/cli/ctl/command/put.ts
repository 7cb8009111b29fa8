import type { PutOptions } from "../../../client/index.ts";
import type { Command, Invocation } from "../command-tree.ts";
import type { FlagSet, FlagSpec } from "../../common/flags.ts";
import { parseInt64 } from "../../go/go-number.ts";
import { goQuote } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import { rawBytes } from "./key-args.ts";
import { errorText, withSession } from "./session.ts";

/** Flags of `put`, also inside of transactions. */
export const PUT_FLAGS: readonly FlagSpec[] = [
  { name: "lease", type: "string", fallback: "0", usage: "lease to attach, in hexadecimal" },
  { name: "prev-kv", type: "bool", fallback: "false", usage: "show what the key held before" },
  { name: "ignore-value", type: "bool", fallback: "false", usage: "keep the value the key has" },
  { name: "ignore-lease", type: "bool", fallback: "false", usage: "keep the lease the key has" },
];

const MISSING = "put command needs 1 argument and input from stdin or 2 arguments";

/** A write as the flags say it. @throws ToolError in etcdctl's words and order. */
export async function putOperation(
  args: readonly string[],
  flags: FlagSet,
  io: Io,
): Promise<{ key: Uint8Array; value: Uint8Array; options: PutOptions }> {
  const [key, given] = args;
  if (key === undefined) throw new ToolError(Exit.badArgs, MISSING);
  const ignoreValue = flags.flag("ignore-value");
  if (ignoreValue && given !== undefined) {
    const text = "put command needs only 1 argument when 'ignore-value' is set";
    throw new ToolError(Exit.badArgs, text);
  }
  let value = "";
  if (!ignoreValue) {
    value = given ?? (await io.readAll());
    if (given === undefined && value === "") throw new ToolError(Exit.badArgs, MISSING);
  }
  const leaseText = flags.text("lease");
  const lease = parseInt64(leaseText, 16, goQuote(leaseText));
  if ("error" in lease) {
    throw new ToolError(Exit.badArgs, `bad lease ID (${lease.error}), expecting ID in Hex`);
  }
  const options = {
    lease: lease.value,
    prevKv: flags.flag("prev-kv"),
    ignoreValue,
    ignoreLease: flags.flag("ignore-lease"),
  };
  return { key: rawBytes(key), value: rawBytes(value), options };
}

async function runPut(invocation: Invocation): Promise<number> {
  const { args, flags, io } = invocation;
  const { key, value, options } = await putOperation(args, flags, io);
  return withSession(invocation, async ({ printer, timeoutMs, client }) => {
    try {
      printer.put(await (await client()).kv.put(key, value, { ...options, timeoutMs }));
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError(Exit.error, errorText(error));
    }
    return Exit.ok;
  });
}

/** `put`. */
export const PUT: Command = {
  name: "put",
  args: "[options] <key> <value> (without <value>: standard input)",
  summary: "Stores a value under a key",
  group: "Key-value commands",
  flags: PUT_FLAGS,
  run: runPut,
};
