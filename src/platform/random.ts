/** Randomness, the only source of it. */
export interface Random {
  /** Uniform over [0, 2^32). */
  uint32(): number;
  /** Fills `target` with random bytes. */
  fill(target: Uint8Array): void;
}
