import type { FlagSpec } from "./flags.ts";

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
