/** What the size of a backend is asked of. */
export interface SizedBackend {
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;
}

/**
 * The quota of a member's backend (etcd: --quota-backend-bytes). It compares with what the backend
 * takes up, free pages included, as etcd does: what a compaction gives back helps only when the
 * backend becomes smaller by it (storage.md 10).
 */
export class Quota {
  readonly #backend: SizedBackend;
  /** As configured, with 0 replaced by its meaning; negative is no quota. */
  readonly configuredBytes: number;

  constructor(backend: SizedBackend, configuredBytes: number) {
    this.#backend = backend;
    this.configuredBytes = configuredBytes;
  }

  /** True when a request of this estimated cost (see gate.ts) still has room on this member. */
  hasRoom(costBytes: number): boolean {
    const quotaBytes = this.configuredBytes;
    return costBytes === 0 || quotaBytes < 0 || this.#backend.sizeBytes + costBytes < quotaBytes;
  }
}
