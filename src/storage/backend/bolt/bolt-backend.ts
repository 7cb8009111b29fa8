import { assert } from "../../../base/assert.ts";
import { inOneGo, type Sliced } from "../../../base/sliced.ts";
import { newSpan } from "../../../base/span.ts";
import type { ByteSpan } from "../../../base/span.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { Disk, DiskError, FileId } from "../../../platform/disk.ts";
import { PLAIN_BUCKETS } from "../backend.ts";
import type {
  Backend,
  BackendRoot,
  BucketCursor,
  ChangeBatch,
  ChangeCursor,
  ChangeId,
  ChangeSink,
  PlainBucket,
} from "../backend.ts";
import { BucketTrees, getEach, NO_TREE, readBuckets } from "./bucket-trees.ts";
import { ChangeOverlay } from "./change-overlay.ts";
import { Defragmentation, type MovableTrees } from "./defragmentation.ts";
import { ChangeLeaves } from "./change-leaves.ts";
import { type CheckReport, checkingDatabase } from "../bolt-pages/check.ts";
import { BoltError } from "../bolt-pages/error.ts";
import { BUCKET_HEADER_BYTES, NO_PAGE, pageOverflow, writeU64 } from "../bolt-pages/format.ts";
import { MergedBucketCursor, MergedChangeCursor } from "./merged-cursors.ts";
import type { BatchView } from "./merged-cursors.ts";
import type { FileImage } from "../bolt-pages/file-image.ts";
import { fillDatabase, newDatabase } from "../bolt-pages/new-database.ts";
import { PageFile } from "../bolt-pages/page-file.ts";
import { type CommitObserver, PageStore } from "../bolt-pages/page-store.ts";
import { PageSums } from "../bolt-sums/page-sums.ts";
import { SumFile, type SumFileOptions } from "../bolt-sums/sum-file.ts";
import { PlainOverlay } from "./plain-overlay.ts";
import { RevisionBranches } from "./revision-branches.ts";
import { KEY_BUCKET, readRevisionKey, REVISION_BYTES } from "../bolt-pages/revision-key.ts";
import { lastKey } from "./tree-cursor.ts";
import type { TreeRoot } from "./tree-cursor.ts";
import { type Rework, reworkTree, writeTree } from "./tree-writer.ts";
import type { TreePages } from "../bolt-pages/page-builder.ts";

/**
 * Writes gathered before they are merged into the trees, in memory: a millisecond. All of a batch
 * at once, when it is committed, would hold the event loop for ten.
 */
const FOLD_WORK = 1000;
/** So many bytes that are copied take as long as a small write besides. */
const WORK_BYTES = 1024;
/** And so many small writes a stored change that is deleted: its leaf is written anew. */
const DELETE_WORK = 8;

/** Stands for the tree of buckets where a tree has a bucket's name, which is never empty. */
const TOP_TREE = "";

/** Where the database is and who is told. */
export interface BoltOptions {
  readonly disk: Disk;
  /** The file, e.g. `<data>/member/snap/db`; made when it is not there. */
  readonly path: string;
  /**
   * Nothing can be made durable any more; called once. The caller must stop the member: a sync that
   * failed may have dropped pages.
   */
  readonly onFailure: (error: DiskError) => void;
  /**
   * Where checksums of the pages are kept between starts. Absent: they are known from the opening
   * on only.
   */
  readonly sums?: Omit<SumFileOptions, "disk">;
  /** Gets all changes that are stored, while the opening passes them. */
  readonly sink?: ChangeSink;
  /** Commits are prepared in turns by it, and measured. Absent: each in one go. */
  readonly clock?: Clock;
  /** Told of each commit. */
  readonly onCommit?: CommitObserver;
  /** Memory for pages of lookups; default FRAME_BYTES of page-file.ts. */
  readonly frameBytesMax?: number;
}

/** A Backend in a file of bbolt's format. */
export interface BoltBackend extends Backend {
  /** Nothing waits to become durable. */
  readonly isIdle: boolean;
  /** Memory behind pages that are not on the disk, or that no commit has and a root needs. */
  readonly unwrittenBytes: number;
  /** Work that makes the file shorter; one at a time. */
  newDefragmentation(): Defragmentation;
  /**
   * The file as the last commit makes it; right after `commit` (asserted). It stays readable, and
   * its pages are not used again, until it is closed.
   */
  openImage(): FileImage;
  /** Closes the file; what was not committed is gone. After `isIdle`. */
  close(): void;
}

/**
 * Opens or makes the database, and locks it as etcd does (formats-disk.md 2.9), but does not wait
 * for the lock. An existing one is walked once: that yields its free pages, and proves that it is
 * whole.
 * @throws BoltError when it is damaged or another process has it, DiskError.
 */
