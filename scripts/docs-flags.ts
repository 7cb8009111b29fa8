/**
 * `node scripts/docs-flags.ts [--check]`: writes the table of flags in docs/server.md from the
 * server's own table, or checks that it is up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { FlagSpec } from "../src/cli/server/flag-table/flag-spec.ts";
import { SECTIONS } from "../src/cli/server/flag-table/flag-spec.ts";
import { FLAGS } from "../src/cli/server/flag-table/flag-table.ts";

const page = path.join(import.meta.dirname, "..", "docs", "server.md");
const START = "<!-- flags: written by scripts/docs-flags.ts -->";
const END = "<!-- end of flags -->";

const STATUS: Readonly<Record<FlagSpec["status"], string>> = {
  served: "yes",
  ignored: "not yet: warns",
  refused: "not yet: refuses",
};

function row(flag: FlagSpec): string {
  const value = flag.defaultText === "" ? "" : `\`${flag.defaultText}\``;
  const key = flag.fileKey === null ? "none" : `\`${flag.fileKey.join(".")}\``;
  const file = flag.fileKey?.join(".") === flag.name ? "" : key;
  const doc = flag.doc.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  return `| \`--${flag.name}\` | ${value} | ${STATUS[flag.status]} | ${file} | ${doc} |`;
}

/** The tables of all sections. */
export function flagTables(): string {
  const tables = SECTIONS.map((name) => {
    const rows = FLAGS.filter((flag) => flag.section === name).map(row);
    const head =
      "| flag | default | served | key in the file | what it does |\n|---|---|---|---|---|";
    return `### ${name}\n\n${head}\n${rows.join("\n")}\n`;
  });
  return `${START}\n\n${tables.join("\n")}\n${END}`;
}

const text = readFileSync(page, "utf8");
const [from, to] = [text.indexOf(START), text.indexOf(END)];
if (from < 0 || to < 0) throw new Error(`${page} has lost its markers`);
const wanted = text.slice(0, from) + flagTables() + text.slice(to + END.length);
if (process.argv.includes("--check")) {
  if (wanted !== text) {
    console.error("docs/server.md is not up to date with the table of flags");
    process.exitCode = 1;
  }
} else writeFileSync(page, wanted);
