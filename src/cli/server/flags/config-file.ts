import { parse } from "yaml";
import type { Parsed } from "../../go/go-number.ts";
import type { FlagKind, FlagSpec } from "../flag-table/flag-spec.ts";
import { FLAGS } from "../flag-table/flag-table.ts";
import type { Value } from "./values.ts";
import { parseValue } from "./values.ts";

/** Values of a file by flag name, or why it cannot be used. */
export type FileResult =
  | { readonly values: Map<string, Value> }
  /** `plain` goes to stderr as it is, without the logger, as etcd does for URLs. */
  | { readonly error: string; readonly plain: boolean };

const NS_PER_MS = 1e6;
/** Lists that the file carries as one comma separated string. */
const COMMA_STRINGS: ReadonlySet<string> = new Set(["cors", "host-whitelist"]);
/** etcd labels one error wrongly; so do we. */
const URL_LABELS: Readonly<Record<string, string>> = {
  "advertise-client-urls": "advertise-peer-urls",
};

/**
 * Reads etcd's configuration file: YAML 1.1 (or JSON), keys in any case, unknown keys ignored,
 * durations as integer nanoseconds, URLs as comma separated strings.
 */
export function readConfigFile(text: string): FileResult {
  let root: unknown;
  try {
    root = parse(text, { version: "1.1", intAsBigInt: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { error: `error converting YAML to JSON: yaml: ${reason}`, plain: false };
  }
  const values = new Map<string, Value>();
  if (root === null || root === undefined) return { values };
  if (typeof root !== "object" || Array.isArray(root)) {
    return { error: mismatch(root, null, "embed.configYAML"), plain: false };
  }
  for (const flag of FLAGS) {
    if (flag.fileKey === null || flag.name === "config-file") continue;
    const found = lookUp(root, flag.fileKey);
    if (found === undefined || found === null) continue;
    if (found === "" && flag.kind !== "string") continue;
    const parsed = fileValue(flag, found);
    if ("value" in parsed) values.set(flag.name, parsed.value);
    else if (flag.kind === "urls" && typeof found === "string") {
      const label = URL_LABELS[flag.name] ?? flag.name;
      return { error: `unexpected error setting up ${label}: ${parsed.error}`, plain: true };
    } else return { error: parsed.error, plain: false };
  }
  return { values };
}

function lookUp(root: object, path: readonly string[]): unknown {
  let at: unknown = root;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    const key = Object.keys(at).find((each) => each.toLowerCase() === step);
    at = key === undefined ? undefined : (at as Record<string, unknown>)[key];
  }
  return at;
}

const GO_TYPES: Readonly<Record<FlagKind, string>> = {
  string: "string",
  bool: "bool",
  uint: "uint",
  uint32: "uint32",
  uint64: "uint64",
  int: "int",
  int64: "int64",
  duration: "time.Duration",
  urls: "string",
  list: "[]string",
  sortedList: "[]string",
  enum: "string",
  gates: "string",
};

/** Keys that etcd decodes into a block of their own, which its messages name. */
const JSON_BLOCK: ReadonlySet<string> = new Set([
  "listen-peer-urls",
  "listen-client-urls",
  "listen-client-http-urls",
  "initial-advertise-peer-urls",
  "advertise-client-urls",
  "cors",
  "host-whitelist",
  "feature-gates",
]);

/** Go's name of the field, as its decoder shows it. */
function fieldOf(key: readonly string[]): string {
  const path = key.join(".");
  if (path.includes("-transport-security.")) return `securityConfig.configJSON.${path}`;
  if (key[0] === "socket-options") return `SocketOpts.Config.${path}`;
  if (key[0] === "discovery-config") return `DiscoveryConfig.Config.${path}`;
  return `configYAML.${JSON_BLOCK.has(path) ? "configJSON" : "Config"}.${path}`;
}

/** Go's error for a value of the wrong type; `key` is null for the whole file. */
function mismatch(value: unknown, key: readonly string[] | null, type: string): string {
  let what: string = typeof value;
  if (Array.isArray(value)) what = "array";
  else if (typeof value === "boolean") what = "bool";
  else if (typeof value === "number") what = /int/.test(type) ? `number ${value}` : "number";
  const where = key === null ? "value" : `struct field ${fieldOf(key)}`;
  const text = `cannot unmarshal ${what} into Go ${where} of type ${type}`;
  return `error unmarshaling JSON: while decoding JSON: json: ${text}`;
}

function fileValue(flag: FlagSpec, found: unknown): Parsed<Value> {
  const wrong = { error: mismatch(found, flag.fileKey, GO_TYPES[flag.kind]) };
  switch (flag.kind) {
    case "bool":
      return typeof found === "boolean" ? { value: found } : wrong;
    case "duration":
      return Number.isInteger(found) ? { value: (found as number) / NS_PER_MS } : wrong;
    case "uint":
    case "uint32":
    case "uint64":
    case "int":
    case "int64":
      if (!Number.isInteger(found)) return wrong;
      return "value" in parseValue(flag, String(found)) ? { value: found as number } : wrong;
    case "list":
    case "sortedList":
      if (COMMA_STRINGS.has(flag.name)) {
        return typeof found === "string"
          ? parseValue(flag, found)
          : { error: mismatch(found, flag.fileKey, "string") };
      }
      if (!Array.isArray(found)) return wrong;
      for (const item of found as unknown[]) {
        if (typeof item !== "string") return { error: mismatch(item, flag.fileKey, "string") };
      }
      return { value: flag.kind === "list" ? found.map(String) : found.map(String).sort() };
    case "enum":
      return typeof found === "string" ? { value: found } : wrong;
    case "string":
    case "urls":
    case "gates":
      return typeof found === "string" ? parseValue(flag, found) : wrong;
  }
}