export function openBolt(options: BoltOptions): BoltBackend {
  return inOneGo(openingBolt(options));
}

/** `openBolt` with pauses; not to be given up between them. */
export function* openingBolt(options: BoltOptions): Sliced<BoltBackend> {
  const { disk, path, sink } = options;
  if (!disk.existsSync(path)) newDatabase(disk, path);
  const file = disk.openSync(path, { write: true });
  let sumFile: SumFile | null = null;
  try {
    if (!disk.tryLockSync(file, "flock")) throw lockedError(path);
    if (disk.sizeSync(file) === 0) fillDatabase(disk, file);
    makeDurable(disk, path, file);
    const pages = new PageFile(disk, file, path, options.frameBytesMax);
    const sums = new PageSums();
    pages.verifyWith(sums);
    const last = { ...pages.meta, mark: pages.mark };
    sumFile =
      options.sums === undefined ? null : new SumFile({ disk, ...options.sums }, last, sums);
    const visitor = sink === undefined ? null : new ChangeLeaves(sink);
    const report = yield* checkingDatabase(pages, visitor);
    return new FileBackend(options, { file, pages, sums, sumFile, report });
  } catch (error) {
    sumFile?.close();
    disk.closeSync(file);
    throw error;
  }
}

/**
 * What is read counts as durable from now on, but the process before may have been killed between
 * its meta page, or the name of a new file, and the sync after it. Pages of the commit before would
 * be written over, and a power loss would bring that one back. (bbolt leaves this gap.)
 */
function makeDurable(disk: Disk, path: string, file: FileId): void {
  disk.syncSync(file);
  disk.syncDirSync(path.slice(0, path.lastIndexOf("/")) || "/");
}

function lockedError(file: string): BoltError {
  return new BoltError({
    code: "locked",
    message: "the database is locked by another process",
    file,
    remedy: "Stop the other member, etcd or Skein, that uses this data directory.",
  });
}

/** What a backend is made of. */
interface Opened {
  readonly file: FileId;
  readonly pages: PageFile;
  readonly sums: PageSums;
  readonly sumFile: SumFile | null;
  readonly report: CheckReport;
}

class FileBackend implements BoltBackend, BatchView {
  readonly #disk: Disk;
  readonly #file: FileId;
  readonly #store: PageStore;
  readonly #branches = new RevisionBranches();
  readonly #sumFile: SumFile | null;
  readonly #clock: Clock | null;
  readonly #overlays = new Map<PlainBucket, PlainOverlay>();
  readonly appended = new ChangeOverlay();
  /** The buckets' trees, and the tree of buckets they are in. */
  #trees: Map<string, TreeRoot>;
  #topPage: number;
  stored: BucketTrees;
  /** Rises whenever `stored` is replaced. */
  generation = 0;
  #lastMain = -1;
  #lastSub = -1;
  #pendingOps = 0;
  #pendingBytes = 0;
  #workSinceFold = 0;
  /** The trees are not those of the last commit. */
  #isChanged = false;

