import { assert } from "../../../base/assert.ts";

/** Odd, with bits all over (2^32 divided by the golden ratio): a change spreads upwards. */
const SPREAD = 0x9e37_79b1 | 0;
/** Words in one step: a lane each, since a multiplication takes as long as four of them begun. */
const LANES = 4;

/**
 * The checksum of a page with its overflow pages, never 0. Not a CRC: that would take three
 * microseconds per page of 4 KiB in JavaScript, this takes half of one, at every page that is read.
 * Within a lane each step maps what was collected and the next word one to one, so damage within
 * one aligned word of four bytes, and that of any one lane's last word, is always seen; other damage is missed once in 2^32.
 */
export function pageSum(page: Uint8Array): number {
  const words = wordsOf(page);
  const { length } = words;
  assert(length % LANES === 0, "bolt: a page of an odd size");
  let a = length;
  let b = 1;
  let c = 2;
  let d = 3;
  for (let i = 0; i < length; i += LANES) {
    a = Math.imul(a ^ words[i]!, SPREAD);
    b = Math.imul(b ^ words[i + 1]!, SPREAD);
    c = Math.imul(c ^ words[i + 2]!, SPREAD);
    d = Math.imul(d ^ words[i + 3]!, SPREAD);
    // Downwards again: what has reached the top bit would stay there.
    a ^= a >>> 15;
    b ^= b >>> 15;
    c ^= c >>> 15;
    d ^= d >>> 15;
  }
  const sum = mix(mix(mix(a, b), c), d) >>> 0;
  return sum === 0 ? 1 : sum;
}

function mix(sum: number, lane: number): number {
  const mixed = Math.imul(sum, SPREAD) ^ lane;
  return mixed ^ (mixed >>> 16);
}

function wordsOf(page: Uint8Array): Int32Array {
  const { buffer, byteOffset, length } = page;
  if (byteOffset % 4 !== 0) return wordsOf(page.slice());
  return new Int32Array(buffer, byteOffset, length >>> 2);
}
