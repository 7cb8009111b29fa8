import { parse } from "../errors/proto-writer.ts";
import type { Step } from "./script.ts";

/** What a run of the tool gave. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** What differs from server to server and says nothing. */
export interface Identity {
  readonly endpoint: string;
  readonly peer: string;
  readonly memberId: bigint;
  readonly clusterId: bigint;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A protobuf answer without its header, field by field. */
function protobufText(bytes: Uint8Array, drop: readonly number[], nested = false): string {
  const lines: string[] = [];
  for (const [number, values] of parse(bytes)) {
    if (drop.includes(number)) continue;
    for (const value of values) {
      if (typeof value === "bigint") lines.push(`${number}: ${value}`);
      else lines.push(`${number}: ${nested ? protobufText(value, []) : hexOf(value)}`);
    }
  }
  return lines.join("\n");
}

/** Numbers that grow or wear on their own. */
const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/"(raft_term|raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse|hash)":\d+/g, '"$1":N'],
  [/"(RaftTerm|RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse|Hash)" : \d+/g, '"$1" : N'],
  [/took = \S+/g, "took = T"],
  [/took \d[^\s.]*(\.\d+)?[µm]?s/g, "took T"],
  // One space or two, by the build of the text printer of protobuf.
  [/(memberID:\S+) +(?=alarm:)/g, "$1 "],
  [/"took":"[^"]*"/g, '"took":"T"'],
  [/"Took" : \S+/g, '"Took" : T'],
];

/** Cells of `endpoint status` that vary: sizes, share, term and indexes. */
function statusCells(line: string, separator: string): string {
  const cells = line.split(separator);
  if (cells.length < 10) return line;
  return cells
    .map((cell) => cell.trim())
    .map((cell) => (/^(\d+(\.\d)? [kM]?B|\d+%|\d+)$/.test(cell) ? "N" : cell))
    .join(separator);
}

function ruled(line: string): string {
  return line
    .replace(/─+/g, "─")
    .replace(/ +/g, " ")
    .replace(/[-+]{3,}/g, "-");
}

/** Text in which two good answers to one step are equal. */
export function normalise(step: Step, outcome: Outcome, identity: Identity): string {
  const lines = [`exit ${outcome.exitCode}`];
  if (step.exitOnly === true) return lines[0] as string;
  const format = /-w[ =]?(\w+)/.exec(step.args.join(" "))?.[1];
  const isStatus = step.args.includes("status");
  const isTable = format === "table" && outcome.stdout.length > 0;
  let text = outcome.stdout.toString("latin1");
  if (format === "protobuf" && outcome.exitCode === 0) {
    // Members are ids and URLs of this very run: they are compared in the other formats.
    const drop = step.args[0] === "member" ? [1, 2] : [1];
    text = protobufText(outcome.stdout, drop, step.args[0] === "alarm");
  } else if (isTable) {
    text = outcome.stdout.toString("utf8").split("\n").map(ruled).join("\n");
    // The table of 3.4 has ASCII rules.
    text = text.replace(/([│|]) [\d.]+(ns|µs|ms|s) (?=[│|])/g, "$1 T ");
    if (isStatus)
      text = text
        .split("\n")
        .map((line) => statusCells(line, line.startsWith("|") ? "|" : "│"))
        .join("\n");
  } else if (isStatus)
    text = text
      .split("\n")
      .map((line) => statusCells(line, ", "))
      .join("\n");
  for (const [pattern, replacement] of VARIABLE) text = text.replace(pattern, replacement);
  text = unnamed(text, identity);
  lines.push(step.args[0] === "lease" ? withoutLeases(text) : text);
  const errors = unnamed(outcome.stderr.toString("latin1"), identity);
  lines.push("stderr:", errorLines(errors).replace(/took (= )?\d\S*s\b/g, "took $1T"));
  return lines.join("\n");
}

/** Ids that servers chose; those that the script names begin with many zeros. */
function withoutLeases(text: string): string {
  return text
    .replace(/\b(?!0{8})[0-9a-f]{16}\b/g, "LEASE")
    .replace(/("(?:ID|id)" ?: ?)\d{15,19}\b/g, "$1LEASE");
}

function unnamed(text: string, { endpoint, peer, memberId, clusterId }: Identity): string {
  return text
    .replaceAll(memberId.toString(), "MEMBER")
    .replaceAll(memberId.toString(16), "MEMBER")
    .replaceAll(clusterId.toString(), "CLUSTER")
    .replaceAll(clusterId.toString(16), "CLUSTER")
    .replaceAll(endpoint, "ENDPOINT")
    .replaceAll(peer, "PEER");
}

/** The lines of standard error that are words to the user: no log lines, no usage. */
function errorLines(text: string): string {
  // etcdctl 3.4 ends so when it prints an answer without a header; where, says nothing.
  const panic = /^panic: .*$/m.exec(text);
  if (panic !== null) return panic[0];
  const usage = text.search(/^Usage:/m);
  const spoken = usage < 0 ? text : text.slice(0, usage);
  const after = usage < 0 ? [] : text.slice(usage).split("\n");
  return [...spoken.split("\n"), ...after.filter((line) => line.startsWith("Error:"))]
    .map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ /, "TIME "))
    .filter((line) => !line.startsWith("{"))
    .map((line) => line.replaceAll(/skeinctl|etcdctl/g, "TOOL").trimEnd())
    .filter((line) => line !== "")
    .join("\n");
}
