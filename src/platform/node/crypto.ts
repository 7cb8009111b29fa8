import { createHash } from "node:crypto";
import type { Crypto } from "../crypto.ts";

/** OpenSSL by way of Node. */
export const nodeCrypto: Crypto = {
  sha1: (bytes) => createHash("sha1").update(bytes).digest(),
  newSha256: () => {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), finish: () => hash.digest() };
  },
};
