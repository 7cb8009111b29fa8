import type { Prng } from "../../base/prng.ts";

/** The unit that a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** What copies of a file share until one of them writes it. */
const PIECE_BYTES = 4096;

/** Bytes that grow; everything not stored is zero. */
class Sparse {
  /** Those that are missing are zeros. */
  #pieces: (Uint8Array | undefined)[] = [];
  /** Pieces that nobody else has. */
  #own = new Set<number>();

  write(source: Uint8Array, offset: number): void {
    for (let at = 0; at < source.length;) {
      const piece = Math.floor((offset + at) / PIECE_BYTES);
      const inner = (offset + at) % PIECE_BYTES;
      const bytes = Math.min(PIECE_BYTES - inner, source.length - at);
      this.#writable(piece).set(source.subarray(at, at + bytes), inner);
      at += bytes;
    }
  }

  read(target: Uint8Array, offset: number): void {
    for (let at = 0; at < target.length;) {
      const piece = this.#pieces[Math.floor((offset + at) / PIECE_BYTES)];
      const inner = (offset + at) % PIECE_BYTES;
      const bytes = Math.min(PIECE_BYTES - inner, target.length - at);
      if (piece === undefined) target.fill(0, at, at + bytes);
      else target.set(piece.subarray(inner, inner + bytes), at);
      at += bytes;
    }
  }

  /** Everything from `offset` on becomes zero. */
  cut(offset: number): void {
    if (offset >= this.storedBytes) return;
    const whole = Math.ceil(offset / PIECE_BYTES);
    for (let piece = whole; piece < this.#pieces.length; piece++) this.#own.delete(piece);
    this.#pieces.length = Math.min(whole, this.#pieces.length);
    if (offset % PIECE_BYTES > 0) this.#writable(whole - 1).fill(0, offset % PIECE_BYTES);
  }

  copySector(from: Sparse, sector: number): void {
    const bytes = new Uint8Array(SECTOR_BYTES);
    from.read(bytes, sector * SECTOR_BYTES);
    this.write(bytes, sector * SECTOR_BYTES);
  }

  /** Copies nothing before one of the two is written, and then a piece. */
  clone(): Sparse {
    const copy = new Sparse();
    copy.#pieces = this.#pieces.slice();
    this.#own = new Set();
    return copy;
  }

  /** Nothing but zeros lies behind. */
  get storedBytes(): number {
    return this.#pieces.length * PIECE_BYTES;
  }

  #writable(piece: number): Uint8Array {
    const old = this.#pieces[piece];
    if (old !== undefined && this.#own.has(piece)) return old;
    const bytes = old?.slice() ?? new Uint8Array(PIECE_BYTES);
    while (this.#pieces.length < piece) this.#pieces.push(undefined);
    this.#pieces[piece] = bytes;
    this.#own.add(piece);
    return bytes;
  }
}

/**
 * One file: what programs read (the page cache) and what a power loss leaves (the medium), with a
 * size of its own each.
 *
 * Invariant: a sector that is not dirty reads the same from both, unless a failed sync lost it.
 */
export class VirtualFile {
  #cache = new Sparse();
  #medium = new Sparse();
  readonly #dirty = new Set<number>();
  #size = 0;
  #mediumSize = 0;
  /** Bytes this file takes from the device's capacity. */
  chargedBytes = 0;
  /** Who holds a lock, by kind; see VirtualDisk. */
  readonly locks = new Map<string, object>();

  get size(): number {
    return this.#size;
  }

  /** The same on another device; nobody has a lock on it. */
  clone(): VirtualFile {
    const copy = new VirtualFile();
    copy.#cache = this.#cache.clone();
    copy.#medium = this.#medium.clone();
    for (const sector of this.#dirty) copy.#dirty.add(sector);
    copy.#size = this.#size;
    copy.#mediumSize = this.#mediumSize;
    copy.chargedBytes = this.chargedBytes;
    return copy;
  }

  get dirtySectors(): number {
    return this.#dirty.size;
  }

  read(target: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(target.length, this.#size - offset));
    this.#cache.read(target.subarray(0, length), offset);
    return length;
  }

  write(bytes: Uint8Array, offset: number): void {
    if (bytes.length === 0) return;
    this.#cache.write(bytes, offset);
    this.#markDirty(offset, offset + bytes.length);
    this.#size = Math.max(this.#size, offset + bytes.length);
  }

  /** Cuts or extends with zeros. */
  resize(lengthBytes: number): void {
    if (lengthBytes < this.#size) {
      const stored = Math.max(this.#cache.storedBytes, this.#medium.storedBytes);
      this.#markDirty(lengthBytes, Math.min(this.#size, stored));
      this.#cache.cut(lengthBytes);
    }
    this.#size = lengthBytes;
  }

  sync(): void {
    for (const sector of this.#dirty) this.#medium.copySector(this.#cache, sector);
    this.#dirty.clear();
    this.#mediumSize = this.#size;
  }

  /**
   * As Linux does: some pages reached the medium, the others count as clean from now on. Programs
   * go on reading them, a later sync succeeds and writes none of them, a power loss reveals it.
   */
  failSync(prng: Prng): void {
    this.writeBack(prng, 0.5);
    this.#dirty.clear();
  }

  /** Each dirty sector reaches the medium with `probability`, as the kernel may do at any time. */
  writeBack(prng: Prng, probability: number): void {
    for (const sector of this.#dirty) {
      if (!prng.chance(probability)) continue;
      this.#medium.copySector(this.#cache, sector);
      this.#dirty.delete(sector);
    }
  }

  /** What is not synced arrives by halves: any subset of dirty sectors, the old or the new size. */
  losePower(prng: Prng): void {
    this.writeBack(prng, 0.5);
    if (prng.chance(0.5)) this.#mediumSize = this.#size;
    this.#dirty.clear();
    this.#medium.cut(this.#mediumSize);
    this.#cache = this.#medium.clone();
    this.#size = this.#mediumSize;
  }

  /** Damages the medium behind everybody's back: the byte at `offset` is XORed with `mask`. */
  flip(offset: number, mask: number): void {
    const byte = new Uint8Array(1);
    for (const side of [this.#cache, this.#medium]) {
      side.read(byte, offset);
      byte[0] ^= mask;
      side.write(byte, offset);
    }
  }

  #markDirty(start: number, end: number): void {
    const last = Math.ceil(end / SECTOR_BYTES);
    for (let s = Math.floor(start / SECTOR_BYTES); s < last; s++) this.#dirty.add(s);
  }
}
