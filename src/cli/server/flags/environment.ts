import { FLAGS, envName } from "../flag-table/flag-table.ts";
import type { Note } from "./note.ts";
import type { Value } from "./values.ts";
import { parseValue } from "./values.ts";

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `error` ends the start with a line of level warn, `conflict` with one of level fatal. */
export type EnvironmentResult = { readonly notes: Note[] } & (
  | { readonly values: Map<string, Value> }
  | { readonly error: string }
  | { readonly conflict: string }
);

/** Set by images and deployments for other ends; etcd warns and does not take it as a flag. */
const VERSION_VARIABLE = "ETCD_VERSION";

/** Variables that etcd knows and that are no flags. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set([
  "ETCD_UNSUPPORTED_ARCH",
  "ETCD_VERIFY",
  "ETCD_CLIENT_DEBUG",
  "ETCD_CONFIG_FILE",
]);

/**
 * Flags from the environment, for those that the command line has not set. A variable whose flag is
 * on the command line too is a conflict, even when it is empty, as in etcd.
 */
export function readEnvironment(
  env: Environment,
  onCommandLine: ReadonlySet<string>,
): EnvironmentResult {
  const values = new Map<string, Value>();
  const notes: Note[] = [];
  const used = new Set<string>();
  let error: string | null = null;
  for (const flag of FLAGS) {
    const variable = envName(flag.name);
    const text = env[variable];
    if (text === undefined || text === "" || onCommandLine.has(flag.name)) continue;
    if (variable === VERSION_VARIABLE) continue;
    used.add(variable);
    const parsed = parseValue(flag, text);
    if ("error" in parsed) {
      error = `invalid value ${JSON.stringify(text)} for ${variable}: ${parsed.error}`;
      continue;
    }
    values.set(flag.name, parsed.value);
    const fields = { "variable-name": variable, "variable-value": text };
    notes.push({ level: "info", message: "recognized and used environment variable", fields });
  }
  const shadowed = new Set([...onCommandLine].map(envName));
  for (const [variable, text] of Object.entries(env)) {
    if (shadowed.has(variable)) return { notes, conflict: variable };
    if (!variable.startsWith("ETCD_") || used.has(variable)) continue;
    notes.push(strange(variable, text ?? ""));
  }
  return error === null ? { notes, values } : { notes, error };
}

function strange(variable: string, text: string): Note {
  if (variable === VERSION_VARIABLE) {
    const fields = { key: variable, value: text };
    return { level: "warn", message: "cannot set special environment variable", fields };
  }
  const level = OTHER_VARIABLES.has(variable) ? "debug" : "warn";
  const fields = { "environment-variable": `${variable}=${text}` };
  return { level, message: "unrecognized environment variable", fields };
}
