import { FlagSet, type FlagSpec, HelpRequest, UsageError } from "../common/flags.ts";
import { flagTable } from "../common/flag-help.ts";
import { ToolError, Exit } from "../common/exit.ts";
import { fromByteString, toByteString } from "../go/go-text.ts";
import type { World } from "./world.ts";

/** What a running command gets. */
export interface Invocation {
  readonly args: readonly string[];
  readonly flags: FlagSet;
  readonly world: World;
}

/** A command, or a group of commands. */
export interface Command {
  readonly name: string;
  /** As in the usage line, e.g. `<filename>`. */
  readonly args?: string;
  readonly summary: string;
  readonly flags?: readonly FlagSpec[];
  /** Names of flags that must be given. */
  readonly required?: readonly string[];
  /** Exactly so many arguments, else it is a usage error; any number when absent. */
  readonly argCount?: number;
  readonly children?: readonly Command[];
  /** Looks at values that FlagSet has no type for. @throws UsageError. */
  checkFlags?(flags: FlagSet): void;
  /** Resolves to the exit code. @throws ToolError and the errors of failure.ts. */
  run?(invocation: Invocation): Promise<number>;
}

/** The tree's root, whose flags every command takes. */
export interface RootCommand extends Command {
  readonly children: readonly Command[];
  readonly flags: readonly FlagSpec[];
}

/** A string flag as text. */
export function textFlag(flags: FlagSet, name: string): string {
  return fromByteString(flags.text(name));
}

/**
 * Runs the command that `argv` names; commands may be shortened to a unique prefix. A command line
 * that cannot be read is told of as etcdutl does it: the error, the usage, the error again.
 */
export async function execute(
  root: RootCommand,
  argv: readonly string[],
  world: World,
): Promise<number> {
  const { path, rest } = find(root, argv);
  const command = path.at(-1)!;
  const flags = new FlagSet([...root.flags, ...(command === root ? [] : (command.flags ?? []))]);
  let args: readonly string[];
  try {
    args = flags.parse(rest.map(toByteString)).map(fromByteString);
    if (command === root && args.length > 0) return unknownCommand(root, args[0]!, world);
    command.checkFlags?.(flags);
    requireArgs(command, args, flags);
  } catch (error) {
    if (error instanceof HelpRequest) return help(path, root, world);
    if (!(error instanceof UsageError)) throw error;
    const line = `Error: ${fromByteString(error.message)}\n`;
    world.err(`${line}${usageText(path, root)}\n${line}`);
    return Exit.error;
  }
  return command.run === undefined ? help(path, root, world) : command.run({ args, flags, world });
}

/** A command of etcdutl that this version does not have: it says so and fails. */
export function notServed(name: string, summary: string): Command {
  return {
    name,
    summary: `${summary} (not served)`,
    run: () => Promise.reject(new ToolError(Exit.error, `${name}: not served by skeinutl`)),
  };
}

interface Found {
  readonly path: readonly Command[];
  /** The command line without the names of `path`. */
  readonly rest: readonly string[];
}

function find(root: RootCommand, argv: readonly string[]): Found {
  const path: Command[] = [root];
  let rest = argv;
  for (;;) {
    const current = path.at(-1)!;
    const specs = [...root.flags, ...(current.flags ?? [])];
    const at = firstWord(rest, specs);
    const child = at < 0 ? undefined : childNamed(current, rest[at]!);
    if (child === undefined) return { path, rest };
    path.push(child);
    rest = [...rest.slice(0, at), ...rest.slice(at + 1)];
  }
}

/** The place of the first argument that is no flag and no flag's value; -1 when there is none. */
function firstWord(args: readonly string[], specs: readonly FlagSpec[]): number {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") return -1;
    if (arg.length < 2 || arg[0] !== "-") return at;
    if (arg.includes("=")) continue;
    const spec = arg.startsWith("--")
      ? specs.find(({ name }) => `--${name}` === arg)
      : specs.find(({ short }) => arg.length === 2 && short === arg[1]);
    if (spec !== undefined && spec.type !== "bool") at++;
  }
  return -1;
}

function childNamed({ children = [] }: Command, word: string): Command | undefined {
  const exact = children.find(({ name }) => name === word);
  if (exact !== undefined) return exact;
  const prefixed = children.filter(({ name }) => name.startsWith(word));
  return prefixed.length === 1 ? prefixed[0] : undefined;
}

function requireArgs(command: Command, args: readonly string[], flags: FlagSet): void {
  const { argCount, required = [] } = command;
  if (argCount !== undefined && args.length !== argCount) {
    throw new UsageError(`accepts ${argCount} arg(s), received ${args.length}`);
  }
  const missing = required.filter((name) => !flags.changed(name)).map((name) => `"${name}"`);
  if (missing.length === 0) return;
  throw new UsageError(`required flag(s) ${missing.join(", ")} not set`);
}

function unknownCommand(root: RootCommand, word: string, world: World): number {
  const line = `Error: unknown command ${JSON.stringify(word)} for "${root.name}"\n`;
  world.err(`${line}Run '${root.name} --help' for usage.\n${line}`);
  return Exit.error;
}

function help(path: readonly Command[], root: RootCommand, world: World): number {
  world.out(`${path.at(-1)!.summary}\n\n${usageText(path, root)}`);
  return Exit.ok;
}

function usageText(path: readonly Command[], root: RootCommand): string {
  const command = path.at(-1)!;
  const words = path.map(({ name }) => name).join(" ");
  const { children } = command;
  let text = "Usage:\n";
  if (children === undefined) text += `  ${words}${spaced(command.args)} [flags]\n`;
  else {
    const width = Math.max(...children.map(({ name }) => name.length));
    const lines = children.map(({ name, summary }) => `  ${name.padEnd(width)} ${summary}\n`);
    text += `  ${words} [command]\n\nCommands:\n${lines.join("")}`;
  }
  if (command !== root && command.flags !== undefined) {
    text += `\nFlags:\n${flagTable(command.flags)}`;
  }
  return `${text}\nFlags of every command:\n${flagTable(root.flags)}`;
}

function spaced(args: string | undefined): string {
  return args === undefined ? "" : ` ${args}`;
}
