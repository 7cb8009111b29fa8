/** CRC-32C (Castagnoli), reflected, as in RFC 3720 appendix B.4 and Go's hash/crc32. */
const POLYNOMIAL = 0x82f63b78;

/** Bytes per step of the main loop; one table of 256 words for each (slicing by 16: 16 KiB). */
const SLICES = 16;

const tables = buildTables();

function buildTables(): Int32Array {
  const t = new Int32Array(SLICES * 256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    t[i] = c;
  }
  for (let i = 256; i < t.length; i++) t[i] = (t[i - 256] >>> 8) ^ t[t[i - 256] & 0xff];
  return t;
}

/** The checksum of `bytes[start, end)`, an unsigned 32-bit number. Of "123456789": e3069283. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return crc32cUpdate(0, bytes, start, end);
}

/**
 * Continues a finished checksum `crc` over `bytes[start, end)` (Go: crc32.Update), so that
 * update(update(0, a), b) is the checksum of a followed by b. Returns an unsigned 32-bit number.
 */
export function crc32cUpdate(crc: number, bytes: Uint8Array, start: number, end: number): number {
  const t = tables;
  let c = ~crc;
  let i = start;
  // The table of the last byte of a step is the first one: it has no bytes after it to shift past.
  for (const stop = end - SLICES; i <= stop; i += SLICES) {
    c =
      t[3840 + ((c ^ bytes[i]) & 0xff)] ^
      t[3584 + (((c >>> 8) ^ bytes[i + 1]) & 0xff)] ^
      t[3328 + (((c >>> 16) ^ bytes[i + 2]) & 0xff)] ^
      t[3072 + ((c >>> 24) ^ bytes[i + 3])] ^
      t[2816 + bytes[i + 4]] ^
      t[2560 + bytes[i + 5]] ^
      t[2304 + bytes[i + 6]] ^
      t[2048 + bytes[i + 7]] ^
      t[1792 + bytes[i + 8]] ^
      t[1536 + bytes[i + 9]] ^
      t[1280 + bytes[i + 10]] ^
      t[1024 + bytes[i + 11]] ^
      t[768 + bytes[i + 12]] ^
      t[512 + bytes[i + 13]] ^
      t[256 + bytes[i + 14]] ^
      t[bytes[i + 15]];
  }
  for (; i < end; i++) c = t[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}
