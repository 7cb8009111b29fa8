import type { Bytes, KeySelector } from "./types.ts";

const encoder = new TextEncoder();

/** One zero byte: as a range end it means "to the end of the key space". */
const END_OF_KEYS = Uint8Array.of(0);
const NONE = new Uint8Array(0);

/** Text as UTF-8; bytes as they are. */
export function toBytes(bytes: Bytes): Uint8Array {
  return typeof bytes === "string" ? encoder.encode(bytes) : bytes;
}

/**
 * The exclusive end of the keys that begin with `prefix`: its last byte below 0xff raised by one,
 * the rest cut; `\0` (no end) when there is no such byte.
 */
export function prefixEnd(prefix: Bytes): Uint8Array {
  const bytes = toBytes(prefix);
  for (let at = bytes.length - 1; at >= 0; at--) {
    const byte = bytes[at] as number;
    if (byte === 0xff) continue;
    const end = bytes.slice(0, at + 1);
    end[at] = byte + 1;
    return end;
  }
  return END_OF_KEYS;
}

/** Key and range end on the wire. @throws RangeError when the selectors contradict each other. */
export function selectKeys(
  key: Bytes,
  selector: KeySelector,
): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
  const bytes = toBytes(key);
  const { rangeEnd, prefix, fromKey } = selector;
  const chosen = [rangeEnd !== undefined, prefix === true, fromKey === true];
  if (chosen.filter(Boolean).length > 1) {
    throw new RangeError("only one of rangeEnd, prefix and fromKey can be given");
  }
  if (rangeEnd !== undefined) return { key: bytes, rangeEnd: toBytes(rangeEnd) };
  if (prefix !== true && fromKey !== true) return { key: bytes, rangeEnd: NONE };
  if (bytes.length === 0) return { key: END_OF_KEYS, rangeEnd: END_OF_KEYS };
  return { key: bytes, rangeEnd: prefix === true ? prefixEnd(bytes) : END_OF_KEYS };
}
