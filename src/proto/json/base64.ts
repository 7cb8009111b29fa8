const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Bytes that go into one call of String.fromCharCode; a multiple of 3. */
const PIECE_BYTES = 3 * 4096;

/** Value of each character of either alphabet, by code; 255 for others. */
const VALUES = new Uint8Array(128).fill(255);
for (let i = 0; i < 64; i++) VALUES[STANDARD.charCodeAt(i)] = i;
VALUES["-".charCodeAt(0)] = 62;
VALUES["_".charCodeAt(0)] = 63;

/** Standard alphabet, padded. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    text += btoa(String.fromCharCode(...piece));
  }
  return text;
}

/**
 * Reads base64 as Go's protojson does: the URL alphabet when `-` or `_` occurs, else the standard
 * one; padding when and only when the length is a multiple of four; line ends are ignored; bits
 * left over at the end too. Undefined when it is not base64.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const url = /[-_]/.test(text);
  const padded = text.length % 4 === 0;
  const plain = text.replace(/[\r\n]/g, "");
  const body = padded ? plain.replace(/={1,2}$/, "") : plain;
  if (padded && plain.length % 4 !== 0) return undefined;
  if (body.length % 4 === 1 || /[^A-Za-z0-9+/_-]/.test(body)) return undefined;
  if (url && /[+/]/.test(body)) return undefined;
  const bytes = new Uint8Array((body.length * 3) >> 2);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < body.length; i++) {
    held = (held << 6) | (VALUES[body.charCodeAt(i)] as number);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
    held &= (1 << bits) - 1;
  }
  return bytes;
}
