import { copyBytes } from "../../../base/byte-writer.ts";
import { newSpan } from "../../../base/span.ts";
import type { Disk } from "../../../platform/disk.ts";
import { encodeKeyValueToBytes } from "../../../proto/gen/mvccpb.ts";
import type { Backend } from "../../backend/backend.ts";
import { openBolt } from "../../backend/bolt/bolt-backend.ts";
import { writeConsistentIndex } from "../../schema/consistent-index.ts";
import { writeEntry } from "../../schema/entry.ts";
import { writeMember } from "../../schema/members.ts";
import { BlockingDisk } from "../blocking-disk.ts";

/** One change of a key; revisions count up from 2. */
export interface Change {
  readonly key: string;
  /** Null: deleted. */
  readonly value: string | null;
}

/** An id with all 64 bits in use. */
export const OLD_MEMBER = 0xf123_4567_89ab_cdefn;

/** Makes a database file with these changes, one commit for each `batch` of them. */
export function makeDatabase(
  disk: Disk,
  path: string,
  changes: readonly Change[],
  batch = 100,
): void {
  const blocking = new BlockingDisk(disk);
  const fail = (error: Error): never => {
    throw error;
  };
  const backend = openBolt({ disk: blocking, path, onFailure: fail });
  const removed = { id: OLD_MEMBER - 1n, peerUrls: ["http://10.0.0.9:2380"] };
  const old = { name: "old", clientUrls: ["http://10.0.0.8:2379"], isLearner: false };
  writeMember(backend, { ...old, id: OLD_MEMBER, peerUrls: ["http://10.0.0.8:2380"] });
  writeEntry(backend, { bucket: "members_removed", key: removed.id.toString(16) }, "removed");
  writeConsistentIndex(backend, { index: 100 + changes.length, term: 7 });
  writeEntry(backend, { bucket: "meta", key: "storageVersion" }, "3.7.0");
  writeEntry(backend, { bucket: "cluster", key: "clusterVersion" }, "3.7.0");
  changes.forEach((change, at) => {
    append(backend, at + 2, change);
    if (at % batch !== 0) return;
    backend.commit();
    blocking.settle();
  });
  backend.commit();
  blocking.settle();
  backend.close();
}

function append(backend: Backend, main: number, { key, value }: Change): void {
  const isTombstone = value === null;
  const live = { createRevision: main, modRevision: main, version: 1 };
  const dead = { createRevision: 0, modRevision: 0, version: 0 };
  const stored = encodeKeyValueToBytes({
    key: Buffer.from(key),
    value: Buffer.from(value ?? ""),
    ...(isTombstone ? dead : live),
    lease: 0n,
  });
  const room = newSpan();
  backend.appendChange({ main, sub: 0, isTombstone }, stored.length, room);
  copyBytes(stored, 0, stored.length, room.bytes, room.start);
}
