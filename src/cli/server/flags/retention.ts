import type { AutoCompaction } from "../../../service/compaction/auto-compactor.ts";
import { parseDurationMs, type Parsed, parseInt64 } from "../../go/go-number.ts";
import { goQuote } from "../../go/go-text.ts";

const MS_PER_HOUR = 3_600_000;
const NS_PER_MS = 1e6;

/**
 * `--auto-compaction-retention` in a valid mode, as etcd reads it: a number that is not negative is
 * hours or revisions; everything else is a duration, which means its nanoseconds as revisions.
 */
export function parseRetention(mode: string, text: string): Parsed<AutoCompaction> {
  const isRevision = mode === "revision";
  const count = parseInt64(text === "" ? "0" : text, 10, text);
  if ("value" in count && count.value >= 0n) {
    const amount = Number(count.value);
    if (amount === 0) return { value: { mode: "off" } };
    if (isRevision) return { value: { mode: "revision", retentionRevisions: amount } };
    return { value: { mode: "periodic", retentionMs: amount * MS_PER_HOUR } };
  }
  const duration = parseDurationMs(text, goQuote(text));
  if ("error" in duration) return { error: `error parsing CompactionRetention: ${duration.error}` };
  const ms = duration.value;
  // etcd starts, and compacts at once all the time, or to revisions that do not exist.
  if (ms < 0) return { error: `--auto-compaction-retention must not be negative (set to ${text})` };
  if (ms === 0) return { value: { mode: "off" } };
  if (!isRevision) return { value: { mode: "periodic", retentionMs: ms } };
  return { value: { mode: "revision", retentionRevisions: Math.round(ms * NS_PER_MS) } };
}
