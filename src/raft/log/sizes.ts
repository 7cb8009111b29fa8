import { varintSize } from "../../base/byte-writer.ts";
import { type Entry, EntryType } from "../types.ts";

/**
 * Bytes of an entry in protobuf: what bounds a message and what is handed out for apply. Term and
 * index are always there, the type of a normal entry and data without bytes never.
 */
export function encodedBytes({ type, term, index, data }: Entry): number {
  let bytes = 2 + varintSize(term) + varintSize(index);
  if (type !== EntryType.normal) bytes += 2;
  if (data.length > 0) bytes += 1 + varintSize(data.length) + data.length;
  return bytes;
}

/** Encoded bytes of all `entries`. */
export function totalEncodedBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let at = 0; at < entries.length; at += 1) bytes += encodedBytes(entries[at]!);
  return bytes;
}

/** Bytes of the data alone: what counts for the uncommitted quota and for what is under way. */
export function totalPayloadBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let at = 0; at < entries.length; at += 1) bytes += entries[at]!.data.length;
  return bytes;
}

/**
 * How far `entries[start, end)` go within `maxBytes`: an exclusive end. The first one always does,
 * so that an entry above the limit gets anywhere at all.
 */
export function endWithin(
  entries: readonly Entry[],
  start: number,
  end: number,
  maxBytes: number,
): number {
  if (start >= end || maxBytes === Number.POSITIVE_INFINITY) return end;
  let bytes = encodedBytes(entries[start]!);
  for (let at = start + 1; at < end; at += 1) {
    bytes += encodedBytes(entries[at]!);
    if (bytes > maxBytes) return at;
  }
  return end;
}
