import type { Command } from "./command-tree.ts";
import type { FlagSpec } from "./flags.ts";

const OPTIONS_HINT = 'Use "skeinctl options" for the options that every command takes.\n';

/** What a flag's value is called in help. */
const TYPE_NAMES: Readonly<Record<FlagSpec["type"], string>> = {
  string: " string",
  bool: "",
  int64: " int",
  int: " int",
  duration: " duration",
  strings: " strings",
};

function fallbackText(spec: FlagSpec): string {
  if (["", "false", "0"].includes(spec.fallback) && spec.type !== "string") return "";
  if (spec.fallback === "") return "";
  if (spec.type === "string") return ` (default "${spec.fallback}")`;
  return ` (default ${spec.type === "strings" ? `[${spec.fallback}]` : spec.fallback})`;
}

/** A table of flags, one a line, sorted by name. */
export function flagTable(specs: readonly FlagSpec[]): string {
  const rows = [...specs]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((spec) => {
      const short = spec.short === undefined ? "      " : `  -${spec.short}, `;
      return { left: `${short}--${spec.name}${TYPE_NAMES[spec.type]}`, spec };
    });
  const width = Math.max(0, ...rows.map((row) => row.left.length));
  return rows
    .map((row) => `${row.left.padEnd(width)}   ${row.spec.usage}${fallbackText(row.spec)}\n`)
    .join("");
}

function commandTable(commands: readonly Command[]): string {
  const width = Math.max(0, ...commands.map((command) => command.name.length));
  return commands.map((command) => `  ${command.name.padEnd(width)} ${command.summary}\n`).join("");
}

/** Commands under their headings, in the order in which headings appear. */
function grouped(commands: readonly Command[]): string {
  const headings = [...new Set(commands.map((command) => command.group ?? "Commands"))];
  return headings
    .map((heading) => {
      const members = commands.filter((command) => (command.group ?? "Commands") === heading);
      return `\n${heading}:\n${commandTable(members)}`;
    })
    .join("");
}

/** The usage part of help: shown after a command line that could not be read. */
export function usageText(path: readonly Command[]): string {
  const command = path.at(-1) as Command;
  const words = path.map((step) => step.name).join(" ");
  const own = command.flags ?? [];
  const shared = path.filter((step) => step.hideSharedFlags !== true);
  const specs = [...own, ...shared.flatMap((step) => step.sharedFlags ?? [])];
  let text = "Usage:\n";
  if (command.children !== undefined) {
    text += `  ${words} [command]\n${grouped(command.children)}`;
  } else {
    const args = command.args === undefined ? "" : ` ${command.args}`;
    text += `  ${words}${args}${specs.length > 0 ? " [flags]" : ""}\n`;
  }
  if (specs.length > 0) text += `\nFlags:\n${flagTable(specs)}`;
  if (command.children !== undefined) {
    text += `\nUse "${words} [command] --help" for more about a command.\n`;
  }
  return text;
}

/** All that `--help` shows. */
export function helpText(path: readonly Command[]): string {
  const command = path.at(-1) as Command;
  return `${command.summary}\n\n${usageText(path)}\n${OPTIONS_HINT}`;
}
