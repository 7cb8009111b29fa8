/**
 * The Huffman code of RFC 7541, appendix B. It is canonical: among codes of one length the symbols
 * ascend, so the lengths alone say everything and the tables below are computed from them.
 */

/** Code length in bits of each octet, and of EOS (256). */
// prettier-ignore
const codeBits: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const symbolCount = 257;
const eos = 256;
const longestBits = 30;
/** Codes up to this long are found with one table look-up; all that ordinary headers use. */
const shortBits = 8;

/** Code of each symbol. */
const CODES = new Uint32Array(symbolCount);
/** By length: first code, how many codes, and where their symbols start in `SYMBOLS_IN_ORDER`. */
const FIRST_CODE = new Uint32Array(longestBits + 1);
const CODES_OF_LENGTH = new Uint32Array(longestBits + 1);
const FIRST_PLACE = new Uint32Array(longestBits + 1);
const SYMBOLS_IN_ORDER = new Uint16Array(symbolCount);
/** By the next 8 bits: symbol << 4 | length, or 0 when the code is longer. */
const SHORT_CODES = new Uint16Array(1 << shortBits);

function buildTables(): void {
  let code = 0;
  let place = 0;
  for (let bits = 1; bits <= longestBits; bits++) {
    code *= 2;
    FIRST_CODE[bits] = code;
    FIRST_PLACE[bits] = place;
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (codeBits[symbol] !== bits) continue;
      CODES[symbol] = code;
      SYMBOLS_IN_ORDER[place++] = symbol;
      if (bits <= shortBits) {
        const spare = shortBits - bits;
        const from = code << spare;
        SHORT_CODES.fill((symbol << 4) | bits, from, from + (1 << spare));
      }
      code++;
    }
    CODES_OF_LENGTH[bits] = place - FIRST_PLACE[bits];
  }
}
buildTables();

/** Most octets that `bytes` octets of Huffman code can decode to (the shortest code has 5 bits). */
export function huffmanDecodedMax(bytes: number): number {
  return Math.floor((bytes * 8) / 5);
}

/**
 * Decodes `from[start, end)` into `into` at 0, which must have room for `huffmanDecodedMax`.
 * @returns the number of octets, or -1 when the code holds EOS or ends in padding that is longer
 *   than 7 bits or not all ones (RFC 7541 §5.2).
 */
export function huffmanDecode(
  from: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
): number {
  // Invariant: the low `bits` bits of `window` are read but not used; higher ones are stale.
  let window = 0;
  let bits = 0;
  let at = 0;
  let next = start;
  for (;;) {
    while (bits <= 23 && next < end) {
      window = (window << 8) | from[next++];
      bits += 8;
    }
    if (bits < shortBits) break;
    const entry = SHORT_CODES[(window >>> (bits - shortBits)) & 0xff];
    if (entry !== 0) {
      bits -= entry & 15;
      into[at++] = entry >>> 4;
      continue;
    }
    let code = (window >>> (bits - shortBits)) & 0xff;
    let length = shortBits;
    bits -= shortBits;
    for (;;) {
      if (bits === 0) {
        if (next === end) return -1;
        window = from[next++];
        bits = 8;
      }
      code = (code << 1) | ((window >>> --bits) & 1);
      if (++length > longestBits) return -1;
      if (code - FIRST_CODE[length] < CODES_OF_LENGTH[length]) break;
    }
    const symbol = SYMBOLS_IN_ORDER[FIRST_PLACE[length] + code - FIRST_CODE[length]];
    if (symbol === eos) return -1;
    into[at++] = symbol;
  }
  // Fewer than 8 bits are left: whole short codes, then ones.
  while (bits > 0) {
    const spare = shortBits - bits;
    const entry = SHORT_CODES[((window << spare) | ((1 << spare) - 1)) & 0xff];
    if (entry === 0 || (entry & 15) > bits) break;
    bits -= entry & 15;
    into[at++] = entry >>> 4;
  }
  const ones = (1 << bits) - 1;
  return (window & ones) === ones ? at : -1;
}

/** Length in octets of the Huffman code of a latin1 string. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeBits[text.charCodeAt(i) & 0xff];
  return (bits + 7) >>> 3;
}

/** Encodes a latin1 string at `at`; there must be room for `huffmanLength`. @returns the end. */
export function huffmanEncode(text: string, into: Uint8Array, at: number): number {
  let window = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let length = codeBits[symbol];
    let code = CODES[symbol];
    if (length > 16) {
      // At most 7 bits wait; halves keep the window below 32 bits.
      length -= 16;
      window = (window << length) | (code >>> 16);
      bits += length;
      while (bits >= 8) into[at++] = window >>> (bits -= 8);
      length = 16;
      code &= 0xffff;
    }
    window = (window << length) | code;
    bits += length;
    while (bits >= 8) into[at++] = window >>> (bits -= 8);
  }
  if (bits > 0) into[at++] = (window << (8 - bits)) | (0xff >>> bits);
  return at;
}
