import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { NodeDisk } from "../../../src/platform/node/disk.ts";
import { BoltReader } from "../../../src/storage/backend/bolt/reader.ts";
import { SnapDirectory } from "../../../src/storage/snap/snap-directory.ts";
import { decodeV2Tree } from "../../../src/storage/snap/v2-decode.ts";
import { readWal, validSnapshots } from "../../../src/storage/wal/wal.ts";
import { expectEqual } from "./started.ts";

const BEGINNING = { index: 0, term: 0 };

/** Every pair of every bucket of a database file, in order. */
export function pairsOf(db: string): readonly string[] {
  const disk = new NodeDisk();
  const file = disk.openSync(db, {});
  const reader = new BoltReader(disk, file, db);
  const pairs: string[] = [];
  for (const bucket of reader.buckets) {
    for (const tree = reader.tree(bucket); tree.next();) {
      const texts = [tree.key, tree.value].map(({ bytes, start, end }) =>
        Buffer.from(bytes.subarray(start, end)).toString("hex"),
      );
      pairs.push(`${bucket} ${texts.join(" ")}`);
    }
  }
  disk.closeSync(file);
  return pairs;
}

/** The bytes of a snapshot in which one revision is far above those behind it. */
export function withKeyOutOfOrder(file: string): Uint8Array {
  const disk = new NodeDisk();
  const id = disk.openSync(file, {});
  const reader = new BoltReader(disk, id, file);
  const tree = reader.tree("key");
  tree.next();
  const { page } = tree;
  const at = page * reader.pages.pageBytes + tree.key.start;
  disk.closeSync(id);
  const bytes = readFileSync(file);
  bytes[at + 6] = 0xff;
  return bytes;
}

/** @throws Error naming the first difference between two restored data directories. */
export function compareDirectories(ours: string, theirs: string): void {
  const disk = new NodeDisk();
  const walOf = (dir: string) => {
    const place = { disk, dir: path.join(dir, "member/wal") };
    return { content: readWal(place, BEGINNING), snapshots: validSnapshots(place) };
  };
  expectEqual("log", walOf(ours), walOf(theirs));
  const snapOf = (dir: string) => {
    const { snapshot } = new SnapDirectory(disk, path.join(dir, "member/snap")).loadNewest(
      () => true,
    );
    return snapshot === null ? null : { ...snapshot, data: decodeV2Tree(snapshot.data) };
  };
  expectEqual(".snap", snapOf(ours), snapOf(theirs));
  const namesIn = (dir: string): string[] => readdirSync(path.join(dir, "member/snap")).sort();
  expectEqual("files", namesIn(ours), namesIn(theirs));
  const [found, wanted] = [ours, theirs].map((dir) => pairsOf(path.join(dir, "member/snap/db")));
  expectEqual("pairs", found!.length, wanted!.length);
  found!.forEach((pair, at) => expectEqual(`pair ${at}`, pair, wanted![at]));
}
