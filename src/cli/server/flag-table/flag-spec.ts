/** How a flag's text is read; the words are Go's types and etcd's own. */
export type FlagKind =
  | "string"
  | "bool"
  | "uint"
  | "uint32"
  | "uint64"
  | "int"
  | "int64"
  | "duration"
  | "urls"
  | "list"
  | "sortedList"
  | "enum"
  | "gates";

/**
 * Whether setting a flag has its effect today. `ignored`: the member starts and a warning names the
 * flag. `refused`: it does not start, because to go on without the effect would be unsafe.
 */
export type FlagStatus = "served" | "ignored" | "refused";

/** The sections of the help text, in its order. */
export const SECTIONS = [
  "Member",
  "Clustering",
  "Security",
  "Auth",
  "Monitoring",
  "Logging",
  "Tracing",
  "Features",
  "Unsafe",
] as const;
/** The name of one. */
export type Section = (typeof SECTIONS)[number];

/** One flag of the server. */
export interface FlagSpec {
  readonly name: string;
  readonly kind: FlagKind;
  /** As text, the way a user would write it; `""` is empty. */
  readonly defaultText: string;
  readonly doc: string;
  readonly section: Section;
  readonly status: FlagStatus;
  /** Path of its key in the configuration file; null when it has none. */
  readonly fileKey: readonly string[] | null;
  /** For kind `enum`. */
  readonly choices: readonly string[];
  /** A warning when it is set at all. */
  readonly deprecation: string | null;
}

/** What a row of the table may say beyond name, kind, default and doc. */
export interface FlagExtras {
  readonly status?: FlagStatus;
  /** Dotted path; `-` when the file has no key for it. */
  readonly file?: string;
  readonly choices?: readonly string[];
  readonly deprecation?: string;
}

type Row = readonly [
  name: string,
  kind: FlagKind,
  defaultText: string,
  doc: string,
  extras?: FlagExtras,
];

/** Turns the rows of one section into specs. */
export function section(name: Section, rows: readonly Row[]): readonly FlagSpec[] {
  return rows.map(([flag, kind, defaultText, doc, extras = {}]) => ({
    name: flag,
    kind,
    defaultText,
    doc,
    section: name,
    status: extras.status ?? "served",
    fileKey: extras.file === "-" ? null : (extras.file ?? flag).split("."),
    choices: extras.choices ?? [],
    deprecation: extras.deprecation ?? null,
  }));
}
