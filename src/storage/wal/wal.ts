/** The write-ahead log in etcd's format: what the rest of the member sees of it. */
import { PayloadError, decodeMetadataFields } from "./codec.ts";
import { collect } from "./content.ts";
import type { Collected, WalStart } from "./content.ts";
import { RecordReader } from "./record-reader.ts";
import type { ReadableSegment } from "./record-reader.ts";
import { chooseSegment, listSegments } from "./segments.ts";
import { WalError } from "./types.ts";
import type { WalContent, WalOptions, WalSnapshot } from "./types.ts";

export type { OpenedWal, Wal, WalContent, WalObserver, WalOptions, WalSnapshot } from "./types.ts";
export { PENDING_BYTES_MAX, SEGMENT_BYTES, SLOW_SYNC_MS, WalError } from "./types.ts";
export { encodeMetadata } from "./codec.ts";
export { createWal, openWal } from "./open.ts";

type WalPlace = Pick<WalOptions, "disk" | "dir">;

/** True when `dir` holds a segment: the member restarts instead of bootstrapping. */
export function walExists(place: WalPlace): boolean {
  return listSegments(place.disk, place.dir).length > 0;
}

/**
 * Reads without locks and without changing anything; an incomplete tail is tolerated.
 * @throws WalError for damage; DiskError.
 */
export function readWal(
  place: WalPlace,
  start: { readonly index: number; readonly term: number },
): WalContent {
  const { metadata, hardState, entries, snapshotFound } = readFrom(place, start);
  return { metadata, hardState, entries, snapshotFound };
}

/**
 * Snapshot records that may be started from, in file order: index ≤ commit of the last hard state.
 * `{0, 0}` is among them while the first segment exists. @throws WalError.
 */
export function validSnapshots(place: WalPlace): WalSnapshot[] {
  const segments = listSegments(place.disk, place.dir);
  if (segments.length === 0) return [];
  // From the oldest segment on; entries are of no interest, so none is kept.
  const { snapshots, hardState } = readFrom(
    place,
    {
      index: Number.MAX_SAFE_INTEGER,
      term: 0,
    },
    0,
  );
  const commit = hardState?.commit ?? 0;
  return snapshots.filter((snapshot) => snapshot.index <= commit);
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

/** Reads from the segment at position `first`, or from the one that `start` asks for. */
function readFrom(place: WalPlace, start: WalStart, first?: number): Collected {
  const { disk, dir } = place;
  const names = listSegments(disk, dir);
  const chosen = chooseSegment(dir, names, first === undefined ? start.index : names[0].index);
  const open: ReadableSegment[] = [];
  try {
    for (const { name } of names.slice(first ?? chosen)) {
      const path = `${dir}/${name}`;
      open.push({ path, file: disk.openSync(path, {}) });
    }
    return collect(new RecordReader(disk, open), start);
  } finally {
    for (const { file } of open) disk.closeSync(file);
  }
}
