import type { Step } from "./steps.ts";

/** What the two servers made of a step. */
export interface Outcome {
  readonly step: Step;
  readonly etcd: readonly string[];
  readonly skein: readonly string[];
}

/** A difference that is meant. */
export interface Allowance {
  readonly reason: string;
  readonly covers: (outcome: Outcome) => boolean;
}

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
      "RangeStream with a sort target but no order: etcd sorts each chunk by itself and goes on " +
      "after the last key of that order, so keys repeat or are lost. Skein sends key order.",
    covers: ({ step, etcd, skein }) =>
      step.call === "RangeStream" &&
      isSet(step.fields["sort_target"]) &&
      [etcd, skein].every((lines) => lines[0] === "code 0") &&
      [etcd, skein].every((lines) => lines.includes("header:")) &&
      lastLine(etcd, "count: ") === lastLine(skein, "count: "),
  },
];

/** Whether a difference is one of those. */
export function isAllowed(outcome: Outcome): boolean {
  return ALLOWANCES.some(({ covers }) => covers(outcome));
}

function isSet(value: unknown): boolean {
  return typeof value === "bigint" && value !== 0n;
}

function lastLine(lines: readonly string[], start: string): string | undefined {
  return lines.findLast((line) => line.startsWith(start));
}
