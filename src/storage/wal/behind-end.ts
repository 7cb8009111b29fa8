import { crc32cUpdate } from "../../base/crc32c.ts";
import type { Disk, FileId } from "../../platform/disk.ts";
import { PayloadError, decodeState } from "./codec.ts";
import { RecordType, WORD_BYTES } from "./format.ts";
import { HEAD_BYTES_MAX, RecordHead, u32 } from "./record-reader.ts";

/**
 * The highest commit index in intact records behind `endOffset`, where reading stopped; 0 when
 * there is none. A record counts when the checksum of the one before it leads to its own, so that
 * stale and random bytes do not.
 */
export function commitBehind(disk: Disk, file: FileId, endOffset: number): number {
  const bytes = new Uint8Array(Math.max(0, disk.sizeSync(file) - endOffset));
  const length = disk.readSync(file, bytes, endOffset);
  const head = new RecordHead();
  let commit = 0;
  let at = 0;
  let chain = -1;
  while (at + WORD_BYTES <= length) {
    const recordBytes = frameAt(bytes, at, length, head);
    if (recordBytes === 0) {
      chain = -1;
      at += WORD_BYTES;
      continue;
    }
    const begin = at + WORD_BYTES;
    const dataAt = begin + head.headBytes;
    if (chain >= 0 && head.type === RecordType.state) {
      const isIntact = crc32cUpdate(chain, bytes, dataAt, begin + recordBytes) === head.crc;
      if (isIntact)
        commit = Math.max(commit, commitOf(bytes.subarray(dataAt, begin + recordBytes)));
    }
    chain = head.crc;
    at = begin + recordBytes + ((WORD_BYTES - (recordBytes % WORD_BYTES)) % WORD_BYTES);
  }
  return commit;
}

/** Size of the record whose frame is at `at`, its fields in `head`; 0 when nothing like it is. */
function frameAt(bytes: Uint8Array, at: number, end: number, head: RecordHead): number {
  const length = u32(bytes, at);
  const high = u32(bytes, at + 4);
  if (length === 0) return 0;
  const padding = (WORD_BYTES - (length % WORD_BYTES)) % WORD_BYTES;
  const begin = at + WORD_BYTES;
  if (high !== (padding === 0 ? 0 : (0x80 | padding) * 0x100_0000)) return 0;
  if (begin + length + padding > end) return 0;
  head.parse(bytes, begin, begin + Math.min(length, HEAD_BYTES_MAX));
  return head.valid && head.recordBytes === length ? length : 0;
}

function commitOf(data: Uint8Array): number {
  try {
    return decodeState(data).commit;
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return 0;
  }
}
