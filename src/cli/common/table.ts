import { fromByteString } from "../go/go-text.ts";

/** A header and rows of cells: what tables and simple output are made of. */
export interface Rows {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Centred; an odd space goes to the right. */
function centre(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return " ".repeat(left) + text + " ".repeat(width - text.length - left);
}

/** A table in a light box: header centred, cells right-aligned, one space of padding. */
export function renderTable({ header, rows }: Rows): string {
  const cells = rows.map((row) => row.map(fromByteString));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row[column] as string).length)),
  );
  const rule = (left: string, middle: string, right: string): string =>
    `${left}${widths.map((width) => "─".repeat(width + 2)).join(middle)}${right}\n`;
  const line = (texts: readonly string[]): string => `│ ${texts.join(" │ ")} │\n`;
  let out = rule("┌", "┬", "┐");
  out += line(header.map((title, column) => centre(title, widths[column] as number)));
  if (cells.length > 0) out += rule("├", "┼", "┤");
  for (const row of cells) {
    out += line(row.map((cell, column) => cell.padStart(widths[column] as number)));
  }
  return out + rule("└", "┴", "┘");
}
