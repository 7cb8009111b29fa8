/** What is summed for itself: parts of a page can be read, and checked, without the rest. */
export const SECTOR_BYTES = 512;
const SECTOR_WORDS = SECTOR_BYTES / 4;

/** The primes of XXH32. */
const PRIME_1 = 0x9e37_79b1 | 0;
const PRIME_2 = 0x85eb_ca77 | 0;
const PRIME_3 = 0xc2b2_ae3d | 0;
/** Words in one step, a lane each: the next multiplications begin while the first goes on. */
const LANES = 4;

/** Sums of the sectors of the page that was summed last: all pages of a process share the room. */
const last = { sectors: new Int32Array(8) };

/**
 * The checksum of a page with its overflow pages: XXH32 (seed 0) of the XXH32 of its sectors, those
 * filled up with zeros to 16 bytes, and 1 for 0. Not a CRC, which takes several times as long (ADR
 * 0006): this is paid at every page that is read. Each step maps what a lane has collected, and the
 * next word, one to one: damage within one aligned word of four bytes is always seen. Of other
 * damage one in 2^32 is not. `page` is of a multiple of 16 bytes.
 */
export function pageSum(page: Uint8Array): number {
  const words = wordsOf(page);
  return wordsSum(words, 0, words.length);
}

/** `pageSum` of `words[start, end)`. */
export function wordsSum(words: Int32Array, start: number, end: number): number {
  const count = Math.ceil((end - start) / SECTOR_WORDS);
  const filled = Math.ceil(count / LANES) * LANES;
  if (filled > last.sectors.length) last.sectors = new Int32Array(filled * 2);
  const { sectors } = last;
  let sector = 0;
  for (let at = start; at < end; at += SECTOR_WORDS, sector += 1) {
    sectors[sector] = sectorSum(words, at, Math.min(at + SECTOR_WORDS, end));
  }
  sectors.fill(0, count, filled);
  const sum = sectorSum(sectors, 0, filled) >>> 0;
  return sum === 0 ? 1 : sum;
}

/** XXH32 of `words[start, end)`, whose number is a multiple of four, as a signed number. */
export function sectorSum(words: Int32Array, start: number, end: number): number {
  let a = (PRIME_1 + PRIME_2) | 0;
  let b = PRIME_2;
  let c = 0;
  let d = -PRIME_1 | 0;
  for (let i = start; i < end; i += LANES) {
    a = (a + Math.imul(words[i]!, PRIME_2)) | 0;
    b = (b + Math.imul(words[i + 1]!, PRIME_2)) | 0;
    c = (c + Math.imul(words[i + 2]!, PRIME_2)) | 0;
    d = (d + Math.imul(words[i + 3]!, PRIME_2)) | 0;
    a = Math.imul((a << 13) | (a >>> 19), PRIME_1);
    b = Math.imul((b << 13) | (b >>> 19), PRIME_1);
    c = Math.imul((c << 13) | (c >>> 19), PRIME_1);
    d = Math.imul((d << 13) | (d >>> 19), PRIME_1);
  }
  const lanes = turned(a, 1) + turned(b, 7) + turned(c, 12) + turned(d, 18);
  return mixed((lanes + (end - start) * 4) | 0);
}

/** Copies the sums of the first sectors of the page that was summed last. */
export function copySectorSums(into: Int32Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) into[at + i] = last.sectors[i]!;
}

function turned(lane: number, bits: number): number {
  return (lane << bits) | (lane >>> (32 - bits));
}

/** Every bit of the sum depends on every bit of the lanes. */
function mixed(sum: number): number {
  let mix = Math.imul(sum ^ (sum >>> 15), PRIME_2);
  mix = Math.imul(mix ^ (mix >>> 13), PRIME_3);
  return mix ^ (mix >>> 16);
}

function wordsOf(page: Uint8Array): Int32Array {
  const { buffer, byteOffset, length } = page;
  if (byteOffset % 4 !== 0) return wordsOf(new Uint8Array(page));
  return new Int32Array(buffer, byteOffset, length >>> 2);
}
