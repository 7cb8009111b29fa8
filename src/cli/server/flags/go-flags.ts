import { FLAGS, findFlag } from "../flag-table/flag-table.ts";
import { SILENT_FLAGS } from "../flag-table/other-flags.ts";
import { nearest } from "./nearest.ts";
import type { Value } from "./values.ts";
import { parseValue } from "./values.ts";

/** What a command line says; `leftover` is the first word that is no flag and all after it. */
export type CommandLine =
  | { readonly kind: "flags"; readonly values: Map<string, Value>; readonly leftover: string[] }
  | { readonly kind: "help" }
  /** Go's message; the program shows the usage and exits with 2. */
  | { readonly kind: "error"; readonly message: string; readonly hint: string | null };

function error(message: string, hint: string | null = null): CommandLine {
  return { kind: "error", message, hint };
}

/**
 * Reads arguments as Go's flag package does: `-x` is `--x`; `--x=v` or `--x v`; a bool takes a
 * value only with `=`; the first word that is no flag, or `--`, ends them; the last of many wins.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const values = new Map<string, Value>();
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at]!;
    if (word.length < 2 || !word.startsWith("-")) {
      return { kind: "flags", values, leftover: argv.slice(at) };
    }
    if (word === "--") return { kind: "flags", values, leftover: argv.slice(at + 1) };
    const body = word.slice(word.startsWith("--") ? 2 : 1);
    if (/^[-=]/.test(body)) return error(`bad flag syntax: ${word}`);
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    let text = equals < 0 ? undefined : body.slice(equals + 1);
    const flag = findFlag(name);
    if (flag === undefined) {
      if (SILENT_FLAGS.includes(name)) continue;
      return name === "h" || name === "help" ? { kind: "help" } : unknown(name);
    }
    if (flag.kind === "bool") text ??= "true";
    else if (text === undefined) {
      at += 1;
      text = argv[at];
      if (text === undefined) return error(`flag needs an argument: -${name}`);
    }
    const parsed = parseValue(flag, text);
    if ("error" in parsed) {
      const quoted = JSON.stringify(text);
      return flag.kind === "bool"
        ? error(`invalid boolean value ${quoted} for -${name}: ${parsed.error}`)
        : error(`invalid value ${quoted} for flag -${name}: ${parsed.error}`);
    }
    values.set(name, parsed.value);
  }
  return { kind: "flags", values, leftover: [] };
}

/** Go's words, then ours: the flag that was probably meant. */
function unknown(name: string): CommandLine {
  const names = FLAGS.map((flag) => flag.name);
  const stable = name.replace(/^experimental-/, "");
  const meant = names.includes(stable) ? stable : nearest(name, names);
  const hint = meant === undefined ? null : `did you mean --${meant}?`;
  return error(`flag provided but not defined: -${name}`, hint);
}
