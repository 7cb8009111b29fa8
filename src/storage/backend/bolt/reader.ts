import type { Disk, FileId } from "../../../platform/disk.ts";
import { BucketTrees, readBuckets } from "./bucket-trees.ts";
import { PageFile } from "../bolt-pages/page-file.ts";

/** The state of a database file at its newest valid commit, read only. */
export class BoltReader extends BucketTrees {
  readonly pages: PageFile;
  /** Names of the buckets that are there, in order. */
  readonly buckets: readonly string[];

  /** @throws BoltError, DiskError. The caller keeps `file` open for as long as it reads. */
  constructor(disk: Disk, file: FileId, path: string) {
    const pages = new PageFile(disk, file, path);
    const trees = readBuckets(pages, pages.meta.rootPage);
    super(pages, trees);
    this.pages = pages;
    this.buckets = [...trees.keys()];
  }
}
