import { ops } from "../../../client/index.ts";
import type { Condition, Op } from "../../../client/index.ts";
import type { Command, Invocation } from "../command-tree.ts";
import { FlagSet, HelpRequest, UsageError } from "../../common/flags.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import { DEL_FLAGS, delOperation } from "./del.ts";
import { GET_FLAGS, getOperation } from "./get.ts";
import { PUT_FLAGS, putOperation } from "./put.ts";
import { errorText, withSession } from "./session.ts";
import { parseCompare, splitWords } from "./txn-language.ts";

const REQUESTS = ["del", "get", "put"] as const;
const REQUEST_FLAGS = { del: DEL_FLAGS, get: GET_FLAGS, put: PUT_FLAGS };

/** The request a word names, possibly shortened. */
function requestKind(word: string): (typeof REQUESTS)[number] | undefined {
  const fitting = REQUESTS.filter((name) => name.startsWith(word));
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** One line of the requests of a transaction. @throws ToolError in etcdctl's words. */
export async function parseRequest(line: string, io: Io): Promise<Op> {
  const [word, ...rest] = splitWords(line);
  if (word === undefined || rest.length === 0) {
    throw new ToolError(Exit.badInput, `invalid txn compare request: ${line}`);
  }
  const invalid = new ToolError(Exit.badInput, `invalid txn request: ${line}`);
  const kind = requestKind(word);
  if (kind === undefined) throw invalid;
  const flags = new FlagSet(REQUEST_FLAGS[kind]);
  let args: string[];
  try {
    args = flags.parse(rest);
  } catch (error) {
    if (error instanceof UsageError || error instanceof HelpRequest) throw invalid;
    throw error;
  }
  if (kind === "get") {
    const { key, options } = getOperation(args, flags);
    return ops.get(key, options);
  }
  if (kind === "put") {
    const { key, value, options } = await putOperation(args, flags, {
      ...io,
      // Standard input is the transaction itself: no value can come from there.
      readAll: () => Promise.resolve(""),
    });
    return ops.put(key, value, options);
  }
  const { key, options } = await delOperation(args, flags, io);
  return ops.delete(key, options);
}

/** Lines up to an empty one, each read by `parse`. @throws ToolError when the input ends before. */
async function readBlock<T>(io: Io, parse: (line: string) => T | Promise<T>): Promise<T[]> {
  const items: T[] = [];
  for (;;) {
    const line = await io.readLine();
    if (line === null) throw new ToolError(Exit.badInput, "EOF");
    const trimmed = line.trim();
    if (trimmed === "") return items;
    items.push(await parse(trimmed));
  }
}

async function runTxn(invocation: Invocation): Promise<number> {
  const { args, flags, io } = invocation;
  if (args.length !== 0) {
    throw new ToolError(Exit.badArgs, "txn command does not accept argument");
  }
  const prompt = (text: string): void => {
    if (flags.flag("interactive")) io.out(`${text}\n`);
  };
  return withSession(invocation, async ({ printer, client }) => {
    prompt("compares:");
    const conditions: Condition[] = await readBlock(io, parseCompare);
    prompt("success requests (get, put, del):");
    const success = await readBlock(io, (line) => parseRequest(line, io));
    prompt("failure requests (get, put, del):");
    const failure = await readBlock(io, (line) => parseRequest(line, io));
    try {
      printer.txn(await (await client()).kv.runTxn({ compare: conditions, success, failure }));
    } catch (error) {
      if (error instanceof ToolError) throw error;
      throw new ToolError(Exit.error, errorText(error));
    }
    return Exit.ok;
  });
}

/** `txn`. */
export const TXN: Command = {
  name: "txn",
  args: "[options]",
  summary: "Runs a transaction read from standard input: comparisons, then two lists of requests",
  group: "Key-value commands",
  flags: [
    {
      name: "interactive",
      short: "i",
      type: "bool",
      fallback: "false",
      usage: "say what is to be typed next",
    },
  ],
  run: runTxn,
};
