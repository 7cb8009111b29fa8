/** What the size of a backend is asked of. */
export interface SizedBackend {
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;
}

/** What is asked whether the disk itself is about to be full. */
export interface DiskRoom {
  readonly freeBytes: number;
  readonly isShort: boolean;
}

/**
 * The quota of a member's backend (etcd: --quota-backend-bytes). It compares with what the backend
 * takes up, free pages included, as etcd does: what a compaction gives back helps only when the
 * backend becomes smaller by it (storage.md 10). Beyond etcd: when the disk is about to be full,
 * whatever the quota, there is no room either; a disk that is full would end the member.
 */
export class Quota {
  readonly #backend: SizedBackend;
  readonly disk: DiskRoom;
  /** As configured, with 0 replaced by its meaning; negative is no quota. */
  readonly configuredBytes: number;

  constructor(backend: SizedBackend, configuredBytes: number, disk: DiskRoom) {
    this.#backend = backend;
    this.disk = disk;
    this.configuredBytes = configuredBytes;
  }

  /** True when a request of this estimated cost (see gate.ts) still has room on this member. */
  hasRoom(costBytes: number): boolean {
    if (costBytes === 0) return true;
    if (this.disk.isShort) return false;
    const quotaBytes = this.configuredBytes;
    return quotaBytes < 0 || this.#backend.sizeBytes + costBytes < quotaBytes;
  }
}
