/** Arguments of one String.fromCharCode call; engines bound their number. */
const CHUNK = 4096;

/**
 * Bytes as a string of one character per byte: ordered like the bytes, so fit for sets and maps.
 */
export function bytesToKeyText(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += bytesToKeyText(bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** Unsigned bytewise order of two byte strings: negative, 0 or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < shorter; i += 1) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
