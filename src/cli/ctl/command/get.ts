import type { KeyValue, RangeOptions, RangeResult } from "../../../client/index.ts";
import type { Kv } from "../../../client/index.ts";
import type { Command, Invocation } from "../command-tree.ts";
import type { FlagSet, FlagSpec } from "../../common/flags.ts";
import { goQuote } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { checkRangeFlags, keyBytes, saturated } from "./key-args.ts";
import { errorText, withSession } from "./session.ts";

const REVISION_FILTERS: readonly FlagSpec[] = [
  ["min-create-rev", "leave out keys created before this revision"],
  ["max-create-rev", "leave out keys created after this revision"],
  ["min-mod-rev", "leave out keys last changed before this revision"],
  ["max-mod-rev", "leave out keys last changed after this revision"],
].map(([name, usage]) => ({
  name: name as string,
  usage: usage as string,
  type: "int64",
  fallback: "0",
}));

/** Flags of `get`, also inside of transactions. */
export const GET_FLAGS: readonly FlagSpec[] = [
  {
    name: "consistency",
    type: "string",
    fallback: "l",
    usage: "l (linearizable: newest) or s (serializable: what the member has)",
  },
  { name: "order", type: "string", fallback: "", usage: "ASCEND or DESCEND" },
  {
    name: "sort-by",
    type: "string",
    fallback: "",
    usage: "CREATE, KEY, MODIFY, VALUE or VERSION",
  },
  { name: "limit", type: "int64", fallback: "0", usage: "show so many keys at most" },
  { name: "prefix", type: "bool", fallback: "false", usage: "all keys that begin with the key" },
  { name: "from-key", type: "bool", fallback: "false", usage: "all keys from the key on" },
  { name: "rev", type: "int64", fallback: "0", usage: "as things were at this revision" },
  { name: "keys-only", type: "bool", fallback: "false", usage: "leave out the values" },
  { name: "count-only", type: "bool", fallback: "false", usage: "only count the keys" },
  {
    name: "print-value-only",
    type: "bool",
    fallback: "false",
    usage: "show values without keys (simple output)",
  },
  ...REVISION_FILTERS,
  { name: "stream", type: "bool", fallback: "false", usage: "get the answer piece by piece" },
];

const ORDERS = { ASCEND: "ascend", DESCEND: "descend", "": "none" } as const;
const TARGETS = {
  CREATE: "create",
  KEY: "key",
  MODIFY: "mod",
  VALUE: "value",
  VERSION: "version",
  "": "key",
} as const;

/** Whether `--consistency` allows a stale answer. @throws ToolError when it is neither l nor s. */
export function isSerializable(given: string, shown: string): boolean {
  if (given === "s") return true;
  if (given === "l") return false;
  throw new ToolError(Exit.badFeature, `unknown consistency flag ${goQuote(shown)}`);
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A read as the flags say it. @throws ToolError for contradictions, in etcdctl's words. */
export function getOperation(
  args: readonly string[],
  flags: FlagSet,
): { readonly key: Uint8Array; readonly options: RangeOptions } {
  if (args.length === 0) {
    const text = "get command needs one argument as key and an optional argument as range_end";
    throw new ToolError(Exit.badArgs, text);
  }
  checkRangeFlags(flags);
  if (flags.flag("keys-only") && flags.flag("count-only")) {
    const text = "`--keys-only` and `--count-only` cannot be set at the same time, choose one";
    throw new ToolError(Exit.badArgs, text);
  }
  const consistency = flags.text("consistency");
  const options: Writable<RangeOptions> = {
    serializable: isSerializable(consistency, consistency),
    keysOnly: flags.flag("keys-only"),
    countOnly: flags.flag("count-only"),
  };
  const selection = keyBytes(args, flags);
  options.limit = saturated(flags.number("limit"));
  const revision = flags.number("rev");
  if (revision > 0n) options.revision = saturated(revision);
  const order = flags.text("order").toUpperCase();
  if (!(order in ORDERS)) {
    throw new ToolError(Exit.badFeature, `bad sort order ${flags.text("order")}`);
  }
  options.sortOrder = ORDERS[order as keyof typeof ORDERS];
  const target = flags.text("sort-by").toUpperCase();
  if (!(target in TARGETS)) {
    throw new ToolError(Exit.badFeature, `bad sort target ${flags.text("sort-by")}`);
  }
  options.sortTarget = TARGETS[target as keyof typeof TARGETS];
  addFilters(options, flags);
  return { key: selection.key, options: { ...options, ...selection.range } };
}

function addFilters(options: Writable<RangeOptions>, flags: FlagSet): void {
  const bound = (kind: "Create" | "Mod"): void => {
    const lower = flags.number(`min-${kind.toLowerCase()}-rev`);
    const upper = flags.number(`max-${kind.toLowerCase()}-rev`);
    if (lower > 0n) options[`min${kind}Revision`] = saturated(lower);
    if (upper <= 0n) return;
    if (lower > upper) {
      const text = `getMin${kind}Rev(=${lower}) > getMax${kind}Rev(=${upper})`;
      throw new ToolError(Exit.badFeature, text);
    }
    options[`max${kind}Revision`] = saturated(upper);
  };
  bound("Create");
  bound("Mod");
}

/** The pieces of a streamed read as one answer. */
async function collected(
  kv: Kv,
  key: Uint8Array,
  options: RangeOptions & { readonly timeoutMs: number },
): Promise<RangeResult> {
  const kvs: KeyValue[] = [];
  let header: RangeResult["header"] = { clusterId: 0n, memberId: 0n, revision: 0, raftTerm: 0 };
  let [more, count] = [false, 0];
  for await (const chunk of kv.rangeStream(key, options)) {
    for (const each of chunk.kvs) kvs.push(each);
    header = chunk.header ?? header;
    more ||= chunk.more;
    count = Math.max(count, chunk.count);
  }
  return { header, kvs, more, count };
}

async function runGet(invocation: Invocation): Promise<number> {
  const { args, flags } = invocation;
  const { key, options } = getOperation(args, flags);
  const valueOnly = flags.flag("print-value-only");
  return withSession(
    invocation,
    async ({ printer, timeoutMs, client }) => {
      let result: RangeResult;
      try {
        const { kv } = await client();
        const how = { ...options, timeoutMs };
        result = flags.flag("stream") ? await collected(kv, key, how) : await kv.range(key, how);
      } catch (error) {
        if (error instanceof ToolError) throw error;
        throw new ToolError(Exit.error, errorText(error));
      }
      const format = flags.text("write-out");
      if (flags.flag("count-only") && format !== "fields") {
        throw new ToolError(Exit.badArgs, "--count-only is only for `--write-out=fields`");
      }
      if (valueOnly && format !== "simple") {
        throw new ToolError(Exit.badArgs, "print-value-only is only for `--write-out=simple`");
      }
      printer.get(result);
      return Exit.ok;
    },
    { valueOnly },
  );
}

/** `get`. */
export const GET: Command = {
  name: "get",
  args: "[options] <key> [range_end]",
  summary: "Shows a key or a range of keys",
  group: "Key-value commands",
  flags: GET_FLAGS,
  run: runGet,
};