  constructor(options: BoltOptions, opened: Opened) {
    const { disk, onFailure, clock, onCommit } = options;
    const { file, pages, sumFile } = opened;
    this.#disk = disk;
    this.#file = file;
    this.#sumFile = sumFile;
    const { rootPage, freeListPage } = pages.meta;
    const { problems, problemPage, isTreePage } = opened.report;
    const [problem] = problems;
    if (problem !== undefined) throw pages.damaged(problemPage, problem);
    const listPages =
      freeListPage === NO_PAGE ? 0 : 1 + pageOverflow(pages.readRaw(freeListPage), 0);
    const isList = (id: number): boolean => id >= freeListPage && id < freeListPage + listPages;
    const isFree = (id: number): boolean => id > 1 && !isTreePage(id) && !isList(id);
    const onNewPage = (id: number): void => this.#branches.drop(id);
    this.#clock = clock ?? null;
    const told = { onNewPage, onFailure, onCommit };
    this.#store = new PageStore({ ...opened, disk, clock, isFree, ...told });
    if (listPages > 0) this.#store.free(freeListPage, listPages);
    this.#trees = readBuckets(this.#store, rootPage);
    this.#topPage = rootPage;
    this.stored = new BucketTrees(this.#store, this.#trees, this.#branches);
    for (const name of PLAIN_BUCKETS) this.#overlays.set(name, new PlainOverlay());
    // The page of a stored list is used again, so the first commit has to say that there is none.
    const hasAll = [...PLAIN_BUCKETS, KEY_BUCKET].every((name) => this.#trees.has(name));
    this.#isChanged = listPages > 0 || !hasAll;
    this.#readLastRevision();
  }

  get durableBatch(): number {
    return this.#store.durableBatch;
  }

  get pendingOps(): number {
    return this.#pendingOps;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** As etcd has it: up to the last page; the file may be longer by a step of its growth. */
  get sizeBytes(): number {
    const { endPage, pageBytes } = this.#store;
    return endPage * pageBytes + this.#overlayBytes();
  }

  get sizeInUseBytes(): number {
    return this.#store.usedBytes + this.#overlayBytes();
  }

  get unwrittenBytes(): number {
    return this.#store.unwrittenBytes;
  }

  get isIdle(): boolean {
    return this.#store.isIdle && (this.#sumFile?.isIdle ?? true);
  }

  get(bucket: PlainBucket, key: Uint8Array, out: ByteSpan): boolean {
    const found = this.overlay(bucket).get(key, out);
    return found === "absent" ? this.stored.get(bucket, key, out) : found === "present";
  }

  cursor(bucket: PlainBucket): BucketCursor {
    return new MergedBucketCursor(this, bucket);
  }

  getChange(main: number, sub: number, out: ByteSpan): boolean {
    const { appended } = this;
    if (!appended.isEmpty) {
      if (appended.get(main, sub, out)) return true;
      if (appended.isRemoved(main, sub)) return false;
    }
    return this.stored.getChange(main, sub, out);
  }

  getChanges(batch: ChangeBatch): number {
    return this.appended.isEmpty ? this.stored.getChanges(batch) : getEach(this, batch, newSpan());
  }

  changes(): ChangeCursor {
    return new MergedChangeCursor(this);
  }

  put(bucket: PlainBucket, key: Uint8Array, value: Uint8Array): void {
    this.#foldIfDue();
    this.overlay(bucket).put(key, value);
    this.#wrote(key.length + value.length);
  }

  delete(bucket: PlainBucket, key: Uint8Array): boolean {
    this.#foldIfDue();
    if (!this.get(bucket, key, newSpan())) return false;
    this.overlay(bucket).delete(key);
    this.#wrote(key.length);
    return true;
  }

  appendChange(change: ChangeId, valueBytes: number, out: ByteSpan): void {
    // Before, not after: who called fills the room only when this has returned.
    this.#foldIfDue();
    const { main, sub } = change;
    const isAbove = main > this.#lastMain || (main === this.#lastMain && sub > this.#lastSub);
    assert(isAbove, "backend: revisions must rise");
    this.#lastMain = main;
    this.#lastSub = sub;
    this.appended.append(change, valueBytes, out);
    this.#wrote(REVISION_BYTES + valueBytes);
  }

  deleteChange(main: number, sub: number): boolean {
    this.#foldIfDue();
    if (!this.#removeChange(main, sub)) return false;
    this.#wrote(REVISION_BYTES);
    return true;
  }

  commit(): number {
    const beganMs = this.#clock?.monotonicMs() ?? 0;
    this.#fold();
    this.#pendingOps = 0;
    this.#pendingBytes = 0;
    if (!this.#isChanged) return this.#store.commitNothing();
    this.#isChanged = false;
    const top = { page: this.#topPage };
    this.#topPage = writeTree(this.#store, top, this.#bucketHeaders(), false);
    this.#store.nextVersion();
    return this.#store.commit(this.#topPage, (this.#clock?.monotonicMs() ?? 0) - beganMs);
  }

  openRoot(): BackendRoot {
    this.#fold();
    return new FileRoot(this.#store, this.#trees, this.#branches);
  }

  /** Pages are used again as they become free; what was deleted frees its pages when merged. */
  maintain(): boolean {
    if (this.appended.hasRemoved) this.#fold();
    return this.#store.release();
  }

  openImage(): FileImage {
    assert(!this.#isChanged && this.#pendingOps === 0, "bolt: an image of what is not committed");
    return this.#store.image(this.#topPage);
  }

  newDefragmentation(): Defragmentation {
    const trees: MovableTrees = {
      names: [...PLAIN_BUCKETS, KEY_BUCKET, TOP_TREE],
      rootPage: (name) => this.#rootPage(name),
      isRising: (name) => name === KEY_BUCKET,
      rework: (name, rework, pages) => this.#rework(name, rework, pages),
      touch: () => {
        this.#isChanged = true;
      },
    };
    return new Defragmentation(this.#store, trees);
  }

  close(): void {
    assert(this.isIdle, "bolt: closed while a commit is under way");
    this.#sumFile?.close();
    this.#disk.closeSync(this.#file);
  }

  overlay(bucket: PlainBucket): PlainOverlay {
    const overlay = this.#overlays.get(bucket);
    assert(overlay !== undefined, "backend: unknown bucket");
    return overlay;
  }

  #foldIfDue(): void {
    if (this.#workSinceFold >= FOLD_WORK) this.#fold();
  }

  /** Writes the open batch into the trees, in memory. */
  #fold(): void {
    this.#workSinceFold = 0;
    let isChanged = false;
    for (const [name, overlay] of this.#overlays) {
      if (overlay.count === 0) continue;
      this.#write(name, overlay, false);
      overlay.clear();
      isChanged = true;
    }
    if (!this.appended.isEmpty) {
      this.#write(KEY_BUCKET, this.appended, true);
      this.appended.clear();
      isChanged = true;
    }
    if (isChanged) this.#changed();
  }

  /** The trees are others. */
  #changed(): void {
    this.#isChanged = true;
    this.#store.nextVersion();
    this.stored = new BucketTrees(this.#store, this.#trees, this.#branches);
    this.generation += 1;
  }

  #rootPage(name: string): number | null {
    if (name === TOP_TREE) return this.#topPage;
    const root = this.#trees.get(name) ?? NO_TREE;
    return "page" in root ? root.page : null;
  }

  #rework(name: string, rework: Rework, pages: TreePages): void {
    const root = this.#rootPage(name);
    assert(root !== null, "bolt: a tree without pages");
    const page = reworkTree(pages, root, rework, name === KEY_BUCKET);
    if (name === TOP_TREE) {
      this.#topPage = page;
    } else {
      this.#trees = new Map(this.#trees);
      this.#trees.set(name, { page });
    }
    this.#changed();
  }

  #write(name: string, changes: PlainOverlay | ChangeOverlay, isRising: boolean): void {
    if (changes.count === 0) return;
    const root = this.#trees.get(name) ?? NO_TREE;
    // Open roots keep the map that they were given.
    this.#trees = new Map(this.#trees);
    this.#trees.set(name, { page: writeTree(this.#store, root, changes, isRising) });
  }

  /** Where the trees of all buckets begin, those included that are still missing. */
  #bucketHeaders(): PlainOverlay {
    const headers = new PlainOverlay(true);
    for (const name of [...PLAIN_BUCKETS, KEY_BUCKET]) {
      const root = this.#trees.get(name) ?? NO_TREE;
      // A bucket within its parent's page stays there until it is written to.
      if ("page" in root) headers.put(Buffer.from(name), header(root.page));
      else if (!this.#trees.has(name)) headers.put(Buffer.from(name), inlineBucket(root.bytes));
    }
    return headers;
  }

  #removeChange(main: number, sub: number): boolean {
    if (this.appended.removeAppended(main, sub) >= 0) return true;
    if (this.appended.isRemoved(main, sub)) return false;
    const found = this.stored.copyChangeKey(main, sub);
    if (found === null) return false;
    this.appended.removeStored(main, sub, found.key);
    this.#workSinceFold += DELETE_WORK + Math.floor(found.leafBytes / WORK_BYTES);
    return true;
  }

  #readLastRevision(): void {
    const key = lastKey(this.#store, this.#trees.get(KEY_BUCKET) ?? NO_TREE);
    const last = key === null ? null : readRevisionKey(key);
    if (last === null) return;
    this.#lastMain = last.main;
    this.#lastSub = last.sub;
  }

  #overlayBytes(): number {
    let bytes = this.appended.liveBytes;
    for (const overlay of this.#overlays.values()) bytes += overlay.liveBytes;
    return bytes;
  }

  #wrote(bytes: number): void {
    this.#pendingOps += 1;
    this.#workSinceFold += 1 + Math.floor(bytes / WORK_BYTES);
    this.#pendingBytes += bytes;
  }
}

class FileRoot extends BucketTrees implements BackendRoot {
  readonly #store: PageStore;
  #pin: number | null;

  constructor(store: PageStore, trees: ReadonlyMap<string, TreeRoot>, branches: RevisionBranches) {
    super(store, trees, branches);
    this.#store = store;
    this.#pin = store.pin();
  }

  close(): void {
    if (this.#pin === null) return;
    this.#store.unpin(this.#pin);
    this.#pin = null;
  }
}

function header(page: number): Uint8Array {
  const bytes = new Uint8Array(BUCKET_HEADER_BYTES);
  writeU64(bytes, 0, page);
  return bytes;
}

function inlineBucket(leaf: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BUCKET_HEADER_BYTES + leaf.length);
  bytes.set(leaf, BUCKET_HEADER_BYTES);
  return bytes;
}
