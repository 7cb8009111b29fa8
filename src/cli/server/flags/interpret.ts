import type { MemberConfig } from "../../../member/config.ts";
import {
  advertiseClientUrls,
  bootstrapError,
  buildConfig,
  dataDirOf,
  initialCluster,
} from "./build-config.ts";
import { readConfigFile } from "./config-file.ts";
import type { Environment } from "./environment.ts";
import { readEnvironment } from "./environment.ts";
import { parseCommandLine } from "./go-flags.ts";
import { exposureNotes, ignoredNotes, refusal } from "./not-served.ts";
import type { Note } from "./note.ts";
import { Settings } from "./settings.ts";
import { validate } from "./validate.ts";
import type { Value } from "./values.ts";

/** What the flags are read from besides themselves. */
export interface Surroundings {
  readonly env: Environment;
  /** @throws Error with Go's text of the failure. */
  readFile(path: string): string;
  /** True when the data directory holds a member already. */
  hasMember(dataDir: string): boolean;
}

/** How the program logs. */
export interface LogSettings {
  readonly outputs: readonly string[];
  readonly level: string;
  /** `auto` when nobody chose: for a person at a terminal console, else json. */
  readonly format: "json" | "console" | "auto";
}

/** What to do after reading the flags. */
export type Interpretation =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  /** A line for stderr, then the usage; exit 2. */
  | { readonly kind: "usage"; readonly message: string; readonly hint: string | null }
  /** A line for stderr as it is; exit 1. */
  | { readonly kind: "plain"; readonly message: string }
  /** A shadowed variable: one line of level fatal; exit 1. */
  | { readonly kind: "conflict"; readonly variable: string }
  /** The configuration is wrong, or asks for what is not served: a log line; exit 1. */
  | { readonly kind: "invalid"; readonly message: string; readonly notes: readonly Note[] }
  | {
      readonly kind: "run";
      readonly config: MemberConfig;
      readonly log: LogSettings;
      readonly notes: readonly Note[];
    };

/** Reads everything that configures the server, in etcd's order of precedence and of complaints. */
export function interpret(argv: readonly string[], around: Surroundings): Interpretation {
  if (argv[0] === "gateway" || argv[0] === "grpc-proxy") {
    return { kind: "plain", message: `skein ${argv[0]} is not yet served` };
  }
  const line = parseCommandLine(argv);
  if (line.kind === "help") return { kind: "help" };
  if (line.kind === "error") return { kind: "usage", message: line.message, hint: line.hint };
  const [word] = line.leftover;
  if (word !== undefined) return invalid(`${JSON.stringify(word)} is not a valid flag`, []);
  if (line.values.get("version") === true) return { kind: "version" };
  const file = (line.values.get("config-file") as string) || around.env["ETCD_CONFIG_FILE"] || "";
  return file === "" ? fromFlags(line.values, around) : fromFile(file, around);
}

function invalid(message: string, notes: readonly Note[]): Interpretation {
  return { kind: "invalid", message, notes };
}

function fromFile(file: string, around: Surroundings): Interpretation {
  let text: string;
  try {
    text = around.readFile(file);
  } catch (error) {
    return invalid(error instanceof Error ? error.message : String(error), []);
  }
  const read = readConfigFile(text);
  if ("error" in read) {
    return read.plain ? { kind: "plain", message: read.error } : invalid(read.error, []);
  }
  const others = "other configuration command line flags and environment variables";
  const message = `loaded server configuration, ${others} will be ignored if provided`;
  const note: Note = { level: "info", message, fields: { path: file } };
  return fromSettings(new Settings(read.values, file), [note], around);
}

function fromFlags(onLine: ReadonlyMap<string, Value>, around: Surroundings): Interpretation {
  const read = readEnvironment(around.env, new Set(onLine.keys()));
  if ("conflict" in read) return { kind: "conflict", variable: read.conflict };
  if ("error" in read) return invalid(read.error, read.notes);
  const settings = new Settings(new Map([...read.values, ...onLine]));
  return fromSettings(settings, read.notes, around);
}

function fromSettings(
  settings: Settings,
  early: readonly Note[],
  around: Surroundings,
): Interpretation {
  const wrong = validate(settings);
  if (wrong !== null) return invalid(wrong, early);
  const advertised = advertiseClientUrls(settings);
  if ("error" in advertised) return invalid(advertised.error, early);
  const refused = refusal(settings);
  if (refused !== null) return invalid(refused, early);
  const cluster = initialCluster(settings);
  if ("error" in cluster) return invalid(cluster.error, early);
  if (!around.hasMember(dataDirOf(settings))) {
    const mismatch = bootstrapError(settings, cluster.value);
    if (mismatch !== null) return invalid(mismatch, early);
  }
  const chosen = settings.text("log-format") === "console" ? "console" : "json";
  const format = settings.isSet("log-format") ? chosen : "auto";
  return {
    kind: "run",
    config: buildConfig(settings, cluster.value, advertised.value),
    log: { outputs: settings.list("log-outputs"), level: settings.text("log-level"), format },
    notes: [...early, ...ignoredNotes(settings), ...exposureNotes(settings)],
  };
}
