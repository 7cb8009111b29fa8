import type { FlagSpec } from "./flag-table/flag-spec.ts";
import { SECTIONS } from "./flag-table/flag-spec.ts";
import { FLAGS } from "./flag-table/flag-table.ts";

/** How to call the program; goes to stderr with `--help` and after a wrong flag. */
export function usageText(): string {
  return `Usage:

  skein [flags]
    Start a server that speaks etcd's API.

  skein --version
    Show the versions.

  skein -h | --help
    Show every flag.

  skein --config-file FILE
    Take the configuration from a YAML file; other flags and variables are then ignored.

Every flag can also be given as a variable: --data-dir is ETCD_DATA_DIR.
`;
}

const NOT_SERVED: Readonly<Record<FlagSpec["status"], string>> = {
  served: "",
  ignored: " (not yet served: no effect)",
  refused: " (not yet served: refused)",
};

function lines(flag: FlagSpec): string {
  const shown = flag.name === "data-dir" ? "${name}.etcd" : flag.defaultText;
  const value = flag.kind === "bool" && shown === "false" ? "" : ` '${shown}'`;
  return `  --${flag.name}${value}\n    ${flag.doc}${NOT_SERVED[flag.status]}\n`;
}

/** Every flag by section; goes to stdout with `--help`. */
export function flagsText(): string {
  return SECTIONS.map((name) => {
    const flags = FLAGS.filter((flag) => flag.section === name);
    return `${name}:\n${flags.map(lines).join("")}`;
  }).join("\n");
}
