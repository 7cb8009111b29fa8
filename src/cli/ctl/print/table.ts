import type { MemberListResult } from "../../../client/index.ts";
import { fromByteString, toByteString } from "../../go/go-text.ts";
import type { Io } from "../io.ts";
import { unsupported } from "./printer.ts";
import type { EndpointHash, EndpointHealth, EndpointStatus, Printer } from "./printer.ts";
import { hashRows, healthRows, memberRows, statusRows } from "./rows.ts";
import type { Rows } from "./rows.ts";

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

/** Tables, for what is a list of members or endpoints. */
export class TablePrinter implements Printer {
  #io: Io;

  constructor(io: Io) {
    this.#io = io;
  }

  get(): never {
    unsupported("table");
  }

  put(): never {
    unsupported("table");
  }

  del(): never {
    unsupported("table");
  }

  txn(): never {
    unsupported("table");
  }

  alarm(): never {
    unsupported("table");
  }

  memberList(result: MemberListResult): void {
    this.#table(memberRows(result));
  }

  endpointHealth(list: readonly EndpointHealth[]): void {
    this.#table(healthRows(list));
  }

  endpointStatus(list: readonly EndpointStatus[]): void {
    this.#table(statusRows(list));
  }

  endpointHashKv(list: readonly EndpointHash[]): void {
    this.#table(hashRows(list));
  }

  #table(rows: Rows): void {
    this.#io.out(toByteString(renderTable(rows)));
  }
}
