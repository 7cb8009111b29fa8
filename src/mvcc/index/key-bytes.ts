import type { ByteSpan } from "../../base/span.ts";
import type { Slab } from "../../base/slab.ts";

/** Bytes of a key that a node keeps inline, to compare without touching the key. */
export const HEAD_BYTES = 4;

/** The four bytes of a key from `offset` on as a number; zeros beyond its end. */
export function headOf(bytes: Uint8Array, offset: number, end: number): number {
  if (offset + HEAD_BYTES <= end) {
    const low = (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3];
    return ((bytes[offset] << 24) | low) >>> 0;
  }
  let head = 0;
  for (let i = offset; i < offset + HEAD_BYTES; i++) head = (head << 8) | (i < end ? bytes[i] : 0);
  return head >>> 0;
}

/** The head of a stored key after its first `prefix` bytes. */
export function headAt(slab: Slab, location: number, prefix: number): number {
  const start = slab.start(location);
  return headOf(slab.bytes(location), start + prefix, start + slab.length(location));
}

/**
 * Compares a key to a stored one, both known to be equal in their first `from` bytes: negative when
 * the key is smaller.
 */
export function compareToStored(key: ByteSpan, slab: Slab, location: number, from: number): number {
  const stored = slab.bytes(location);
  const start = slab.start(location);
  const storedLength = slab.length(location);
  const length = key.end - key.start;
  const shared = length < storedLength ? length : storedLength;
  const { bytes } = key;
  for (let i = from; i < shared; i++) {
    const difference = bytes[key.start + i] - stored[start + i];
    if (difference !== 0) return difference;
  }
  return length - storedLength;
}

/** How many first bytes a key and a stored one share, at most `limit`. */
export function sharedWithStored(
  key: ByteSpan,
  slab: Slab,
  location: number,
  limit: number,
): number {
  const stored = slab.bytes(location);
  const start = slab.start(location);
  const { bytes } = key;
  const length = Math.min(key.end - key.start, slab.length(location), limit);
  let i = 0;
  while (i < length && bytes[key.start + i] === stored[start + i]) i += 1;
  return i;
}

/** Fills a span with a stored key. */
export function spanOfStored(slab: Slab, location: number, out: ByteSpan): void {
  out.bytes = slab.bytes(location);
  out.start = slab.start(location);
  out.end = out.start + slab.length(location);
}
