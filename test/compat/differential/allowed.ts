import type { Step } from "./steps.ts";

/** What the two servers made of a step. */
export interface Outcome {
  readonly step: Step;
  readonly etcd: readonly string[];
  readonly skein: readonly string[];
  /** A compaction may have taken from etcd what the transaction of its revision put. */
  readonly etcdMayHaveLost: boolean;
}

/** A difference that is meant. */
export interface Allowance {
  readonly reason: string;
  readonly covers: (outcome: Outcome) => boolean;
}

/** Keys in the first chunk of a stream. */
const STREAM_CHUNK_KEYS = 10;
const COUNT = "count: ";

/** Every difference that is meant, as narrow as it can be said. */
export const ALLOWANCES: readonly Allowance[] = [
  {
    reason:
      "Numbers of clients saturate at ±2^53: HashKV of a revision below that echoes -2^53, " +
      "where etcd echoes the number itself. Nothing else of the answer differs.",
    covers: ({ step, etcd, skein }) =>
      step.call === "HashKV" &&
      skein.includes("hash_revision: -9007199254740992") &&
      skein.every((line, at) => line === etcd[at] || line.startsWith("hash_revision: -")),
  },
  {
    reason:
      "RangeStream of several chunks with a sort target but no order: etcd sorts each chunk by " +
      "itself and goes on after the last key of that order, so keys repeat or are lost, and the " +
      "count with them. Skein sends key order.",
    covers: ({ step, etcd, skein }) =>
      isSortedStream({ step, etcd, skein }) && countOf(skein) > STREAM_CHUNK_KEYS,
  },
  {
    reason:
      "Such a stream that a limit cuts in its first chunk: etcd's count is wrong either way: " +
      "it adds what lies behind the last key of that order. Skein counts all; the keys are equal.",
    covers: ({ step, etcd, skein }) =>
      isSortedStream({ step, etcd, skein }) &&
      [etcd, skein].every((lines) => lines.includes("more: true")) &&
      withoutCount(etcd) === withoutCount(skein),
  },
  {
    reason:
      "A transaction may delete a key and put it again (a range that ends in a zero byte is not " +
      "seen to overlap). A compaction at its revision removes what it put, and etcd dies when it " +
      "is asked for the key. Skein keeps it, so the hashes differ.",
    covers: ({ step, etcd, skein, etcdMayHaveLost }) =>
      etcdMayHaveLost &&
      step.call === "HashKV" &&
      skein.length === etcd.length &&
      skein.every((line, at) => line === etcd[at] || line.startsWith("hash: ")),
  },
];

/** Whether a difference is one of those. */
export function isAllowed(outcome: Outcome): boolean {
  return ALLOWANCES.some(({ covers }) => covers(outcome));
}

function isSet(value: unknown): boolean {
  return typeof value === "bigint" && value !== 0n;
}

function isSortedStream({ step, etcd, skein }: Pick<Outcome, "step" | "etcd" | "skein">): boolean {
  return (
    step.call === "RangeStream" &&
    isSet(step.fields["sort_target"]) &&
    [etcd, skein].every((lines) => lines[0] === "code 0" && lines.includes("header:"))
  );
}

function countOf(lines: readonly string[]): number {
  const line = lines.findLast((each) => each.startsWith(COUNT));
  return line === undefined ? 0 : Number(line.slice(COUNT.length));
}

function withoutCount(lines: readonly string[]): string {
  return lines.filter((line) => !line.startsWith(COUNT)).join("\n");
}
