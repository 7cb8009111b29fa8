import type { Disk } from "../platform/disk.ts";

/**
 * Writes are refused while less than this is free on a file system of the member (128 MiB): it has
 * to hold what is written all the same. A log segment (64 MB), a step of the database file's growth
 * (16 MiB), what the disk is behind with at full load between two looks, and then the deletions and
 * compactions that are to make room.
 */
export const DISK_RESERVE_BYTES = 128 * 1024 * 1024;
/**
 * But at most this part of the file system: on one of less than a GiB the reserve would be most of
 * it, and etcd serves there. A tmpfs of 100 MiB keeps 12.5 MiB, which is what the disk is behind
 * with at full load, and some; the log is written as it is needed, not a segment at a time.
 */
export const DISK_RESERVE_PART = 8;

interface FileSystem {
  readonly dir: string;
  readonly reserveBytes: number;
}

/** How much room the disks of a member have, looked at once a tick. */
export class DiskReserve {
  readonly #disk: Disk;
  readonly #systems: readonly FileSystem[];
  #freeBytes = Number.POSITIVE_INFINITY;
  #isShort = false;

  /** `dirs`: one on each file system that the member writes to. */
  constructor(disk: Disk, dirs: readonly string[]) {
    this.#disk = disk;
    this.#systems = dirs.map((dir) => {
      const part = disk.capacityBytesSync(dir) / DISK_RESERVE_PART;
      return { dir, reserveBytes: Math.min(DISK_RESERVE_BYTES, part) };
    });
    this.look();
  }

  /** Asks the system: two calls of a few microseconds. */
  look(): void {
    this.#freeBytes = Number.POSITIVE_INFINITY;
    this.#isShort = false;
    for (const { dir, reserveBytes } of this.#systems) {
      const freeBytes = this.#disk.freeBytesSync(dir);
      this.#freeBytes = Math.min(this.#freeBytes, freeBytes);
      this.#isShort ||= freeBytes < reserveBytes;
    }
  }

  /** At the last look, on the fullest of them. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  get isShort(): boolean {
    return this.#isShort;
  }
}
