/**
 * Hash of a lease id, 32 bits, unsigned. One half is mixed through before the other comes in, each
 * with a seed of its own: differences of the two do not cancel, whatever ids clients choose.
 */
export function leaseHash(high: number, low: number, seedLow: number, seedHigh: number): number {
  return mix(mix(low ^ seedLow) ^ high ^ seedHigh) >>> 0;
}

/** Murmur's finaliser (fmix32). */
function mix(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}
