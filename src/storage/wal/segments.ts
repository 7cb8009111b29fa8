import type { Disk } from "../../platform/disk.ts";
import { parseSegmentName } from "./format.ts";
import type { SegmentName } from "./format.ts";
import { WalError } from "./types.ts";

/** The segments of a directory in order; other names are ignored. Empty when it does not exist. */
export function listSegments(disk: Disk, dir: string): SegmentName[] {
  if (!disk.existsSync(dir)) return [];
  const segments: SegmentName[] = [];
  for (const name of disk.listSync(dir)) {
    const parsed = parseSegmentName(name);
    if (parsed !== null) segments.push(parsed);
  }
  return segments;
}

/**
 * Position of the segment to start reading from: the last one whose index ≤ `index`. All after it
 * must follow one another. @throws WalError.
 */
export function chooseSegment(
  dir: string,
  segments: readonly SegmentName[],
  index: number,
): number {
  const refuse = (message: string, code: "not-found" | "file-gap"): WalError =>
    new WalError({
      code,
      message,
      file: dir,
      offset: -1,
      remedy: "Put the missing segments back, or restore this member from a backup.",
    });
  const chosen = segments.findLastIndex((segment) => segment.index <= index);
  if (chosen < 0) throw refuse(`wal: file not found: no segment for index ${index}`, "not-found");
  for (let i = chosen + 1; i < segments.length; i++) {
    if (segments[i].sequence !== segments[i - 1].sequence + 1) {
      throw refuse(
        `wal: file not found: no segment between ${segments[i - 1].name} and ` + segments[i].name,
        "file-gap",
      );
    }
  }
  return chosen;
}
