import { type ByteSpan, copyOfSpan, newSpan } from "../../../base/span.ts";
import type { BackendReader, BucketCursor, ChangeBatch, PlainBucket } from "../backend.ts";
import type { PageSource } from "../bolt-pages/page.ts";
import { KEY_BUCKET, REVISION_BYTES, writeRevisionKey } from "../bolt-pages/revision-key.ts";
import { RevisionCursor } from "./revision-cursor.ts";
import { RevisionBranches } from "./revision-branches.ts";
import { RevisionLookup } from "./revision-lookup.ts";
import { rootOfBucket, TreeCursor } from "./tree-cursor.ts";
import type { TreeRoot } from "./tree-cursor.ts";

/** An empty leaf: header with flags 2 and no elements. What a bucket that is missing looks like. */
const EMPTY_LEAF = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
/** Changes of so many revisions are on one page, with values of some hundred bytes. */
const NEIGHBOURS = 8;
/** The tree of a bucket that has nothing, or is not there. */
export const NO_TREE: TreeRoot = { bytes: EMPTY_LEAF, start: 0 };

/**
 * The buckets in the tree at page `root`, by name in order.
 * @throws BoltError when there is anything else among them.
 */
export function readBuckets(source: PageSource, root: number): Map<string, TreeRoot> {
  const found = new Map<string, TreeRoot>();
  const cursor = new TreeCursor(source, { page: root });
  cursor.rewind();
  while (cursor.next()) {
    if (!cursor.isBucket) throw source.damaged(cursor.page, "a pair among the buckets");
    const { bytes, start, end } = cursor.key;
    found.set(String.fromCharCode(...bytes.subarray(start, end)), rootOfBucket(cursor.value));
  }
  return found;
}

/** Where a change is stored. */
export interface FoundChange {
  /** A copy of its key. */
  readonly key: Uint8Array;
  /** Of the page it is on, overflow pages included. */
  readonly leafBytes: number;
}

/** Reads fixed trees. Buckets that are missing read as empty ones (etcd creates them at start). */
export class BucketTrees implements BackendReader {
  readonly #source: PageSource;
  readonly #trees: ReadonlyMap<string, TreeRoot>;
  readonly #cursors = new Map<string, TreeCursor>();
  readonly #lookup: RevisionLookup;
  readonly #found = newSpan();

  /** `branches` remembers pages of `source`; whoever writes one anew drops it there. */
  constructor(
    source: PageSource,
    trees: ReadonlyMap<string, TreeRoot>,
    branches = new RevisionBranches(),
  ) {
    this.#source = source;
    this.#trees = trees;
    this.#lookup = new RevisionLookup(source, trees.get(KEY_BUCKET) ?? NO_TREE, branches);
  }

  /** A cursor over any bucket, before its first key. */
  tree(bucket: string): TreeCursor {
    const cursor = new TreeCursor(this.#source, this.#trees.get(bucket) ?? NO_TREE);
    cursor.rewind();
    return cursor;
  }

  get(bucket: PlainBucket, key: Uint8Array, out: ByteSpan): boolean {
    const cursor = this.#cursor(bucket);
    if (!cursor.find(newSpan(key))) return false;
    copySpan(cursor.value, out);
    return true;
  }

  cursor(bucket: PlainBucket): BucketCursor {
    return new PlainCursor(this.tree(bucket));
  }

  getChange(main: number, sub: number, out: ByteSpan): boolean {
    return this.#lookup.find(main, sub, out, false);
  }

  getChanges(batch: ChangeBatch): number {
    const found = this.#found;
    const { mains, subs, count } = batch;
    for (let i = 0; i < count; i++) {
      const hasCompany = areClose(mains, i, i + 1, count) || areClose(mains, i - 1, i, count);
      if (!this.#lookup.find(mains[i]!, subs[i]!, found, hasCompany)) return i;
      putFound(batch, i, found);
    }
    return count;
  }

  changes(): RevisionCursor {
    return new RevisionCursor(this.tree(KEY_BUCKET), this.#source);
  }

  /** The stored key of a change, marked or not, and its page; null when it is not there. */
  copyChangeKey(main: number, sub: number): FoundChange | null {
    const wanted = newSpan(new Uint8Array(REVISION_BYTES));
    const cursor = this.#cursor(KEY_BUCKET);
    writeRevisionKey(wanted.bytes, main, sub);
    // A tombstone's key has a mark behind the revision: it is the first key not below.
    cursor.seek(wanted);
    if (!cursor.next() || !startsWith(cursor.key, wanted)) return null;
    return { key: copyOfSpan(cursor.key), leafBytes: cursor.key.bytes.length };
  }

  /** One cursor per bucket for points, so that a lookup makes none. */
  #cursor(bucket: string): TreeCursor {
    let cursor = this.#cursors.get(bucket);
    if (cursor === undefined) {
      cursor = this.tree(bucket);
      this.#cursors.set(bucket, cursor);
    }
    return cursor;
  }
}

class PlainCursor implements BucketCursor {
  readonly #tree: TreeCursor;
  readonly key: ByteSpan;
  readonly value: ByteSpan;

  constructor(tree: TreeCursor) {
    this.#tree = tree;
    this.key = tree.key;
    this.value = tree.value;
  }

  seek(key: Uint8Array): void {
    this.#tree.seek(newSpan(key));
  }

  next(): boolean {
    return this.#tree.next();
  }
}

/** `getChanges` one by one; `found` is scratch space. */
export function getEach(reader: BackendReader, batch: ChangeBatch, found: ByteSpan): number {
  for (let i = 0; i < batch.count; i++) {
    if (!reader.getChange(batch.mains[i]!, batch.subs[i]!, found)) return i;
    putFound(batch, i, found);
  }
  return batch.count;
}

function putFound(batch: ChangeBatch, i: number, found: ByteSpan): void {
  batch.bytes[i] = found.bytes;
  batch.starts[i] = found.start;
  batch.ends[i] = found.end;
}

/** Whether the changes at `i` and `j` of a batch are probably on one page. */
function areClose(mains: ChangeBatch["mains"], i: number, j: number, count: number): boolean {
  return i >= 0 && j < count && Math.abs(mains[i]! - mains[j]!) <= NEIGHBOURS;
}

/** Makes `to` name what `from` names. */
export function copySpan(from: ByteSpan, to: ByteSpan): void {
  to.bytes = from.bytes;
  to.start = from.start;
  to.end = from.end;
}

function startsWith(key: ByteSpan, prefix: ByteSpan): boolean {
  const length = prefix.end - prefix.start;
  if (key.end - key.start < length) return false;
  for (let i = 0; i < length; i++) {
    if (key.bytes[key.start + i] !== prefix.bytes[prefix.start + i]) return false;
  }
  return true;
}
