import type { Clock } from "../../platform/clock.ts";
import type { Crypto } from "../../platform/crypto.ts";
import type { Disk } from "../../platform/disk.ts";
import type { Digest } from "../../platform/crypto.ts";

/** The outside of one run of the tool. */
export interface World {
  out(text: string): void;
  err(text: string): void;
  /** Standard error is a terminal: long work may say how far it is. */
  readonly isTerminal: boolean;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly crypto: Crypto;
  /** SHA-256. */
  readonly newDigest: () => Digest;
  /** Any 32 bits that nobody can foresee. */
  readonly hashSeed: number;
  /** Resolves after `delayMs`. */
  sleep(delayMs: number): Promise<void>;
}
