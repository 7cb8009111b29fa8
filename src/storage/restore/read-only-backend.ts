import { assert } from "../../base/assert.ts";
import type { Backend, BackendRoot } from "../backend/backend.ts";
import { BucketTrees, readBuckets } from "../backend/bolt/bucket-trees.ts";
import type { PageFile } from "../backend/bolt-pages/page-file.ts";

/**
 * A database file as a Backend that is only read, so that a key space can be opened on it: every
 * write is a bug (asserted). Unlike etcdutl, which opens the file for writing, a tool leaves it as
 * it is.
 */
export class ReadOnlyBackend extends BucketTrees implements Backend, BackendRoot {
  readonly durableBatch = 0;
  readonly pendingOps = 0;
  readonly pendingBytes = 0;
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;

  /** @throws BoltError when the bucket of buckets is damaged. */
  constructor(pages: PageFile) {
    super(pages, readBuckets(pages, pages.meta.rootPage));
    this.sizeBytes = pages.meta.endPage * pages.pageBytes;
    this.sizeInUseBytes = this.sizeBytes;
  }

  openRoot(): BackendRoot {
    return this;
  }

  /** Of the root; there is nothing to give up. */
  close(): void {}

  maintain(): boolean {
    return false;
  }

  put(): never {
    return refuse();
  }

  delete(): never {
    return refuse();
  }

  appendChange(): never {
    return refuse();
  }

  deleteChange(): never {
    return refuse();
  }

  commit(): never {
    return refuse();
  }
}

function refuse(): never {
  assert(false, "a file that is only read is written to");
  throw new Error("unreachable");
}
