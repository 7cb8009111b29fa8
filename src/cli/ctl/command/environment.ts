import type { FlagSet } from "../../common/flags.ts";
import { toByteString } from "../../go/go-text.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import type { Io } from "../io.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";

const PREFIX = "ETCDCTL_";

/** `ETCDCTL_` + flag, upper case, `-` as `_`. */
function environmentName(flag: string): string {
  return PREFIX + flag.toUpperCase().replaceAll("-", "_");
}

function logLine(io: Io, level: string, message: string, variable: string): void {
  const ts = new Date(io.wallMs()).toISOString();
  const line = JSON.stringify({ level, ts, msg: message, "environment-variable": variable });
  io.err(toByteString(`${line}\n`));
}

/**
 * Takes global flags from the environment. Unknown variables with the prefix are warned of.
 * @throws ToolError when a flag is given there and on the command line.
 */
export function applyEnvironment(flags: FlagSet, io: Io): void {
  const known = new Map(GLOBAL_FLAGS.map((spec) => [environmentName(spec.name), spec.name]));
  const given = [...known.values()].filter((name) => flags.changed(name));
  for (const [variable, name] of known) {
    const value = io.env[variable] ?? "";
    if (value === "" || given.includes(name)) continue;
    // A value that does not fit is passed over, as in etcdctl.
    flags.set(name, toByteString(value));
  }
  for (const variable of Object.keys(io.env)) {
    if (!variable.startsWith(PREFIX)) continue;
    const name = known.get(variable);
    if (name === undefined) logLine(io, "warn", "unrecognized environment variable", variable);
    else if (given.includes(name)) {
      const text =
        "conflicting environment variable is shadowed by corresponding command-line flag " +
        "(either unset environment variable or disable flag)";
      logLine(io, "fatal", text, variable);
      throw new ToolError(Exit.error, "");
    }
  }
}

/** `--debug`: every global flag as the environment would say it. */
export function dumpSettings(flags: FlagSet, io: Io): void {
  const names = GLOBAL_FLAGS.map((spec) => spec.name).sort();
  for (const name of names) io.err(`${environmentName(name)}=${flags.shown(name)}\n`);
}
