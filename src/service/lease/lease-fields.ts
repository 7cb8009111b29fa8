import type { ByteWriter } from "../../base/byte-writer.ts";

const TWO_32 = 4294967296;

/** Tags that responses about leases share: ID, TTL and, in TimeToLive, grantedTTL and keys. */
export const LeaseTag = { id: 0x10, ttl: 0x18, grantedTtl: 0x20, keys: 0x2a } as const;

/** Appends a signed 64-bit field given by its halves; 0 is left out. */
export function writeIdField(out: ByteWriter, tag: number, high: number, low: number): void {
  if (high === 0 && low === 0) return;
  out.byte(tag);
  out.varint64(high, low);
}

/** Appends a signed 64-bit field; `value` is a safe integer. 0 is left out. */
export function writeNumberField(out: ByteWriter, tag: number, value: number): void {
  writeIdField(out, tag, Math.floor(value / TWO_32), value | 0);
}
