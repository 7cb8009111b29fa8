/** Cryptography, always a library's. Password hashing and token signatures join when auth comes. */
export interface Crypto {
  /** SHA-1 of `bytes`, 20 bytes; for etcd's member and cluster ids only. */
  sha1(bytes: Uint8Array): Uint8Array;
  /** A SHA-256 that is fed piece by piece; for the digest of a snapshot. */
  newSha256(): Digest;
}

/** A hash under way. */
export interface Digest {
  update(bytes: Uint8Array): void;
  /** The digest; once, at the end. */
  finish(): Uint8Array;
}
