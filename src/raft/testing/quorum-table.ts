import type { Known } from "../quorum/majority.ts";

/**
 * What each voter acknowledged, as a bar chart: a bar is as long as the voter's place among the
 * sorted indexes.
 *
 *            idx
 *     xx>     12    (id=1)
 *     ?        0    (id=2)
 */
export function describeAcked(ids: readonly bigint[], acked: Known<number>): string {
  const width = ids.length;
  if (width === 0) return "<empty majority quorum>";
  const indexes = ids.map((id) => acked.get(id) ?? 0).toSorted((a, b) => a - b);
  const rows = ids.map((id) => {
    const index = acked.get(id);
    const bar = "x".repeat(indexes.indexOf(index ?? 0));
    const chart = index === undefined ? `?${" ".repeat(width)}` : `${bar}>`.padEnd(width + 1);
    return `${chart} ${String(index ?? 0).padStart(5)}    (id=${id.toString(16)})\n`;
  });
  return `${" ".repeat(width)}    idx\n${rows.join("")}`;
}
