import type { Disk, FileId } from "../../platform/disk.ts";
import { parentOf } from "./format.ts";

/** Copied and searched at a time. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Cuts a torn segment at `endOffset`, the end of its valid records, after copying it whole to
 * `<path>.broken` (an older copy is replaced). Durable when it returns.
 */
export function cutTornTail(
  disk: Disk,
  segment: { readonly path: string; readonly file: FileId; readonly endOffset: number },
): void {
  const broken = `${segment.path}.broken`;
  const copy = disk.openSync(broken, { write: true, create: true });
  try {
    disk.truncateSync(copy, 0);
    const size = disk.sizeSync(segment.file);
    const piece = new Uint8Array(Math.min(size, PIECE_BYTES));
    for (let offset = 0; offset < size; offset += piece.length) {
      const read = disk.readSync(segment.file, piece, offset);
      disk.writeSync(copy, piece.subarray(0, read), offset);
    }
    disk.syncSync(copy);
  } finally {
    disk.closeSync(copy);
  }
  disk.syncDirSync(parentOf(segment.path));
  disk.truncateSync(segment.file, segment.endOffset);
  disk.syncSync(segment.file);
}

/**
 * Zeroes what an interrupted write left behind the end of the log, so that it is never taken for
 * records once new ones reach it. Durable when it returns; costs a scan when all is zero.
 */
export function zeroTail(disk: Disk, file: FileId, endOffset: number): void {
  const size = disk.sizeSync(file);
  const left = Math.min(PIECE_BYTES, Math.max(0, size - endOffset));
  const piece = new Uint8Array(left + 4 - (left % 4));
  const words = new Int32Array(piece.buffer);
  let changed = false;
  for (let offset = endOffset; offset < size; offset += piece.length) {
    const read = disk.readSync(file, piece, offset);
    piece.fill(0, read);
    if (isZero(words)) continue;
    piece.fill(0);
    disk.writeSync(file, piece.subarray(0, read), offset);
    changed = true;
  }
  if (changed) disk.syncSync(file);
}

function isZero(words: Int32Array): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}
