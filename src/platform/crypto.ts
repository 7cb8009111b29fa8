/** Cryptography, always a library's. Password hashing and token signatures join when auth comes. */
export interface Crypto {
  /** SHA-1 of `bytes`, 20 bytes; for etcd's member and cluster ids only. */
  sha1(bytes: Uint8Array): Uint8Array;
}
