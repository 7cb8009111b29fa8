/** Writes the samples of one family into `lines`, each without its line end. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  write(lines: string[]): void;
}

/** A label value between its quotes: backslash, quote and line feed escaped. */
export function escapeLabelValue(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** A help text on its line: backslash and line feed escaped. */
export function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/**
 * `a="1",b="2"`: labels in the order of their names (as Prometheus' Go client writes them),
 * whatever the order they were declared in. Empty for no labels.
 */
export function labelText(names: readonly string[], values: readonly string[]): string {
  const pairs = names.map((name, i) => `${name}="${escapeLabelValue(values[i] ?? "")}"`);
  return pairs.sort().join(",");
}

/** The sample line of `name` with ready label text. */
export function sampleLine(name: string, labels: string, value: string): string {
  return labels === "" ? `${name} ${value}` : `${name}{${labels}} ${value}`;
}
