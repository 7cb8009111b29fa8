import { createHash } from "node:crypto";
import { VirtualClock } from "../../../sim/world/clock.ts";
import { VirtualDisk } from "../../../sim/world/disk.ts";
import { PageFile } from "../../backend/bolt-pages/page-file.ts";
import type { Digest } from "../../../platform/crypto.ts";
import { type Change, makeDatabase } from "./make-database.ts";

/** A disk in memory with a clock that stands still. */
export function newRig(seed = 1): { readonly clock: VirtualClock; readonly disk: VirtualDisk } {
  const clock = new VirtualClock();
  return { clock, disk: new VirtualDisk({ clock, seed }) };
}

/** SHA-256. */
export function newDigest(): Digest {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), finish: () => hash.digest() };
}

/** All bytes of a file. */
export function bytesOf(disk: VirtualDisk, path: string): Uint8Array {
  const file = disk.openSync(path, {});
  const bytes = new Uint8Array(disk.sizeSync(file));
  disk.readSync(file, bytes, 0);
  disk.closeSync(file);
  return bytes;
}

/** Makes or replaces a file. */
export function writeFile(disk: VirtualDisk, path: string, bytes: Uint8Array): void {
  if (disk.existsSync(path)) disk.unlinkSync(path);
  const file = disk.openSync(path, { write: true, create: true });
  disk.writeSync(file, bytes, 0);
  disk.syncSync(file);
  disk.closeSync(file);
  disk.syncDirSync("/");
}

/** A snapshot file as a client saves it: the image of a database, and its digest. */
export function writeSnapshot(disk: VirtualDisk, path: string, changes: readonly Change[]): void {
  makeDatabase(disk, `${path}.db`, changes);
  const file = disk.openSync(`${path}.db`, {});
  const { endPage, pageBytes } = new PageFile(disk, file, path);
  disk.closeSync(file);
  const image = bytesOf(disk, `${path}.db`).subarray(0, endPage * pageBytes);
  const digest = createHash("sha256").update(image).digest();
  writeFile(disk, path, Buffer.concat([image, digest]));
}

/** Some keys written over and over, some deleted, the last change a put. */
export function someChanges(count: number): Change[] {
  return Array.from({ length: count }, (_, at) => {
    const isDelete = at % 7 === 3 && at + 1 < count;
    const value = isDelete ? null : `value ${at} ${"x".repeat((at * 37) % 300)}`;
    return { key: `key ${at % 40}`, value };
  });
}
