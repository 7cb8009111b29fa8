import { crc32cUpdate } from "../../base/crc32c.ts";
import type { ByteSpan } from "../../base/span.ts";
import { decodeKeyValue } from "../../proto/gen/mvccpb.ts";
import { ProtoError } from "../../proto/wire.ts";
import { readBuckets } from "../backend/bolt/bucket-trees.ts";
import { KEY_BUCKET, readRevisionKey } from "../backend/bolt-pages/revision-key.ts";
import { TreeCursor } from "../backend/bolt/tree-cursor.ts";
import type { PageFile } from "../backend/bolt-pages/page-file.ts";
import { LiveKeys } from "./live-keys.ts";

/** What a database file holds, as etcdutl's `snapshot status` says it. */
export interface ImageStatus {
  /** CRC-32C over the names of all buckets and all their keys and values, in order. */
  readonly hash: number;
  /** Main of the last revision; 0 when there is none. */
  readonly revision: number;
  /** User keys that are there, deleted ones not. */
  readonly totalKey: number;
  /** Bytes of all pages, free ones included; the file may be longer. */
  readonly totalSize: number;
  /** `storageVersion` of `meta` as it is written; "" when it is not, as up to 3.5. */
  readonly version: string;
}

/** Where etcd keeps the version. */
const META_BUCKET = "meta";
const VERSION_KEY = "storageVersion";

/**
 * Reads all pairs once. The pages must have been checked (`checkDatabase`); values may be anything.
 * @throws BoltError when a key of the `key` bucket is no revision or its value no KeyValue.
 */
export function imageStatus(pages: PageFile): ImageStatus {
  const keys = new LiveKeys();
  let [hash, revision, version] = [0, 0, ""];
  for (const [name, root] of readBuckets(pages, pages.meta.rootPage)) {
    const nameBytes = Buffer.from(name, "latin1");
    hash = crc32cUpdate(hash, nameBytes, 0, nameBytes.length);
    const tree = new TreeCursor(pages, root);
    tree.rewind();
    while (tree.next()) {
      const { key, value } = tree;
      hash = crc32cUpdate(hash, key.bytes, key.start, key.end);
      // Go's ForEach gives a bucket inside of a bucket without a value.
      if (tree.isBucket) continue;
      hash = crc32cUpdate(hash, value.bytes, value.start, value.end);
      if (name === KEY_BUCKET) revision = countKey(pages, tree, keys);
      else if (name === META_BUCKET && textOf(key) === VERSION_KEY) version = textOf(value);
    }
  }
  const totalSize = pages.meta.endPage * pages.pageBytes;
  return { hash, revision, totalKey: keys.count, totalSize, version };
}

/** Follows one change; returns its main. */
function countKey(pages: PageFile, tree: TreeCursor, keys: LiveKeys): number {
  const id = readRevisionKey(tree.key);
  if (id === null) throw pages.damaged(tree.page, "a key that is no revision");
  const { bytes, start, end } = tree.value;
  try {
    const { key } = decodeKeyValue(bytes, start, end);
    const span = { bytes: key, start: 0, end: key.length };
    if (id.isTombstone) keys.delete(span);
    else keys.add(span);
  } catch (error) {
    if (!(error instanceof ProtoError)) throw error;
    const which = `${id.main}.${id.sub}`;
    throw pages.damaged(tree.page, `the value of revision ${which} is no KeyValue`);
  }
  return id.main;
}

function textOf({ bytes, start, end }: ByteSpan): string {
  return Buffer.from(bytes.subarray(start, end)).toString("latin1");
}
