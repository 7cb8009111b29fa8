/**
 * Names bytes without owning or copying them: `bytes[start, end)`. Callers keep spans and refill
 * them, so a hot path makes no object per request. Who fills one says how long it stays valid.
 */
export interface ByteSpan {
  bytes: Uint8Array;
  start: number;
  end: number;
}

const EMPTY = new Uint8Array(0);

/** A new reusable span, empty or over the whole of `bytes`. */
export function newSpan(bytes: Uint8Array = EMPTY): ByteSpan {
  return { bytes, start: 0, end: bytes.length };
}

/** A copy of `bytes[start, end)` for whoever must keep them. (`slice` of a Buffer is none.) */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

/** A copy of the bytes that `span` names, for whoever must keep them. */
export function copyOfSpan({ bytes, start, end }: ByteSpan): Uint8Array {
  return copyOf(bytes, start, end);
}

/** Unsigned bytewise order, a proper prefix first: negative, 0 or positive. */
export function compareSpans(a: ByteSpan, b: ByteSpan): number {
  const lengthA = a.end - a.start;
  const lengthB = b.end - b.start;
  const shared = lengthA < lengthB ? lengthA : lengthB;
  const bytesA = a.bytes;
  const bytesB = b.bytes;
  for (let i = 0; i < shared; i++) {
    const difference = bytesA[a.start + i] - bytesB[b.start + i];
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}
