import { parse } from "./proto-writer.ts";
import type { RawAnswer } from "./raw-client.ts";
import type { Want } from "./table.ts";

type Fields = ReturnType<typeof parse>;

function number(fields: Fields, field: number): bigint {
  return (fields.get(field)?.at(-1) as bigint | undefined) ?? 0n;
}

function count(fields: Fields, field: number): number {
  return fields.get(field)?.length ?? 0;
}

function rangeSummary(fields: Fields): string {
  return `kvs=${count(fields, 2)} more=${number(fields, 3)} count=${number(fields, 4)}`;
}

function deleteSummary(fields: Fields): string {
  return `deleted=${number(fields, 2)} prev=${count(fields, 3)}`;
}

const RESPONSES: Readonly<Record<number, readonly [string, (fields: Fields) => string]>> = {
  1: ["range", rangeSummary],
  2: ["put", (fields) => `prev=${count(fields, 2)}`],
  3: ["delete", deleteSummary],
  4: ["txn", txnSummary],
};

function txnSummary(fields: Fields): string {
  const responses = (fields.get(3) ?? []).map((each) => {
    const [kind, value] = [...parse(each as Uint8Array)][0] ?? [0, []];
    const [name, summary] = RESPONSES[kind] ?? ["none", (): string => ""];
    return `${name}(${summary(parse(value[0] as Uint8Array))})`;
  });
  return [`succeeded=${number(fields, 2)}`, ...responses].join(" ");
}

/** What a successful answer says, without ids and revisions. */
export function summarize(path: string, answer: RawAnswer): string {
  const method = path.slice(path.lastIndexOf("/") + 1);
  if (method === "RangeStream") {
    const pieces = answer.messages.map((each) =>
      parse((parse(each).get(1)?.[0] as Uint8Array | undefined) ?? new Uint8Array(0)),
    );
    const kvs = pieces.reduce((sum, piece) => sum + count(piece, 2), 0);
    const last = pieces.at(-1) ?? new Map();
    return `kvs=${kvs} more=${number(last, 3)} count=${number(last, 4)}`;
  }
  const fields = parse(answer.messages[0] ?? new Uint8Array(0));
  switch (method) {
    case "Range":
      return rangeSummary(fields);
    case "Put":
      return `prev=${count(fields, 2)}`;
    case "DeleteRange":
      return deleteSummary(fields);
    case "Txn":
      return txnSummary(fields);
    case "Alarm":
      return `alarms=${count(fields, 2)}`;
    default:
      return "";
  }
}

/** @returns how the answer differs from what was wanted, or null. */
export function difference(path: string, answer: RawAnswer, want: Want): string | null {
  const shown = `code ${answer.code} "${answer.message}"`;
  if ("ok" in want) {
    if (answer.code !== 0) return `wanted success (${want.ok}), got ${shown}`;
    const summary = summarize(path, answer);
    return summary === want.ok ? null : `wanted "${want.ok}", got "${summary}"`;
  }
  const text = "prefix" in want ? `"${want.prefix}…"` : `"${want.message}"`;
  const fits =
    "prefix" in want ? answer.message.startsWith(want.prefix) : answer.message === want.message;
  const wantedHttp = "http" in want ? want.http : 200;
  if (answer.code === want.code && fits && answer.httpStatus === wantedHttp) return null;
  if (answer.code === want.code && fits) {
    return `wanted HTTP status ${wantedHttp}, got ${answer.httpStatus}`;
  }
  const result = answer.code === 0 ? ` (${summarize(path, answer)})` : "";
  return `wanted code ${want.code} ${text}, got ${shown}${result}`;
}
