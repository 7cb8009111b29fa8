import { humanBytes } from "../../../base/units.ts";
import type { ImageReport } from "../../../storage/restore/image-check.ts";
import type { ImageStatus } from "../../../storage/restore/image-status.ts";
import { ToolError, Exit } from "../../common/exit.ts";
import { renderTable } from "../../common/table.ts";
import { fromByteString, goJsonString, goQuote } from "../../go/go-text.ts";

/** What `hashkv` found. */
export interface KvHash {
  readonly hash: number;
  readonly hashRevision: number;
  /** -1 when nothing was compacted. */
  readonly compactRevision: number;
}

const FORMATS = ["simple", "fields", "json", "protobuf", "table"] as const;

/** Value of `--write-out`. */
export type Format = (typeof FORMATS)[number];

/** @throws ToolError (exit code 4) for a format that etcdutl does not know. */
export function formatOf(text: string): Format {
  const format = FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  throw new ToolError(Exit.badFeature, "unsupported output format");
}

/** One result: names as in JSON and in `fields`, titles of the table, cells for people. */
interface Sheet {
  readonly json: string;
  readonly fields: readonly (readonly [name: string, value: string | number])[];
  readonly titles: readonly string[];
  readonly cells: readonly string[];
}

/** @throws ToolError (exit code 4) for `protobuf`, which etcdutl refuses after the work, too. */
function render(sheet: Sheet, format: Format): string {
  switch (format) {
    case "simple":
      return `${sheet.cells.join(", ")}\n`;
    case "json":
      return `${sheet.json}\n`;
    case "fields":
      return sheet.fields.map(([name, value]) => `"${name}" : ${value}\n`).join("");
    case "table":
      return renderTable({ header: sheet.titles, rows: [sheet.cells] });
    case "protobuf":
      throw new ToolError(Exit.badFeature, "protobuf not supported as output format");
  }
}

/** `snapshot status` in one of etcdutl's formats. `version` is a byte string. */
export function statusText(status: ImageStatus, format: Format): string {
  const { hash, revision, totalKey, totalSize, version } = status;
  const json =
    `{"hash":${hash},"revision":${revision},"totalKey":${totalKey},` +
    `"totalSize":${totalSize},"version":${fromByteString(goJsonString(version))}}`;
  return render(
    {
      json,
      fields: [
        ["Hash", hash],
        ["Revision", revision],
        ["Keys", totalKey],
        ["Size", totalSize],
        ["Version", fromByteString(version)],
      ],
      titles: ["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"],
      cells: [
        hash.toString(16),
        String(revision),
        String(totalKey),
        humanBytes(totalSize),
        version,
      ],
    },
    format,
  );
}

/** `hashkv` in one of etcdutl's formats. */
export function hashText({ hash, hashRevision, compactRevision }: KvHash, format: Format): string {
  return render(
    {
      json:
        `{"hash":${hash},"hashRevision":${hashRevision},` + `"compactRevision":${compactRevision}}`,
      fields: [
        ["Hash", hash],
        ["Hash revision", hashRevision],
        ["Compact revision", compactRevision],
      ],
      titles: ["HASH", "HASH REVISION", "COMPACT REVISION"],
      cells: [hash, hashRevision, compactRevision].map(String),
    },
    format,
  );
}

/** `check`: problems one a line, or what is there; as JSON all of it. */
export function reportText(file: string, report: ImageReport, format: Format): string {
  if (format === "json") return `${JSON.stringify({ file, ...report })}\n`;
  if (format !== "simple") {
    throw new ToolError(Exit.badFeature, `${format} not supported as output format`);
  }
  if (report.problems.length > 0) return report.problems.map((each) => `${each}\n`).join("");
  const { pages, freePages, pairs, changes, revision, digest } = report;
  const counts = `${pages} pages (${freePages} free), ${pairs} pairs, ${changes} changes`;
  return `${file}: sound: ${counts} up to revision ${revision}, digest ${digest}\n`;
}

/** A Go string literal of any text. */
export function quoted(text: string): string {
  return fromByteString(goQuote(Buffer.from(text, "utf8").toString("latin1")));
}
