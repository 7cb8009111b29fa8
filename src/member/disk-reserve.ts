import type { Disk } from "../platform/disk.ts";

/**
 * Writes are refused while less than this is free on a file system of the member (128 MiB): it has
 * to hold what is written all the same. A log segment (64 MB), a step of the database file's growth
 * (16 MiB), what the disk is behind with at full load between two looks, and then the deletions and
 * compactions that are to make room.
 */
export const DISK_RESERVE_BYTES = 128 * 1024 * 1024;

/** How much room the disks of a member have, looked at once a tick. */
export class DiskReserve {
  readonly #disk: Disk;
  readonly #dirs: readonly string[];
  #freeBytes = Number.POSITIVE_INFINITY;

  /** `dirs`: one on each file system that the member writes to. */
  constructor(disk: Disk, dirs: readonly string[]) {
    this.#disk = disk;
    this.#dirs = dirs;
    this.look();
  }

  /** Asks the system: two calls of a few microseconds. */
  look(): void {
    this.#freeBytes = Math.min(...this.#dirs.map((dir) => this.#disk.freeBytesSync(dir)));
  }

  /** At the last look, on the fullest of them. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  get isShort(): boolean {
    return this.#freeBytes < DISK_RESERVE_BYTES;
  }
}
