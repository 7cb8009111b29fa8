import { FlagSet, HelpRequest, UsageError } from "../common/flags.ts";
import type { FlagSpec } from "../common/flags.ts";
import { helpText, usageText } from "./help.ts";
import type { Io } from "./io.ts";

/** What a running command gets. */
export interface Invocation {
  readonly args: readonly string[];
  /** Global flags, those of the parent groups and the command's own. */
  readonly flags: FlagSet;
  readonly io: Io;
}

/** A command or a group of commands. Names are unique among siblings. */
export interface Command {
  readonly name: string;
  /** Arguments as shown in the usage line, e.g. `<key> [range_end]`. */
  readonly args?: string;
  readonly summary: string;
  /** Heading under which the root lists it. */
  readonly group?: string;
  readonly flags?: readonly FlagSpec[];
  /** Flags that its subcommands accept too. */
  readonly sharedFlags?: readonly FlagSpec[];
  /** Global flags are left out of help. */
  readonly hideSharedFlags?: boolean;
  readonly children?: readonly Command[];
  /** Takes whatever it is given, unread: it will not run anyway. */
  readonly anyFlags?: boolean;
  /** Resolves to the exit code. */
  run?(invocation: Invocation): Promise<number>;
}

/** Suggest names at most this many edits away from what was typed. */
const SUGGEST_EDITS_MAX = 2;

/** Edits (insert, delete, replace) between two words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

function suggestions(command: Command, typed: string): string[] {
  const wanted = typed.toLowerCase();
  return (command.children ?? [])
    .map((child) => child.name)
    .filter((name) => editDistance(wanted, name) <= SUGGEST_EDITS_MAX || name.startsWith(wanted));
}

/** The place of the first argument that is not a flag nor a flag's value; -1 when there is none. */
function firstWord(args: readonly string[], specs: readonly FlagSpec[]): number {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === "--") return -1;
    if (arg.length < 2 || arg[0] !== "-") return at;
    if (arg.includes("=")) continue;
    const spec = arg.startsWith("--")
      ? specs.find((candidate) => `--${candidate.name}` === arg)
      : specs.find((candidate) => arg.length === 2 && candidate.short === arg[1]);
    if (spec !== undefined && spec.type !== "bool") at++;
  }
  return -1;
}

function childNamed(command: Command, word: string): Command | undefined {
  const children = command.children ?? [];
  const exact = children.find((child) => child.name === word);
  if (exact !== undefined) return exact;
  const prefixed = children.filter((child) => child.name.startsWith(word));
  return prefixed.length === 1 ? prefixed[0] : undefined;
}

/** A command with the way to it and what is left of the command line. */
interface Found {
  readonly path: readonly Command[];
  readonly args: readonly string[];
}

function find(root: Command, argv: readonly string[]): Found {
  const path = [root];
  let args = argv;
  for (;;) {
    const current = path.at(-1) as Command;
    const at = firstWord(args, specsOf(path));
    if (at < 0 || current.children === undefined) return { path, args };
    const child = childNamed(current, args[at] as string);
    if (child === undefined) return { path, args };
    path.push(child);
    args = [...args.slice(0, at), ...args.slice(at + 1)];
  }
}

/** Own flags of the last command, shared flags of all on the way. */
function specsOf(path: readonly Command[]): FlagSpec[] {
  const last = path.at(-1) as Command;
  return [...(last.flags ?? []), ...path.flatMap((command) => command.sharedFlags ?? [])];
}

/**
 * Runs the command that `argv` names (without program name). Commands may be shortened to a unique
 * prefix. @returns the exit code; usage errors are printed and give 1.
 */
export async function execute(root: Command, argv: readonly string[], io: Io): Promise<number> {
  const found = find(root, argv);
  const flags = new FlagSet(specsOf(found.path));
  const command = found.path.at(-1) as Command;
  let args: readonly string[];
  try {
    args = command.anyFlags === true ? found.args : flags.parse(found.args);
  } catch (error) {
    if (error instanceof HelpRequest) {
      io.out(helpText(found.path));
      return 0;
    }
    if (!(error instanceof UsageError)) throw error;
    io.err(`Error: ${error.message}\n${usageText(found.path)}\n`);
    return 1;
  }
  if (command.run !== undefined) return command.run({ args, flags, io });
  if (command === root && args.length > 0) {
    const near = suggestions(root, args[0] as string);
    const hint = near.length === 0 ? "" : `\n\nDid you mean this?\n\t${near.join("\n\t")}\n`;
    io.err(`Error: unknown command "${args[0]}" for "${root.name}"${hint}\n`);
    io.err(`Run '${root.name} --help' for usage.\n`);
    return 1;
  }
  io.out(helpText(found.path));
  return 0;
}
