/** A one-byte tag. */
const TAG_BYTES = 1;
const TWO_28 = 0x1000_0000;

/** Bytes of a varint; `value` is an integer in [0, 2^53). */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < TWO_28) return 4;
  return 4 + varintBytes(Math.floor(value / TWO_28));
}

/** Bytes of a message of `sizeBytes` as an element of a repeated field: tag, length, message. */
export function framedBytes(sizeBytes: number): number {
  return TAG_BYTES + varintBytes(sizeBytes) + sizeBytes;
}

/** Bytes of a KeyValue with neither value nor lease. */
export function bareKeyValueBytes(
  keyBytes: number,
  createRevision: number,
  modRevision: number,
  version: number,
): number {
  const numbers = varintBytes(createRevision) + varintBytes(modRevision) + varintBytes(version);
  return 4 * TAG_BYTES + varintBytes(keyBytes) + keyBytes + numbers;
}
