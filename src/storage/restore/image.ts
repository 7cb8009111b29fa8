import { DiskError } from "../../platform/disk.ts";
import type { Digest } from "../../platform/crypto.ts";
import type { Disk, FileId } from "../../platform/disk.ts";

/** SHA-256 of the image, behind it (formats-disk.md 10). */
export const DIGEST_BYTES = 32;
/** An image is whole pages, and none is smaller: what is beyond a multiple of it is the digest. */
const IMAGE_UNIT_BYTES = 512;
/** Read or copied at a time: large enough that calls do not count, small enough for any machine. */
const PIECE_BYTES = 1024 * 1024;

/** Told of bytes or pages as they are done; `total` does not change during one piece of work. */
export type OnProgress = (done: number, total: number) => void;

/** A snapshot file is not what it says; the message is etcd's where etcd has one. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** Where the image in a file ends and what its digest is to be; null when the file has none. */
export interface ImageShape {
  readonly imageBytes: number;
  readonly digest: Uint8Array | null;
}

/** What is wrong with the length of a file, for which no writer makes it; null when nothing is. */
export function lengthProblem({ imageBytes, digest }: ImageShape): string | null {
  if (digest !== null || imageBytes % IMAGE_UNIT_BYTES === 0) return null;
  return `${imageBytes} bytes are neither whole pages nor pages and a digest`;
}

/** How an image is read through. */
export interface ImagePass {
  readonly disk: Disk;
  readonly file: FileId;
  /** For messages. */
  readonly path: string;
  readonly newDigest: () => Digest;
  readonly onProgress: OnProgress;
}

/** Tells image and digest apart by the file's size. @throws DiskError. */
export function imageShape(disk: Disk, file: FileId): ImageShape {
  const sizeBytes = disk.sizeSync(file);
  if (sizeBytes % IMAGE_UNIT_BYTES !== DIGEST_BYTES) return { imageBytes: sizeBytes, digest: null };
  const digest = new Uint8Array(DIGEST_BYTES);
  const imageBytes = sizeBytes - DIGEST_BYTES;
  disk.readSync(file, digest, imageBytes);
  return { imageBytes, digest };
}

/**
 * Reads the image once: computes its SHA-256 and, when `to` is given, writes it there.
 * @throws DiskError; EIO when the file became shorter meanwhile.
 */
export function passImage(pass: ImagePass, imageBytes: number, to: FileId | null): Uint8Array {
  const { disk, file, path, newDigest, onProgress } = pass;
  const digest = newDigest();
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < imageBytes;) {
    const piece = buffer.subarray(0, Math.min(PIECE_BYTES, imageBytes - at));
    if (disk.readSync(file, piece, at) < piece.length) throw new DiskError("EIO", path, "read");
    digest.update(piece);
    if (to !== null) disk.writeSync(to, piece, at);
    at += piece.length;
    onProgress(at, imageBytes);
  }
  return digest.finish();
}

/** What is wrong with the digest of an image, in etcd's words; null when it is right. */
export function digestProblem(wanted: Uint8Array, found: Uint8Array): string | null {
  if (wanted.every((byte, at) => byte === found[at])) return null;
  return `expected sha256 [${wanted.join(" ")}], got [${found.join(" ")}]`;
}
