/** Halves of a lease id: a signed 64-bit number as two signed 32-bit ones, without a BigInt. */
export interface LeaseId {
  high: number;
  low: number;
}

/** A new reusable id. */
export function newLeaseId(): LeaseId {
  return { high: 0, low: 0 };
}

const SHIFT = 32n;
const TWO_32 = 4294967296;

/** Fills `out` with the halves of `id`, which has 64 bits. */
export function splitLeaseId(id: bigint, out: LeaseId): void {
  const asNumber = Number(id);
  if (Number.isSafeInteger(asNumber)) {
    out.high = Math.floor(asNumber / TWO_32) | 0;
    out.low = asNumber | 0;
    return;
  }
  out.high = Number(BigInt.asIntN(32, id >> SHIFT));
  out.low = Number(BigInt.asIntN(32, id));
}

/** The id as the wire has it. */
export function joinLeaseId(high: number, low: number): bigint {
  const number = high * TWO_32 + (low >>> 0);
  if (Number.isSafeInteger(number)) return BigInt(number);
  return (BigInt(high) << SHIFT) | BigInt(low >>> 0);
}
