/** The table, for the terminal and for `bench/RESULTS.md`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { checkFloors } from "./floors.ts";
import { ratio } from "./results.ts";
import type { Medians, Recorded } from "./results.ts";
import type { Sample } from "./round.ts";
import { SERVER_NAMES } from "./servers.ts";
import type { ServerName } from "./servers.ts";

const FILE = path.join(import.meta.dirname, "RESULTS.md");

const HEADINGS = [
  "workload",
  "server",
  "ops/s",
  "p50 ms",
  "p99 ms",
  "CPU µs/op",
  "RSS MiB",
  "ops/s ÷ 3.7.1",
  "CPU ÷ 3.7.1",
  "ops/s ÷ 3.4",
  "CPU ÷ 3.4",
];

function digits(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

const speed = (sample: Sample) => sample.throughput;
const cpu = (sample: Sample) => sample.cpuUsPerOp;

function ratioCells(medians: Medians, row: string): readonly string[] {
  return (["etcd-3.7.1", "etcd-3.4"] as const).flatMap((other) =>
    [speed, cpu].map((pick) => {
      const found = ratio(medians[row], other, pick);
      return found === undefined ? "" : found.toFixed(2);
    }),
  );
}

function sampleCells(medians: Medians, row: string, server: ServerName): readonly string[] {
  const sample = medians[row]?.[server];
  if (sample === undefined) return [];
  const figures = [
    speed(sample),
    sample.p50Us / 1000,
    sample.p99Us / 1000,
    cpu(sample),
    sample.rssMib,
  ].map(digits);
  const ratios = server === "skein" ? ratioCells(medians, row) : ["", "", "", ""];
  return [row, server, ...figures, ...ratios];
}

/** Cells of the whole table without the headings, in the order of the rows and servers. */
function cells(medians: Medians): readonly (readonly string[])[] {
  return Object.keys(medians).flatMap((row) =>
    SERVER_NAMES.map((server) => sampleCells(medians, row, server)).filter((each) => each.length),
  );
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at < 2 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The table as plain text with aligned columns; a row's name once, a line between rows. */
export function terminalTable(medians: Medians): string {
  let last = "";
  const rows = cells(medians).map((row) => {
    const [name, ...rest] = row;
    const shown = name === last ? "" : name!;
    last = name!;
    return [shown, ...rest];
  });
  return aligned([HEADINGS, ...rows]);
}

function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  const rule = headings.map((_, at) => (at < 2 ? "---" : "---:"));
  return [line(headings), line(rule), ...rows.map(line)].join("\n");
}

/** The floors as text, one line each. */
export function floorLines(medians: Medians): readonly (readonly string[])[] {
  return checkFloors(medians).map((floor) => [
    floor.row,
    floor.what,
    floor.bound,
    floor.ratio === undefined ? "not measured" : floor.ratio.toFixed(2),
    floor.isMet ? "met" : floor.ratio === undefined ? "–" : "NOT MET",
  ]);
}

/** Writes `bench/RESULTS.md` from a full comparison. */
export function writeReport(recorded: Recorded): void {
  const versions = Object.entries(recorded.versions).map(([name, text]) => `- ${name}: ${text}`);
  const text = `# Skein and etcd, measured

Written by \`npm run bench\`; do not edit. ${recorded.date}, \`${recorded.command}\`.

- Machine: ${recorded.machine}
${versions.join("\n")}

All servers on the same disk, ${recorded.rounds} rounds, each on fresh directories with
${recorded.keys.toLocaleString("en-US")} preloaded keys (values of 256 bytes; insert, query and
delete: UUID keys, 1 KiB); each row on one server after the other, who waits is idle; medians.
Load from the same machine by \`test/compat/load/skein-load.c\`: keys random, values distinct, a
\`grpc-timeout\` that differs from call to call. Only grpc-status 0 with a right answer counts;
after every run the revision must have risen by exactly the writes, and written values are
re-read. CPU is user + system of the server with all its threads and children. A shape is
connections × calls in flight. Skein's
ratios: throughput above 1 and CPU below 1 are better than etcd. etcd 3.4 copies its read buffer,
as large as its largest batch was, for every read: after a
preload its reads cost more than on an empty server.

${markdownTable(HEADINGS, cells(recorded.medians))}

## Floors against etcd 3.7.1

${markdownTable(["workload", "figure", "floor", "measured", ""], floorLines(recorded.medians))}
`;
  writeFileSync(FILE, text);
}

/** The floors with aligned columns. */
export function floorTable(medians: Medians): string {
  return aligned([["floor against 3.7.1", "figure", "bound", "ratio", ""], ...floorLines(medians)]);
}
