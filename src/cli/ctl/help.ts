import type { Command } from "./command-tree.ts";
import { flagTable } from "../common/flag-help.ts";

const OPTIONS_HINT = 'Use "skeinctl options" for the options that every command takes.\n';

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
