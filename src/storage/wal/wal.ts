/** The write-ahead log in etcd's format: what the rest of the member sees of it. */
import { PayloadError, decodeMetadataFields } from "./codec.ts";
import { inOneGo } from "../../base/sliced.ts";
import { contentFrom, scanLog, validOf } from "./content.ts";
import type { SegmentName } from "./format.ts";
import { RecordReader } from "./record-reader.ts";
import type { ReadableSegment } from "./record-reader.ts";
import { chooseSegment, listSegments } from "./segments.ts";
import { WalError } from "./types.ts";
import type { WalContent, WalOptions, WalSnapshot, WalStart } from "./types.ts";

export type { StartChoice } from "./content.ts";
export type { OpenedWal, Wal, WalContent, WalObserver, WalOptions } from "./types.ts";
export type { WalSnapshot, WalStart } from "./types.ts";
export { PENDING_BYTES_MAX, SEGMENT_BYTES, SLOW_SYNC_MS, WalError } from "./types.ts";
export { encodeMetadata } from "./codec.ts";
export { createWal, openingWal, openWal } from "./open.ts";

type WalPlace = Pick<WalOptions, "disk" | "dir">;

/** True when `dir` holds a segment: the member restarts instead of bootstrapping. */
export function walExists(place: WalPlace): boolean {
  return listSegments(place.disk, place.dir).length > 0;
}

/**
 * Reads without locks and without changing anything; an incomplete tail is tolerated.
 * @throws WalError for damage; DiskError.
 */
export function readWal(place: WalPlace, start: WalStart): WalContent {
  const segments = listSegments(place.disk, place.dir);
  const chosen = chooseSegment(place.dir, segments, start.index);
  return withReader(place, segments.slice(chosen), (reader) => {
    const scan = inOneGo(scanLog(reader, start.index));
    return contentFrom(reader, scan, start);
  });
}

/**
 * Snapshot records that may be started from, in file order: index ≤ commit of the last hard state.
 * `{0, 0}` is among them while the first segment exists. @throws WalError.
 */
export function validSnapshots(place: WalPlace): WalSnapshot[] {
  const segments = listSegments(place.disk, place.dir);
  const [oldest] = segments;
  if (oldest === undefined) return [];
  chooseSegment(place.dir, segments, oldest.index);
  return withReader(place, segments, (reader) =>
    validOf(inOneGo(scanLog(reader, Number.MAX_SAFE_INTEGER))),
  );
}

/** @throws WalError on bytes that are not walpb.Metadata. */
export function decodeMetadata(bytes: Uint8Array): { nodeId: bigint; clusterId: bigint } {
  try {
    return decodeMetadataFields(bytes);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    throw new WalError({
      code: "corrupt",
      message: `metadata record: ${error.message}`,
      file: "",
      offset: -1,
      remedy: "Restore this member from a backup.",
    });
  }
}

function withReader<T>(
  { disk, dir }: WalPlace,
  segments: readonly SegmentName[],
  read: (reader: RecordReader) => T,
): T {
  const open: ReadableSegment[] = [];
  try {
    for (const { name } of segments) {
      const path = `${dir}/${name}`;
      open.push({ path, file: disk.openSync(path, {}) });
    }
    return read(new RecordReader(disk, open));
  } finally {
    for (const { file } of open) disk.closeSync(file);
  }
}
