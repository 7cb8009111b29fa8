import { assert } from "../../base/assert.ts";
import { copyOfSpan } from "../../base/span.ts";
import type { Disk, FileId } from "../../platform/disk.ts";
import { rootOfBucket, TreeCursor, type TreeRoot } from "../backend/bolt/tree-cursor.ts";
import {
  BUCKET_HEADER_BYTES,
  ElementFlag,
  META_PAGES,
  writeU32,
  writeU64,
} from "../backend/bolt-pages/format.ts";
import {
  BranchBuilder,
  LeafBuilder,
  type LeafPair,
  type PageAllocator,
} from "../backend/bolt-pages/page-builder.ts";
import type { PageSource } from "../backend/bolt-pages/page.ts";

/** Pages are gathered to pieces of this size and written at once. */
const PIECE_BYTES = 1024 * 1024;
/** How full leaves get: etcd's fill while it defragments, so that the first changes have room. */
const FILL = 0.9;

/** Gives out pages in order and writes them in order, behind the two meta pages. */
export class PageOutput implements PageAllocator {
  readonly pageBytes: number;
  readonly #disk: Disk;
  readonly #file: FileId;
  /** First page that was not given out. */
  #end = META_PAGES;
  /** First page of the piece. */
  #from = META_PAGES;
  #piece = new Uint8Array(PIECE_BYTES);
  #used = 0;

  constructor(disk: Disk, file: FileId, pageBytes: number) {
    this.#disk = disk;
    this.#file = file;
    this.pageBytes = pageBytes;
  }

  /** The number of pages so far, the meta pages included. */
  get endPage(): number {
    return this.#end;
  }

  /** The page must be filled before the next call. */
  newPage(bytes: number): { readonly id: number; readonly page: Uint8Array } {
    const count = Math.ceil(bytes / this.pageBytes);
    const length = count * this.pageBytes;
    if (this.#used + length > this.#piece.length) this.flush();
    // A value larger than a piece has one of its own.
    if (length > this.#piece.length) this.#piece = new Uint8Array(length);
    const id = this.#end;
    const page = this.#piece.subarray(this.#used, this.#used + length);
    page.fill(0);
    writeU64(page, 0, id);
    writeU32(page, 12, count - 1);
    this.#end += count;
    this.#used += length;
    return { id, page };
  }

  /** Writes what is still in memory. @throws DiskError. */
  flush(): void {
    if (this.#used > 0) {
      const bytes = this.#piece.subarray(0, this.#used);
      this.#disk.writeSync(this.#file, bytes, this.#from * this.pageBytes);
    }
    this.#from = this.#end;
    this.#used = 0;
    if (this.#piece.length > PIECE_BYTES) this.#piece = new Uint8Array(PIECE_BYTES);
  }
}

/**
 * Writes the tree at `root`, and the trees of buckets in it, anew: leaves filled in order, nothing
 * free between them. Returns the root page. A bucket inside of its parent's page stays there.
 * @throws BoltError when a page is damaged; DiskError.
 */
export function copyTree(source: PageSource, root: TreeRoot, to: PageOutput): number {
  const tree = new TreeCursor(source, root);
  const copy = new TreeCopy(to);
  tree.rewind();
  while (tree.next()) {
    const { key, value } = tree;
    if (!tree.isBucket) {
      copy.add(key.bytes, pairAt(key.start, key.end, value.end, ElementFlag.pair));
      continue;
    }
    const inner = rootOfBucket(value);
    if ("bytes" in inner) {
      copy.add(key.bytes, pairAt(key.start, key.end, value.end, ElementFlag.bucket));
      continue;
    }
    const keyBytes = key.end - key.start;
    const pair = new Uint8Array(keyBytes + BUCKET_HEADER_BYTES);
    pair.set(copyOfSpan(key));
    // Behind the root page is the bucket's sequence, which stays.
    pair.set(value.bytes.subarray(value.start, value.start + BUCKET_HEADER_BYTES), keyBytes);
    writeU64(pair, keyBytes, copyTree(source, inner, to));
    copy.add(pair, pairAt(0, keyBytes, pair.length, ElementFlag.bucket));
  }
  return copy.finish();
}

function pairAt(keyStart: number, keyEnd: number, end: number, flags: number): LeafPair {
  return { keyStart, keyEnd, end, flags };
}

/** One tree, from the first key to the last. */
class TreeCopy {
  readonly #to: PageOutput;
  readonly #leaf = new LeafBuilder();
  /** By height, from 1; children of the branch at 1 are leaves. */
  readonly #branches: BranchBuilder[] = [];
  readonly #fillBytes: number;

  constructor(to: PageOutput) {
    this.#to = to;
    this.#fillBytes = Math.floor(to.pageBytes * FILL);
  }

  add(bytes: Uint8Array, pair: LeafPair): void {
    const size = LeafBuilder.elementBytes(pair.end - pair.keyStart);
    if (this.#leaf.count > 0 && this.#leaf.isFull(size, this.#fillBytes)) this.#flush(0);
    this.#leaf.add(bytes, pair);
  }

  finish(): number {
    if (this.#branches.length === 0) return this.#leaf.finish(this.#to);
    this.#flush(0);
    for (let height = 1; ; height++) {
      const branch = this.#branches[height];
      assert(branch !== undefined && branch.count > 0, "a tree without a root");
      if (height + 1 === this.#branches.length && branch.count === 1) return branch.firstChild;
      this.#flush(height);
    }
  }

  #flush(height: number): void {
    const builder = height === 0 ? this.#leaf : this.#branches[height]!;
    if (builder.count === 0) return;
    const key = builder.firstKey();
    const bytes = copyOfSpan(key);
    const child = builder.finish(this.#to);
    const branch = (this.#branches[height + 1] ??= new BranchBuilder());
    const size = LeafBuilder.elementBytes(bytes.length);
    // A branch of one child would only make the tree higher.
    if (branch.count > 1 && branch.isFull(size, this.#to.pageBytes)) this.#flush(height + 1);
    branch.add(bytes, 0, bytes.length, child);
  }
}
