import type { Crypto } from "../platform/crypto.ts";

/** First 8 bytes of a digest as an unsigned integer, big endian. */
function firstEightBytes(digest: Uint8Array): bigint {
  return new DataView(digest.buffer, digest.byteOffset, 8).getBigUint64(0);
}

/**
 * A member's id at static bootstrap: SHA-1 over its sorted peer URLs, concatenated, followed by the
 * cluster token (etcd: computeMemberID). `peerUrls` in any order.
 */
export function memberId(
  crypto: Pick<Crypto, "sha1">,
  peerUrls: readonly string[],
  token: string,
): bigint {
  const text = [...peerUrls].sort().join("") + token;
  return firstEightBytes(crypto.sha1(new TextEncoder().encode(text)));
}

/** The cluster's id: SHA-1 over all member ids ascending, 8 bytes big endian each. */
export function clusterId(crypto: Pick<Crypto, "sha1">, memberIds: readonly bigint[]): bigint {
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : 1));
  const bytes = new DataView(new ArrayBuffer(8 * sorted.length));
  sorted.forEach((id, at) => bytes.setBigUint64(8 * at, id));
  return firstEightBytes(crypto.sha1(new Uint8Array(bytes.buffer)));
}
